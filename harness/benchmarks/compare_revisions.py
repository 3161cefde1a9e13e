"""Is this working tree slower than another revision? `make duet BASE=<git revision>`.

Times of different moments cannot be compared on a shared machine. So both revisions are measured
together, interleaved, by fresh processes that each run the engine of one of the two trees
(`harness.statistics.revision_times`). First base is compared with itself (A/A): differences between
identical code are noise, and a difference that is not larger is not reported.
"""

import argparse
import io
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any

from harness.benchmarks.workload import Workload
from harness.network import documented as network_documented
from harness.network.spec import Spec
from harness.statistics import revision_times as statistics
from harness.statistics.revision_times import (
    MIN_MARGIN,
    Comparison,
    alarms,
    compare,
    judge,
    log_ratio,
    margin,
    turns,
)
from harness.system.directories import PROJECT_ROOT
from harness.system.machine import describe_cpu
from harness.system.processes.json_process import JsonProcess, ProcessDied, ProcessTimeout
from reference import facts
from reference.errors import UserError
from reference.facts import expected_network

# The module that times a tree, and its name in older revisions.
RUNNERS = ("harness.benchmarks.runner", "harness.bench.runner")
QUADS = 2
# A round is long enough to be timed and short enough that the machine does not change during it.
# Neighbouring rounds of identical code differ by 10 to 20 %, which takes this many to average out.
STEPS: Mapping[str, int] = {"cnn": 3, "mlp": 100}
ROUNDS: Mapping[str, int] = {"cnn": 10, "mlp": 30}
_ANSWER_S = 300

# log(second / first) of a pair, by network.
Ratios = Mapping[str, float]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Tree:
    """The files of a revision.

    Attributes:
        name: a name for messages: a commit, or the working tree.
        folder: the folder that contains `harness/` and the rest of the project.
    """

    name: str
    folder: Path

    @property
    def runner(self) -> str | None:
        """The module that times the tree; None if the tree has none."""
        return next((name for name in RUNNERS if (self.folder / _file(name)).is_file()), None)


@dataclass(frozen=True)
class Work:
    """The work of one network in a pair, and the number of rounds of each side."""

    workload: Workload
    rounds: int


@dataclass(frozen=True)
class Finding:
    """The comparisons of one network: base with base, and head with base."""

    network: str
    control: Comparison
    found: Comparison

    @property
    def verdict(self) -> str:
        """One of faster, slower, same and cannot tell."""
        return judge(self.control, self.found)


# Measuring ---------------------------------------------------------------------------------------


def work_for(names: Sequence[str]) -> dict[str, Work]:
    """Returns the work of each network: some steps of training by its documented recipe.

    Both trees get the same work, which follows from the facts of the working tree.

    Raises:
        UserError: a name is not that of a network.
    """
    known = facts.names()
    for name in names:
        if name not in known:
            raise UserError(f"--networks {name}: expected some of {', '.join(known)}")
    return {name: _work(name) for name in names}


def _work(name: str) -> Work:
    documented = facts.load(name)
    network = expected_network(documented)
    recipe = network_documented.recipe_for(documented, "documented", None)
    workload = Workload(
        task="train",
        runner="engine",
        spec=Spec(network, tuple(node.kind for node in network.nodes)),
        recipe=recipe,
        batch_size=recipe.batch_size,
        steps=STEPS[documented.family],
    )
    return Work(workload, ROUNDS[documented.family])


def measure_pair(first: Tree, second: Tree, asked: Mapping[str, Work], logs: Path) -> Ratios:
    """Returns each network's log(second / first), measured by a fresh process of each tree.

    Raises:
        UserError: the runner of a tree fails or gives a wrong answer.
    """
    runners: list[_Runner] = []
    try:
        runners += [_Runner(first, logs / "first.log"), _Runner(second, logs / "second.log")]
        # Both import TensorFlow at the same time, before anything is timed.
        for runner in runners:
            for name, one in asked.items():
                runner.send({"prepare": name, **one.workload.to_json()})
        for runner in runners:
            for _ in asked:
                runner.receive("ready")
        rounds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in asked}
        for number, turn in enumerate(turns(max(one.rounds for one in asked.values()))):
            for name in (name for name, one in asked.items() if number < one.rounds):
                for side in turn:
                    rounds[name][side].append(runners[side].time(name))
    finally:
        for runner in runners:
            runner.stop()
    return {name: log_ratio(a, b) for name, (a, b) in rounds.items()}


