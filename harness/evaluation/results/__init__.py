"""results.json: everything a session found, as one document, the only input of the report."""

from harness.evaluation.results.document import SCHEMA, assemble
from harness.evaluation.results.files import read_benchmarks, write
from harness.evaluation.results.outcome import CheckResult, SessionOutcome, SubjectOutcome
from harness.evaluation.results.verdicts import COMPARABLE, EXPERIMENTS, settle, verdict

__all__ = [
    "COMPARABLE",
    "EXPERIMENTS",
    "SCHEMA",
    "CheckResult",
    "SessionOutcome",
    "SubjectOutcome",
    "assemble",
    "read_benchmarks",
    "settle",
    "verdict",
    "write",
]
