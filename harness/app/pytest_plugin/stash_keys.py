"""Where the plugin leaves a session's objects for fixtures and hooks to find."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from harness.app.grading.options import Options
from harness.app.grading.session import Session
from harness.app.pytest_plugin.check_results import Ledger
from harness.evaluation.baseline.benchmarks import Baseline
from harness.experiments.context import Experiment
from harness.submissions.subject import Subject

if TYPE_CHECKING:
    from harness.evaluation.baseline.comparison import Comparison

SESSION = pytest.StashKey[Session]()
LEDGER = pytest.StashKey[Ledger]()
BASELINE = pytest.StashKey[Baseline]()
# It brings in what reads a report: not before it is needed.
COMPARISON: "pytest.StashKey[Comparison]" = pytest.StashKey()
SUBJECTS = pytest.StashKey[tuple[Subject, ...]]()
OPTIONS = pytest.StashKey[Options]()
EXPERIMENTS = pytest.StashKey[tuple[Experiment, ...]]()
# What results.json holds, and whether it and the report were written.
DOCUMENT = pytest.StashKey[Mapping[str, Any]]()
WRITTEN = pytest.StashKey[bool]()
