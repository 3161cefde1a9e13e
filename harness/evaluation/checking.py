"""How a check says what is wrong: every difference at once, as data and as a sentence each."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import pytest

from harness.network.difference import Difference

NOTHING = Fraction(0)


class Failed(AssertionError):
    """An implementation fails a check for a reason that is said in full."""


class Mismatch(Failed):
    """An implementation differs from what is expected of it; carries the differences.

    Attributes:
        share: the part that is right all the same, from 0 to 1, for partial credit.
        from_gate: of a check about an accuracy, that less the gate's; its credit goes by the
            rubric's bands.
    """

    def __init__(
        self,
        differences: Sequence[Difference],
        share: Fraction = NOTHING,
        from_gate: Fraction | None = None,
    ) -> None:
        super().__init__("\n".join(str(difference) for difference in differences))
        self.differences = tuple(differences)
        self.share = share
        self.from_gate = from_gate


class NotApplicable(pytest.skip.Exception):  # type: ignore[misc,name-defined]
    """A check does not concern this submission: it is skipped, and takes no part in the score.

    A check that is skipped for another reason, as after a failed build, keeps its points among
    those that could have been earned.
    """


class Unavailable(Exception):
    """A check could not be made, for a reason that its author already reads elsewhere.

    Attributes:
        status: as in results.json.
    """

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def require_none(
    differences: Iterable[Difference],
    share: Fraction = NOTHING,
    from_gate: Fraction | None = None,
) -> None:
    """Raises `Mismatch` with all the differences, when there are any."""
    __tracebackhide__ = True
    found = list(differences)
    if found:
        raise Mismatch(found, share, from_gate)
