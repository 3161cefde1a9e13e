"""Reaching a Dask cluster, or starting one on this machine, and seeing that it can do our work."""

import contextlib
import importlib.util
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from harness.jobs.cluster import payloads
from harness.jobs.cluster.address import OPTION, Address
from harness.system.machine import numeric_platform
from reference.errors import UserError

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

# Numbers depend on these; they must be the same everywhere. So must what carries them.
NUMERIC = ("tensorflow", "keras", "numpy")
_CARRIERS = ("distributed", "dask")
_PREFIX = "mnist-grader-"

_ANSWER_S = 15
_FIRST_WORKER_S = 60
_CLOSING_S = 5

# Whatever a node is started with must not differ between machines, where bits depend on it.
_VARIABLES = ("TF_ENABLE_ONEDNN_OPTS",)


@dataclass(frozen=True)
class Machine:
    """What one Dask worker runs on."""

    worker: str
    threads: int
    cpu: str
    platform: Mapping[str, object]


@dataclass(frozen=True)
class Connection:
    """A cluster that can do our work.

    Attributes:
        session: name of our nodes there.
        scheduler: its id, which a scheduler that is started anew does not have.
        platform: `numeric_platform` of its workers, all alike.
    """

    client: "Client"
    address: Address
    session: str
    scheduler: str
    machines: tuple[Machine, ...]
    platform: Mapping[str, object]
    _cluster: "LocalCluster | None"
    _folder: Path

    @property
    def threads(self) -> int:
        """How many jobs run at once."""
        return sum(machine.threads for machine in self.machines)

    def describe(self) -> dict[str, object]:
        """Returns the `cluster` of an environment in results.json."""
        return {
            "dask": version("distributed"),
            "workers": len(self.machines),
            "threads": self.threads,
            "cpus": sorted({machine.cpu for machine in self.machines}),
            "encrypted": self.address.encrypted or self.address.on_this_machine,
        }

    def workers(self, resources: Mapping[str, float]) -> frozenset[str]:
        """Returns the addresses of the workers that are there now and offer so much."""
        if not resources:
            return frozenset(self.client.nthreads())
        return frozenset(_offering(self.client.scheduler_info(n_workers=-1)["workers"], resources))

    def name_of(self, digest: str) -> str:
        """Under which a data set is published on the cluster."""
        return f"{self.session}/{digest}"

    def alive(self) -> bool:
        """Whether the scheduler that we know still answers."""
        with contextlib.suppress(OSError, TimeoutError, RuntimeError, KeyError):
            return bool(_identity(self.client)["id"] == self.scheduler)
        return False

    def close(self) -> None:
        """Ends our nodes, and the cluster if it is our own; does not wait for long."""
        with _quiet(), contextlib.suppress(OSError, TimeoutError, RuntimeError, ValueError):
            if self.client.status == "running":
                _unpublish(self.client, self.session)
                self.client.sync(
                    self.client.scheduler.unregister_worker_plugin,
                    name=self.session,
                    callback_timeout=_CLOSING_S,
                )
        _close(self.client, self._cluster)
        if self._cluster is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def connect(
    address: Address,
    data: Path,
    folder: Path,
    tell: Callable[[str], None],
    *,
    resources: Mapping[str, float],
    options: tuple[str, ...] = (),
) -> Connection:
    """Reaches a cluster, and has every worker of it make ready.

    Args:
        data: our published data, in case a worker sees the same disk.
        folder: where a cluster of our own keeps its files while it is there.
        tell: shows a line to the user.
        resources: what a worker must offer to be given jobs.
        options: of every node; see `harness.jobs.cluster.node`.

    Raises:
        UserError: Dask is not installed, the scheduler does not answer, or a worker cannot do our
            work.
    """
    _require_dask()
    if not address.encrypted and not address.on_this_machine:
        tell(
            f"WARNING: the connection to {address.url} is not encrypted. Every user who can reach "
            "the scheduler can run programs on its workers and change results. Use tls:// on a "
            "shared network (docs/guide/cluster.md)"
        )
    with _quiet():
        client, cluster = _reach(address, folder)
    try:
        with unless_lost(address):
            session = _PREFIX + client.id
            chosen = _first_workers(client, address, resources)
            _check_versions(client, set(chosen))
            _forget_dead_sessions(client)
            _install(client, session, data, options)
            machines = tuple(_machines(client, session, chosen))
            return Connection(
                client,
                address,
                session,
                _identity(client)["id"],
                machines,
                _common_platform(machines),
                cluster,
                folder,
            )
    except BaseException:
        _close(client, cluster)
        raise


