"""The driver that is guided by coverage: atheris keeps what reaches new lines, and changes it more.

`python -m tests.fuzzing.guided` tries one target in a process of its own, since libFuzzer ends the
process that it ran in; `tests.fuzzing.campaign` starts it. The parser's modules are imported under
atheris's eyes, so nothing of the project may be imported before.
"""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

WATCHED = ["harness", "reference", "tomllib", "zipfile", "gzip", "PIL"]
MISSING = (
    "atheris is not installed, so no case was guided by coverage: "
    "pip install -r requirements-dev.txt (there are wheels for Linux on x86-64)"
)
_LONGEST = 1 << 18  # bytes of a case
_SHORT = 1 << 15  # libFuzzer changes each as often: 100,000 brackets would take half of its time
_MOST_EDITS = 3


def available() -> bool:
    """Whether atheris can be imported."""
    return find_spec("atheris") is not None


def main(arguments: Sequence[str] | None = None) -> None:
    """Tries one target; does not return."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args(arguments)

    import atheris

    with atheris.instrument_imports(include=WATCHED, enable_loader_override=False):
        table = importlib.import_module(given.table)
        from tests.fuzzing import guard
        from tests.fuzzing.ledger import Ledger
    target = next(one for one in table.TARGETS if one.name == given.target)
    guard.prepare()
    judge = guard.Guard(target, Ledger(given.ledger))
    judge.examples()

    def each(data: bytes) -> None:
        judge.case(data)
        judge.finish()  # libFuzzer gives no word of its end

    with tempfile.TemporaryDirectory(prefix="corpus-") as corpus:
        _written(target, Path(corpus))
        atheris.Setup(
            [
                sys.argv[0], f"-runs={given.cases}", f"-seed={given.seed}", f"-max_len={_LONGEST}",
                "-rss_limit_mb=0", "-malloc_limit_mb=0", "-len_control=0", corpus,
            ],
            each,
            custom_mutator=_mutator(target, atheris),
        )  # fmt: skip
        atheris.Fuzz()


def _written(target: Any, folder: Path) -> None:
    """Puts the examples where libFuzzer finds them."""
    short = [data for data in target.refused.values() if len(data) <= _SHORT]
    for number, data in enumerate((*target.accepted.values(), *short)):
        (folder / f"{number:03}").write_bytes(data[:_LONGEST])


def _mutator(target: Any, atheris: ModuleType) -> Callable[[bytes, int, int], bytes]:
    """The changes of libFuzzer half of the time, else those that know the format."""
    from tests.fuzzing.edits import NAMES, edited

    def changed(data: bytes, most: int, number: int) -> bytes:
        draw = Random(number)
        if draw.random() < 0.5:
            return bytes(atheris.Mutate(data, most))  # looked up now: before `Fuzz` it refuses
        edits = [(draw.choice(NAMES), draw.getrandbits(32)) for _ in range(_MOST_EDITS)]
        count = draw.randint(1, _MOST_EDITS)
        return edited(bytes(data), edits[:count], target.format, target.examples)[:most]

    return changed


if __name__ == "__main__":
    main()
