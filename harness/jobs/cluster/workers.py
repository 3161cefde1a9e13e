"""The workers of a session on a cluster; the counterpart of `local.workers.Workers`."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from harness.jobs.cluster.address import Address
from harness.jobs.kinds.base import OnEvent
from harness.jobs.kinds.errors import JobFailed, WorkersLost
from harness.jobs.store.store import FOLDER, Store

if TYPE_CHECKING:
    from harness.jobs.cluster.pool import ClusterPool


class ClusterWorkers:
    """A pool that exists from `begin` to `stop`.

    Args:
        address: of the cluster.
        resources: that a worker must offer.
        data: folder of the published arrays.
        store: root of the store.
        on_event: told of every epoch.
        tell: shows a line to the user, at once.
        note: the same for any thread: the line is shown when the terminal is free.
    """

    def __init__(  # noqa: PLR0913  (each is of another kind)
        self,
        address: Address,
        resources: Mapping[str, float],
        data: Path,
        store: Path,
        on_event: OnEvent,
        *,
        tell: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        self._address, self._resources = address, resources
        self._data, self._store = data, store
        self._on_event, self._tell, self._note = on_event, tell, note
        self._pool: ClusterPool | None = None
        self._lock = Lock()
        self._stopped = False

    def begin(self, images: str) -> None:
        """Reaches the cluster.

        Args:
            images: digest of the data set that jobs will want.

        Raises:
            UserError: it cannot be reached, or cannot do our work.
        """
        # They bring in Dask, which most sessions do without.
        from harness.jobs.cluster.connection import connect, unless_lost  # noqa: PLC0415
        from harness.jobs.cluster.pool import ClusterPool  # noqa: PLC0415

        connection = connect(
            self._address,
            self._data,
            self._store / FOLDER / secrets.token_hex(6),
            self._tell,
            resources=self._resources,
        )
        self._tell(_greeting(connection.describe()))
        with unless_lost(self._address):
            self._pool = ClusterPool(
                connection,
                self._data,
                Store(self._store),
                self._on_event,
                self._note,
                self._resources,
            )
            if not self._address.local:  # its workers see our disk
                self._pool.offer(images)

    def get(self) -> "ClusterPool":
        """Returns the pool.

        Raises:
            JobFailed: the session has ended.
        """
        with self._lock:
            if self._stopped or self._pool is None:
                raise JobFailed("skipped", "the session has ended")
            return self._pool

    @property
    def platform(self) -> Mapping[str, object]:
        """What decides the bits of what they compute."""
        return self.get().connection.platform

    @property
    def at_once(self) -> int:
        """How many jobs run at once."""
        return self.get().connection.threads

    @property
    def lost(self) -> WorkersLost | None:
        """Why all workers are gone; None while there are some."""
        return self._pool.lost if self._pool else None

    def describe(self) -> dict[str, object]:
        """Returns what `environment` in results.json says of them."""
        return {"workers": self.at_once, "cluster": self.get().connection.describe()}

    def verify(self, *asked: Any) -> Any:
        """Has a worker verify a run; see `ClusterPool.verify`."""
        return self.get().verify(*asked)

    def stop(self) -> None:
        """Disconnects from the cluster; finished records stay in the store."""
        with self._lock:
            self._stopped = True
            pool = self._pool
        if pool is not None:
            pool.stop()


def _greeting(found: Mapping[str, Any]) -> str:
    workers, threads = found["workers"], found["threads"]
    return (
        f"Training on a Dask cluster: {workers} {'worker' if workers == 1 else 'workers'}, "
        f"{threads} at once, {', '.join(found['cpus'])}"
    )
