"""Lists the experiments of a session."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.experiments.context import Experiment
from harness.experiments.numpy_reimplementation import NumpyReimplementation
from harness.experiments.reproductions import SAMPLES, TABLES
from harness.experiments.study import StudyExperiment
from harness.experiments.transfer import Transfer
from harness.system.directories import PROJECT_ROOT
from reference import study_format
from reference.errors import UserError

STUDIES = PROJECT_ROOT / "reference" / "studies"

_ID = re.compile(r"[a-z0-9_]+")


def experiments(
    names: Sequence[str], *, documented: bool, grid: Path | None, studies: Path = STUDIES
) -> tuple[Experiment, ...]:
    """Returns the requested experiments, in the order of the results.

    Args:
        names: the documented architectures.
        documented: whether to include the experiments of the documents.
        grid: a file in which the user declares a study.
        studies: folder with the declarations of the documents' studies.

    Raises:
        UserError: the declaration of a study cannot be used.
    """
    found: list[Experiment] = []
    if documented:
        found += _documented(names, studies)
    if grid is not None:
        found.append(_of_user(grid, names))
    _check(found, names)
    return tuple(found)


def _documented(names: Sequence[str], studies: Path) -> list[Experiment]:
    """Returns the experiments of the documents, in the order of the results."""
    found: list[Experiment] = [
        *TABLES,
        *(StudyExperiment(study) for study in study_format.load_all(studies)),
        Transfer(),
        NumpyReimplementation(),
        *SAMPLES,
    ]
    return [experiment for experiment in found if experiment.architecture in names]


def _of_user(grid: Path, names: Sequence[str]) -> Experiment:
    """Returns the study that the user declares."""
    study = study_format.load(grid)
    if study.architecture not in names:
        raise UserError(
            f"{grid.name}: architecture = {study.architecture!r}, but should be one of the "
            f"graded networks: {', '.join(names)}"
        )
    # The prefix keeps it apart from the documents' studies, whatever the file is called.
    return StudyExperiment(replace(study, id=f"grid_{study.id}"), users=True)


def _check(found: Sequence[Experiment], names: Sequence[str]) -> None:
    """Raises ValueError unless the experiments can name tests and rows of the results."""
    seen: set[tuple[str, str]] = set()
    for experiment in found:
        key = (experiment.architecture, experiment.id)
        if experiment.architecture not in names or not _ID.fullmatch(experiment.id) or key in seen:
            raise ValueError(f"an experiment's architecture or id is unknown, bad or taken: {key}")
        seen.add(key)
