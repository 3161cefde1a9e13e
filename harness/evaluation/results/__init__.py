"""results.json: everything a session found, as one document, the only input of the report."""

from harness.evaluation.results.document import assemble
from harness.evaluation.results.files import read_benchmarks, write
from harness.evaluation.results.outcome import (
    COMPARABLE,
    EXPERIMENTS,
    CheckResult,
    SessionOutcome,
    SubjectOutcome,
    settle,
    verdict,
)

__all__ = [
    "COMPARABLE",
    "EXPERIMENTS",
    "CheckResult",
    "SessionOutcome",
    "SubjectOutcome",
    "assemble",
    "read_benchmarks",
    "settle",
    "verdict",
    "write",
]
