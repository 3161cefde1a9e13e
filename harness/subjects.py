"""What is graded: today the project's own modules, one for each file of facts."""

from dataclasses import dataclass
from pathlib import Path

from harness.process import ROOT
from reference.errors import UserError


@dataclass(frozen=True)
class Subject:
    """An implementation of a documented architecture.

    Attributes:
        id: in test ids and results.json.
        architecture: the facts it is graded by.
        path: of its module, relative to the project where it lies inside it.
        trust: "project" for our own.
    """

    id: str
    architecture: str
    path: Path
    trust: str = "project"

    def source(self) -> str:
        """Returns the module's text.

        Raises:
            UserError: it cannot be read, or is not UTF-8.
        """
        try:
            return (ROOT / self.path).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise UserError(
                f"{self.path}: there is no such module; the facts in "
                f"reference/facts/{self.architecture}.toml expect one with a build()"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.path} cannot be read: {error}") from error


def project_subject(architecture: str) -> Subject:
    """Returns the project's own module for an architecture."""
    return Subject(architecture, architecture, Path("models") / f"{architecture}.py")
