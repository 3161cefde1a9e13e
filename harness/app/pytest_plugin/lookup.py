"""Finds the grader's objects in pytest's: the session in a config, the subject in an item."""

from collections.abc import Iterable
from enum import Enum
from typing import Any

import pytest

from harness.app.grading.session import Session
from harness.experiments.context import Experiment

SESSION = pytest.StashKey[Session]()

SUBJECT, EXPERIMENT = "subject_id", "experiment"

# A check with this fixture needs a trained network; without such a check nothing is trained.
_TRAINED = "trained"


def fixtures(item: pytest.Item) -> frozenset[str]:
    """Returns the names of the fixtures that an item uses."""
    return frozenset(getattr(item, "fixturenames", ()))


def parameter(item: pytest.Item, name: str) -> Any:
    """Returns a parameter of an item; None if it has none of this name, or no value for it."""
    found = item.callspec.params.get(name) if hasattr(item, "callspec") else None
    return None if isinstance(found, Enum) else found  # NOTSET, of an empty parameter set


def subject_of(item: pytest.Item) -> str:
    """Returns the id of the subject that an item checks; empty if it checks none."""
    return str(parameter(item, SUBJECT) or "")


def experiment_of(item: pytest.Item) -> Experiment | None:
    """Returns the experiment that an item checks."""
    found: Experiment | None = parameter(item, EXPERIMENT)
    return found


def trains(item: pytest.Item) -> bool:
    """Returns whether an item needs the subject's own training runs."""
    return _TRAINED in fixtures(item)


def order(item: pytest.Item) -> int:
    """Returns a sort key: checks without training run first, while the networks train."""
    return 2 if experiment_of(item) is not None else int(trains(item))


def parametrize(
    metafunc: pytest.Metafunc, subjects: Iterable[str], experiments: Iterable[Experiment]
) -> None:
    """Makes one test for each subject, or for each experiment of a subject."""
    if EXPERIMENT in metafunc.fixturenames:
        cases = [
            pytest.param(one.architecture, one, id=f"{one.architecture}-{one.id}")
            for one in experiments
        ]
        metafunc.parametrize((SUBJECT, EXPERIMENT), cases)
    elif SUBJECT in metafunc.fixturenames:
        metafunc.parametrize(SUBJECT, list(subjects))


def is_empty(item: pytest.Item, name: str) -> bool:
    """Returns whether the parameter `name` has no values: pytest makes one item all the same."""
    return name in fixtures(item) and parameter(item, name) is None
