"""How a job fails."""

from reference.errors import UserError


class JobFailed(Exception):
    """A job ended without a record.

    Attributes:
        status: as in results.json: "resource" when the machine was too small, "timeout" when the
            job's limit passed, "failed" when the network cannot be trained, "skipped" when it
            was not started, else "grader_error".
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


class StoreFailed(JobFailed):
    """The store could not keep the result of a finished job; the message says why."""


class WorkersLost(UserError):
    """All workers are gone; the message says what happened, and what to do."""