class _Runner:
    """A process that runs the code of a tree; any failure of it is a `UserError`."""

    def __init__(self, tree: Tree, log: Path) -> None:
        self._tree = tree
        self._process = JsonProcess(tree.runner or RUNNERS[0], log, root=tree.folder)
        self.stop = self._process.stop

    def send(self, request: Mapping[str, object]) -> None:
        try:
            self._process.send(request)
        except ProcessDied as error:
            raise self._problem(error) from error

    def receive(self, event: str) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = self._process.receive(time.monotonic() + _ANSWER_S)
            if answer["event"] != event:
                raise ValueError(answer.get("message") or answer.get("reason") or answer)
        except (ProcessDied, ProcessTimeout, ValueError, LookupError, TypeError) as error:
            raise self._problem(error) from error
        return answer

    def time(self, name: str) -> float:
        """Returns the seconds of one round of a network's training steps."""
        self.send({"run": name})
        seconds = self.receive("ran").get("elapsed_s")
        if not isinstance(seconds, float) or seconds <= 0:
            raise self._problem(ValueError(f"elapsed_s = {seconds!r}, but should be positive"))
        return seconds

    def _problem(self, error: Exception) -> UserError:
        return UserError(f"{self._tree.name} cannot be measured: {error}")


def measure(
    a: Tree, b: Tree, quads: int, pair: Callable[[Tree, Tree], Ratios], tell: Tell
) -> dict[str, list[float]]:
    """Measures two trees in ABBA order; returns each network's log(b / a), one for each pair."""
    sides = statistics.order(quads)
    ratios: dict[str, list[float]] = {}
    for start in range(0, len(sides), 2):
        swapped = sides[start : start + 2] == "BA"
        first, second = (b, a) if swapped else (a, b)
        tell(f"pair {start // 2 + 1} of {len(sides) // 2}: {first.name}, {second.name}")
        for name, ratio in pair(first, second).items():
            ratios.setdefault(name, []).append(-ratio if swapped else ratio)
    return ratios


def compare_trees(
    base: Tree, head: Tree, quads: int, pair: Callable[[Tree, Tree], Ratios], tell: Tell
) -> list[Finding]:
    """Compares base with itself, then head with base."""
    tell("base with base: the noise between identical code")
    control = measure(base, base, quads, pair, tell)
    tell("head with base")
    found = measure(base, head, quads, pair, tell)
    return [Finding(name, compare(control[name]), compare(found[name])) for name in found]


# Trees -------------------------------------------------------------------------------------------


def export_revision(repository: Path, revision: str, folder: Path) -> Tree:
    """Writes a revision's files to a folder.

    Raises:
        UserError: git is missing, or the revision does not exist or has no runner.
    """
    commit = resolve(repository, revision)
    archive = _git(repository, "archive", "--format=tar", commit)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    tree = Tree(f"{revision} ({commit[:12]})" if revision != commit else commit[:12], folder)
    if tree.runner is None:
        raise UserError(
            f"{tree.name} has no {_file(RUNNERS[0])}, so it cannot be measured. "
            "Choose a base that has it."
        )
    return tree


def _file(module: str) -> Path:
    return Path(*module.split(".")).with_suffix(".py")


def export_head(repository: Path, folder: Path) -> Tree:
    """Writes the working tree to a folder: HEAD, or its files if they differ from HEAD.

    Raises:
        UserError: git is missing.
    """
    if not _git(repository, "status", "--porcelain", "--", ".").strip():
        return export_revision(repository, "HEAD", folder)
    listed = _git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in sorted(set(listed.decode().split("\0")) - {""}):
        source = repository / name
        if source.is_file():  # not deleted, nor the folder of another repository
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return Tree("the working tree, with changes that are not committed", folder)