@contextlib.contextmanager
def unless_lost(address: Address) -> Iterator[None]:
    """Turns the errors that Dask raises while a cluster is joined into a `UserError`.

    Raises:
        UserError: the cluster could not be joined.
    """
    try:
        yield
    except (OSError, TimeoutError, RuntimeError, CancelledError) as error:
        raise UserError(
            f"{OPTION} {address.text}: the cluster could not be joined "
            f"({' '.join(str(error).split()) or type(error).__name__}). Are its scheduler and its "
            "workers still running, with room on their disks? Their own messages say more; then "
            "give the command again"
        ) from error


def _close(client: "Client | None", cluster: "LocalCluster | None") -> None:
    for one in filter(None, (client, cluster)):
        with _quiet(), contextlib.suppress(OSError, TimeoutError, RuntimeError):
            one.close(timeout=_CLOSING_S)


@cache
def remote() -> ModuleType:
    """Returns `dask_worker.py` as a module that cannot be imported by its name.

    Dask sends a function by the name of its module wherever it can; workers do not have ours. Of a
    module that cannot be imported it sends the content.
    """
    spec = importlib.util.spec_from_file_location(
        "mnist_grader_remote", Path(__file__).with_name("dask_worker.py")
    )
    assert spec is not None  # noqa: S101  (the file is there)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _require_dask() -> None:
    try:
        version("distributed")
    except PackageNotFoundError:
        raise UserError(
            f"{OPTION} needs Dask, which is not installed for {sys.executable}: run "
            "`pip install -r requirements-cluster.txt` there, and on every machine of the cluster"
        ) from None


def _reach(address: Address, folder: Path) -> "tuple[Client, LocalCluster | None]":
    import dask  # noqa: PLC0415  (brought in only by those who want a cluster)
    from distributed import Client, LocalCluster  # noqa: PLC0415

    # What goes wrong with a cluster is said here in our own words, with what to do.
    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # A record weighs up to 6 MB, and goes with the job that reads it: that is meant.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"})
    if not address.local:
        try:
            return Client(address.url, timeout=_ANSWER_S, set_as_default=False), None
        except (OSError, TimeoutError, RuntimeError, TypeError, ValueError) as error:
            raise UserError(_unreachable(address, error)) from error
    cluster = None
    try:
        cluster = LocalCluster(
            n_workers=address.local,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=str(folder.absolute()),
            silence_logs=logging.CRITICAL,
        )
        return Client(cluster, timeout=_ANSWER_S, set_as_default=False), cluster
    except (OSError, TimeoutError, RuntimeError) as error:
        _close(None, cluster)
        raise UserError(
            f"{OPTION} {address.text}: the workers could not be started ({error})"
        ) from error


