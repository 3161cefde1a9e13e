"""Which experiments there are."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.experiments.base import Experiment
from harness.experiments.numpy_twin import NumpyTwin
from harness.experiments.samples import SAMPLES
from harness.experiments.study import StudyExperiment
from harness.experiments.summary_table import TABLES
from harness.experiments.transfer import Transfer
from harness.system.directories import PROJECT_ROOT
from reference import study_format
from reference.errors import UserError

STUDIES = PROJECT_ROOT / "reference" / "studies"

_ID = re.compile(r"[a-z0-9_]+")


def experiments(
    names: Sequence[str], *, documented: bool, grid: Path | None, studies: Path = STUDIES
) -> tuple[Experiment, ...]:
    """Returns the experiments that are asked for, in the order of the results.

    Args:
        names: the documented architectures.
        documented: whether to do what the documents did besides training.
        grid: a user's declaration of a study.
        studies: folder of the studies' declarations.

    Raises:
        UserError: a study's declaration cannot be used.
    """
    found: list[Experiment] = []
    if documented:
        found += _documented(names, studies)
    if grid is not None:
        found += _users(grid, names)
    return _checked(found, names)


def _documented(names: Sequence[str], studies: Path) -> list[Experiment]:
    """What the documents did, in the order of the results."""
    found: list[Experiment] = [
        *TABLES,
        *(StudyExperiment(study) for study in study_format.load_all(studies)),
        Transfer(),
        NumpyTwin(),
        *SAMPLES,
    ]
    return [experiment for experiment in found if experiment.architecture in names]


def _users(grid: Path, names: Sequence[str]) -> list[Experiment]:
    """What the user declared."""
    study = study_format.load(grid)
    if study.architecture not in names:
        raise UserError(
            f"{grid.name}: architecture = {study.architecture!r}, but should be one of those that "
            f"are graded: {', '.join(names)}"
        )
    # Whatever the file is called, it is not one of ours.
    return [StudyExperiment(replace(study, id=f"grid_{study.id}"), users=True)]


def _checked(found: Sequence[Experiment], names: Sequence[str]) -> tuple[Experiment, ...]:
    """Test ids and rows of the results go by these names."""
    seen: set[tuple[str, str]] = set()
    for experiment in found:
        key = (experiment.architecture, experiment.id)
        if experiment.architecture not in names or not _ID.fullmatch(experiment.id) or key in seen:
            raise ValueError(f"an experiment's architecture or id is unknown, bad or taken: {key}")
        seen.add(key)
    return tuple(found)