def resolve(repository: Path, revision: str) -> str:
    """Returns the full name of a revision's commit.

    Raises:
        UserError: git is missing, or the revision does not exist.
    """
    if not revision or revision.startswith("-"):
        raise UserError(f"--base {revision!r}: expected a git revision, e.g. BASE=HEAD~1")
    _git(repository, "rev-parse", "--git-dir")  # fails if this is not a repository
    try:
        found = _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except UserError:
        raise UserError(
            f"--base {revision}: is not a revision of this repository; expected a commit, a "
            "branch or a tag. In a shallow clone, fetch it first."
        ) from None
    return found.decode().strip()


def _git(repository: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments], capture_output=True, check=False
        )
    except FileNotFoundError:
        raise UserError("git is not installed, but is needed to read both revisions") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise UserError(f"git {arguments[0]} in {repository}: {said or 'failed'}")
    return done.stdout


# The report --------------------------------------------------------------------------------------


def table(base: str, head: str, quads: int, findings: Sequence[Finding]) -> str:
    """Returns the findings as Markdown."""
    lines = [
        f"Base: {base}. Head: {head}.",
        (
            f"Training, one thread, {describe_cpu()}; "
            f"{quads} {'quad' if quads == 1 else 'quads'} ABBA, {_rounds()} a pair."
        ),
        "",
        "| network | base ÷ base [95 %] | head ÷ base [95 %] | alarm beyond | verdict |",
        "|---|---|---|---:|---|",
    ]
    for one in findings:
        identical = "alarm" if alarms(one.control, MIN_MARGIN) else "no alarm"
        lines.append(
            f"| {one.network} | {_ratio(one.control)}, {identical} | {_ratio(one.found)} | "
            f"{100 * (exp(margin(one.control)) - 1):.0f} % | {one.verdict} |"
        )
    return "\n".join(lines)


def _rounds() -> str:
    counts = [f"{rounds} rounds ({family})" for family, rounds in ROUNDS.items()]
    return " or ".join(counts)


def _ratio(found: Comparison) -> str:
    return f"{found.ratio:.3f} [{exp(found.lower):.3f}, {exp(found.upper):.3f}]"


@contextmanager
def _terminable() -> Iterator[None]:
    """Ends on SIGTERM as on Ctrl-C, so that processes and folders are removed first."""

    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run(options: argparse.Namespace, repository: Path) -> int:
    """Measures and prints; returns the exit code.

    Raises:
        UserError: a revision, a network or a file cannot be used.
    """

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if options.report is not None and not options.report.absolute().parent.is_dir():
        raise UserError(f"--report {options.report}: {options.report.parent} is not a folder")
    names = options.networks.split(",") if options.networks else facts.names()
    asked = work_for(names)
    with _terminable(), tempfile.TemporaryDirectory(prefix="duet-") as name:
        place = Path(name)
        base = export_revision(repository, options.base, place / "base")
        head = export_head(repository, place / "head")
        tell(f"base: {base.name}\nhead: {head.name}")
        findings = compare_trees(
            base,
            head,
            options.quads,
            lambda first, second: measure_pair(first, second, asked, place / "logs"),
            tell,
        )
    text = table(base.name, head.name, options.quads, findings)
    print(text)
    if options.report is not None:
        try:
            options.report.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"--report {options.report} cannot be written: {error.strerror or error}"
            ) from error
    return int(any(one.verdict == "slower" for one in findings))


def main(arguments: Sequence[str] | None = None, repository: Path = PROJECT_ROOT) -> int:
    """Runs the command; returns 0, 1 for a slower network, 2 when interrupted, 4 on an error."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.benchmarks.compare_revisions", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--base", required=True, metavar="REV", help="git revision to compare with")
    parser.add_argument("--networks", metavar="A,B", help="some of the networks (default: all)")
    parser.add_argument(
        "--quads", type=int, default=QUADS, metavar="N", help=f"ABBA, N times (default {QUADS})"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write the table to this file, too"
    )
    options = parser.parse_args(arguments)
    try:
        if options.quads < 1:
            raise UserError(f"--quads {options.quads}: expected an integer from 1")
        return run(options, repository)
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("interrupted; all temporary files are removed", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
