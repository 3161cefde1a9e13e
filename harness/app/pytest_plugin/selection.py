"""Which tests run, in which order, and what they need: pytest's items, looked at."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.experiments.context import Experiment

SUBJECT, EXPERIMENT = "subject_id", "experiment"

# Fixtures that need a trained network; a selection of checks without them trains nothing.
_TRAINING_FIXTURES = frozenset({"trained"})


def params(item: pytest.Item) -> dict[str, Any]:
    """Returns what an item is parametrized with."""
    return item.callspec.params if hasattr(item, "callspec") else {}


def subject_of(item: pytest.Item) -> str:
    """Returns whom an item is about, or an empty string."""
    found = params(item).get(SUBJECT)
    return found if isinstance(found, str) else ""  # else pytest's word for none


def experiment_of(item: pytest.Item) -> "Experiment | None":
    """Returns the experiment that an item is about."""
    found = params(item).get(EXPERIMENT)
    return found if hasattr(found, "architecture") else None  # else pytest's word for none


def trains(item: pytest.Item) -> bool:
    """Whether an item needs the subject's own runs."""
    return bool(_TRAINING_FIXTURES.intersection(getattr(item, "fixturenames", ())))


def order(item: pytest.Item) -> int:
    """What needs no training first: its verdicts are there while the networks train."""
    if experiment_of(item) is not None:
        return 2
    return 1 if trains(item) else 0


def parametrize(
    metafunc: pytest.Metafunc, subjects: Iterable[str], experiments: Iterable["Experiment"]
) -> None:
    """One test for each subject, or for each experiment, which belongs to a subject."""
    if EXPERIMENT in metafunc.fixturenames:
        cases = [
            pytest.param(one.architecture, one, id=f"{one.architecture}-{one.id}")
            for one in experiments
        ]
        metafunc.parametrize((SUBJECT, EXPERIMENT), cases)
    elif SUBJECT in metafunc.fixturenames:
        metafunc.parametrize(SUBJECT, list(subjects))


def nothing_to_try(item: pytest.Item) -> bool:
    """Whether this is the empty test that pytest makes where no experiment is wanted."""
    return EXPERIMENT in getattr(item, "fixturenames", ()) and experiment_of(item) is None
