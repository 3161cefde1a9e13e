"""Subjects of grading: the project's own modules, and submissions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.submissions.discovery import Entry
from harness.system.directories import PROJECT_ROOT
from reference.errors import UserError

PROJECT, SUBMISSION = "project", "submission"


@dataclass(frozen=True)
class Subject:
    """An implementation of a documented architecture.

    Attributes:
        id: in test ids, results.json and file names.
        architecture: the facts it is graded by; None to take the closest.
        path: of its file or folder, relative to the project where it lies inside it.
        name: the author's name for it.
        basis: how the architecture is known: "project", "named" or "file name"; None when it
            is not.
        trust: "project" for the project's own modules, else "submission".
    """

    id: str
    architecture: str | None
    path: Path
    name: str
    basis: str | None = PROJECT
    trust: str = PROJECT

    def source(self) -> str:
        """Returns the text of one of the project's own modules.

        Raises:
            UserError: it cannot be read, or is not UTF-8.
        """
        try:
            return (PROJECT_ROOT / self.path).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise UserError(
                f"{self.path} was not found; reference/facts/{self.architecture}.toml needs this "
                "module, with a function build()"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.path} cannot be read: {error}") from error

    @property
    def entry(self) -> Entry:
        """The submission's files."""
        return Entry(self.id, self.name, PROJECT_ROOT / self.path)


def project_subject(architecture: str) -> Subject:
    """Returns the project's own module for an architecture."""
    return Subject(architecture, architecture, Path("models") / f"{architecture}.py", architecture)


def submitted(entries: Iterable[Entry], wanted: str | None, known: Sequence[str]) -> list[Subject]:
    """Returns the subjects of a class.

    Args:
        wanted: the architecture named for all of them, if any.
        known: the documented architectures; a submission may be named after one.
    """
    return [
        Subject(
            id=entry.id,
            architecture=wanted or named_after(entry.path.stem, known),
            path=_shown(entry.path),
            name=entry.name,
            basis="named" if wanted else _basis(entry.path.stem, known),
            trust=SUBMISSION,
        )
        for entry in entries
    ]


def named_after(stem: str, known: Sequence[str]) -> str | None:
    """Returns the architecture that a file's name says, or None."""
    plain = stem.lower().replace("-", "_").replace(" ", "_")
    return plain if plain in known else None


def _basis(stem: str, known: Sequence[str]) -> str | None:
    return "file name" if named_after(stem, known) else None


def _shown(path: Path) -> Path:
    absolute = path.absolute()
    return absolute.relative_to(PROJECT_ROOT) if absolute.is_relative_to(PROJECT_ROOT) else absolute
