"""Something could not be done, with a status and a sentence."""

from dataclasses import dataclass

Status = str  # one of results.json's: "failed", "timeout", "resource", "grader_error"


@dataclass(frozen=True)
class BuildFailure:
    """Why a submission gave no network.

    Attributes:
        status: "failed" when the submission is to blame, "timeout", "resource", or "grader_error"
            when we are.
        message: for its author.
    """

    status: Status
    message: str
