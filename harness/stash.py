"""Where the plugin leaves a session's objects for fixtures and hooks to find."""

import pytest

from harness.bench.baseline import Baseline
from harness.experiments.base import Experiment
from harness.ledger import Ledger
from harness.options import Options
from harness.session import Session
from harness.subjects import Subject

SESSION = pytest.StashKey[Session]()
LEDGER = pytest.StashKey[Ledger]()
BASELINE = pytest.StashKey[Baseline]()
SUBJECTS = pytest.StashKey[tuple[Subject, ...]]()
OPTIONS = pytest.StashKey[Options]()
EXPERIMENTS = pytest.StashKey[tuple[Experiment, ...]]()
