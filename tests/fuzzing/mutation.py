"""The driver that changes valid examples: Hypothesis draws what is changed, and where."""

from math import ceil

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzzing.edits import NAMES, edited
from tests.fuzzing.guard import Guard
from tests.fuzzing.target import Target

_MOST_EDITS = 4
_TRIED = 3  # of the changes that are drawn at a time, each is tried on top of those before it
_NUMBERS = st.integers(0, 2**32 - 1)
_EDITS = st.lists(st.tuples(st.sampled_from(NAMES), _NUMBERS), min_size=1, max_size=_MOST_EDITS)


def drive(target: Target, guard: Guard, cases: int, number: int) -> None:
    """Tries about so many changed examples, the same ones for the same number."""
    valid, examples = list(target.accepted.values()), target.examples

    # Findings are noted and the search goes on: Hypothesis would stop at the first one.
    @seed(number)
    @settings(
        max_examples=ceil(cases / _TRIED),
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(valid), _EDITS)
    def each(example: bytes, edits: list[tuple[str, int]]) -> None:
        for one in edits:
            example = edited(example, [one], target.format, examples)
            guard.case(example)

    each()