def _unreachable(address: Address, error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    if address.encrypted:
        return (
            f"{OPTION} {address.text}: no connection ({reason}). Is `dask scheduler` running there "
            "with its certificate, and does Dask's configuration here name ours (comm.tls.ca-file, "
            "comm.tls.client.cert and key; docs/guide/cluster.md)?"
        )
    return (
        f"{OPTION} {address.text}: no Dask scheduler answers there ({reason}). Start one with "
        "`dask scheduler`, and workers with `dask worker`, or name the address that it printed"
    )


def _identity(client: "Client") -> dict[str, Any]:
    """Asks the scheduler for its identity, instead of trusting the last answer."""
    found: dict[str, Any] = client.sync(
        client.scheduler.identity, n_workers=0, callback_timeout=_ANSWER_S
    )
    return found


def _first_workers(
    client: "Client", address: Address, resources: Mapping[str, float]
) -> dict[str, int]:
    """Waits for a worker; returns the threads of each that offers these resources."""
    with contextlib.suppress(TimeoutError):
        client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
    workers = client.scheduler_info(n_workers=-1)["workers"]
    if not workers:
        raise UserError(
            f"{OPTION} {address.text}: the scheduler answers, but no worker joined it within "
            f"{_FIRST_WORKER_S} s. Start some with `dask worker {address.url}`"
        )
    chosen = _offering(workers, resources)
    if not chosen:
        wanted = ", ".join(f"{name}={amount:g}" for name, amount in resources.items())
        raise UserError(
            f"--cluster-resources: none of the {len(workers)} workers offers {wanted}; start them "
            f'with `dask worker ADDRESS --resources "{wanted}"`'
        )
    return chosen


def _offering(workers: Mapping[str, Any], resources: Mapping[str, float]) -> dict[str, int]:
    """Returns the threads of each worker that offers these resources."""
    return {
        name: int(worker["nthreads"])
        for name, worker in workers.items()
        if all(worker["resources"].get(key, 0) >= least for key, least in resources.items())
    }


def _check_versions(client: "Client", chosen: set[str]) -> None:
    """Refuses workers whose versions differ from ours, before anything is sent to them."""
    found = client.get_versions(packages=NUMERIC)
    ours = _python_by_minor(found["client"]["packages"])
    answers = {"the scheduler": found["scheduler"], **found["workers"]}
    problems = []
    for name, answer in answers.items():
        if name != "the scheduler" and name not in chosen:
            continue
        theirs = _python_by_minor(answer["packages"])
        packages = ("python", *_CARRIERS, *(() if name == "the scheduler" else NUMERIC))
        problems += [
            f"  {name} has {package} {theirs.get(package) or '(not installed)'}, and here it is "
            f"{ours.get(package) or '(not installed)'}"
            for package in packages
            if theirs.get(package) != ours.get(package)
        ]
    if problems:
        raise UserError(
            f"{OPTION}: versions differ, and so would the results:\n"
            + "\n".join(problems)
            + "\nInstall the same versions everywhere (`pip install -r requirements-cluster.txt`; "
            "docs/guide/cluster.md), and restart those workers."
        )


def _python_by_minor(packages: Mapping[str, str]) -> dict[str, str]:
    """Code that is sent needs the same Python up to its minor version; numbers need no more."""
    return {**packages, "python": ".".join(packages["python"].split(".")[:2])}


def _install(client: "Client", session: str, data: Path, options: tuple[str, ...]) -> None:
    setup = remote().Setup(
        name=session,
        code=payloads.code(),
        hint=str(data.absolute()),
        options=options,
        variables={name: os.environ[name] for name in _VARIABLES if name in os.environ},
    )
    client.register_plugin(remote().Nodes(setup), name=session)


def _machines(client: "Client", session: str, chosen: Mapping[str, int]) -> Iterator[Machine]:
    answers = client.run(remote().hello, session, workers=list(chosen))
    for worker, answer in sorted(answers.items()):
        if answer["event"] != "hello":
            raise UserError(f"{OPTION}: {worker} cannot do our work: {answer['message']}")
        yield Machine(worker, chosen[worker], answer["cpu"], answer["platform"])


def _common_platform(machines: tuple[Machine, ...]) -> Mapping[str, object]:
    """Returns the platform that all workers share: bits depend on instruction sets.

    Raises:
        UserError: the workers are not alike.
    """
    first, *others = machines
    for other in others:
        for name, value in first.platform.items():
            if other.platform[name] != value:
                raise UserError(
                    f"{OPTION}: the workers differ, and so would the results: "
                    f"{name} is {value} on {first.worker} ({first.cpu}), and "
                    f"{other.platform[name]} on {other.worker} ({other.cpu}). Start those of one "
                    'kind with `--resources "GRADING=1"` and give --cluster-resources=GRADING=1'
                )
    ours = numeric_platform()
    return {**first.platform, **{name: ours[name] for name in NUMERIC}}


def _forget_dead_sessions(client: "Client") -> None:
    """Removes what sessions that were killed have left on the cluster."""
    with contextlib.suppress(OSError, TimeoutError, RuntimeError, ValueError):
        for name in client.run_on_scheduler(remote().dead_sessions, _PREFIX):
            client.unregister_worker_plugin(name)
            _unpublish(client, name)


def _unpublish(client: "Client", session: str) -> None:
    for name in client.list_datasets(callback_timeout=_CLOSING_S):
        if str(name).startswith(f"{session}/"):
            client.unpublish_dataset(name, callback_timeout=_CLOSING_S)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Dask's own warnings from the terminal; our messages say what matters of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
