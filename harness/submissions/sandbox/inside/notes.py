"""Collects notes for a learner, with the place in the submission that they are about."""

import os
import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from harness.submissions.sandbox.inside.limits import PROJECT_ROOT

if TYPE_CHECKING:
    from types import FrameType

MAX_NOTES = 50
MAX_TEXT = 500
MAX_MESSAGE = 2000

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Keras wraps what went wrong inside a layer: the first paragraph says where, the second what.
_WRAPPED = "Exception encountered when calling"
# Where Python found the module that lacks a name.
_FROM = re.compile(r" \((?:unknown location|[^()\s]+\.py)\)$")
_PACKAGE = os.path.dirname(__file__) + os.sep  # noqa: PTH120  (compared with file names)


class Note(TypedDict):
    """One note, as it is answered; the line is one of the main file."""

    kind: str
    text: str
    line: int | None


class Source:
    """Tells the submission's own code from other code.

    Attributes:
        main: the name of the file that is run.
        folder: where the submission's files lie.
    """

    def __init__(self, main: str, folder: Path) -> None:
        self.main = main
        self.folder = os.path.realpath(folder)
        machine = {
            self.folder,
            str(folder),
            sys.prefix,
            sys.base_prefix,
            os.path.realpath(sys.prefix),
        }
        packages = [path for path in sys.path if path.endswith("-packages")]
        root = str(PROJECT_ROOT)
        # The longest first: a folder's parent must not be cut off before the folder.
        self._machine = sorted({*machine, *packages, root} - {"/"}, key=len, reverse=True)

    def label(self, filename: str) -> str | None:
        """Returns how messages call a file of the submission, None for other code."""
        if filename == self.main or filename.startswith(f"{self.main}, cell "):
            return filename
        if filename.startswith("<"):
            return None  # frozen modules, and code made up on the way
        path = os.path.realpath(filename)
        if path.startswith(self.folder + os.sep):
            return os.path.relpath(path, self.folder)
        return None

    def here(self) -> tuple[str, int] | None:
        """Returns the file and line of the submission that is being run."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  (what the traceback module does)
        while frame is not None:
            label = self.label(frame.f_code.co_filename)
            if label is not None:
                return label, frame.f_lineno
            frame = frame.f_back
        return None

    def imports(self) -> bool:
        """Tells whether the import that is going on stands in the submission's own code."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
        while frame is not None:
            name = frame.f_code.co_filename
            if not name.startswith(("<frozen importlib", _PACKAGE)):
                return self.label(name) is not None
            frame = frame.f_back
        return False

    def line(self) -> int | None:
        """Returns the line of the main file that is being run; None in a notebook."""
        place = self.here()
        return place[1] if place is not None and place[0] == self.main else None

    def describe(self, error: BaseException) -> str:
        """Names the error, its text and the submission's own last line that led to it."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [(label, f.lineno) for f in frames if (label := self.label(f.filename)) is not None]
        place = own[-1] if own else self.here()
        where = f" at {place[0]}, line {place[1]}" if place else ""
        return f"{type(error).__name__}{where}: {self.clean(str(error))}"[:MAX_MESSAGE]

    def clean(self, text: str) -> str:
        """Returns the informative paragraph of a message, without this machine's paths."""
        paragraphs = _ANSI.sub("", text).strip().split("\n\n")
        kept = paragraphs[:2] if paragraphs[0].startswith(_WRAPPED) else paragraphs[:1]
        text = " ".join(kept)
        for folder in self._machine:
            text = text.replace(folder + "/", "")
        return _FROM.sub("", text)


class Notes:
    """The notes of one submission, each text once, in the order in which they came up."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.rows: list[Note] = []

    def dropped(self, old: str, write: str) -> None:
        """Adds a note about an old spelling that was understood."""
        text = f"{old} is gone since Keras 3; write `{write}`. Graded as if written so."
        self.add("dropped_name", text)

    def add(self, kind: str, text: str) -> None:
        """Adds a note about the line that is being run."""
        place = self.source.here()
        line = self.source.line()
        if place is not None and line is None:
            text = f"{text} ({place[0]}, line {place[1]})"
        text = text[:MAX_TEXT]
        known = any(row["text"] == text for row in self.rows)
        if not known and len(self.rows) < MAX_NOTES:
            self.rows.append({"kind": kind, "text": text, "line": line})
