"""How a job fails."""

from reference.errors import UserError


class JobFailed(Exception):
    """A job gave no record.

    Attributes:
        status: as in results.json: "resource" when the machine was too small, "timeout" when the
            job's limit passed, "failed" when the network cannot be trained, "skipped" when there
            is none, else "grader_error".
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


class StoreFailed(JobFailed):
    """A job was done, and the store could not take in what came of it; the message says why."""


class WorkersLost(UserError):
    """Nothing can be computed any more; the message says what happened, and what to do."""
