"""What a hostile submission is: its files, what it tries, and how it must end.

The sources name what they are after by marks such as `@STORE@`, since an attacker may know where
everything is. `Places` says what each mark stands for in one test's run.
"""

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from harness.system.directories import PROJECT_ROOT

# How opening a submission may end: with the network that would score well, with the one that
# would not, with some other network, or without any, which is one of results.json's statuses.
HONEST, WRONG, OTHER = "honest", "wrong", "other"
FAILED, TIMEOUT, RESOURCE = "failed", "timeout", "resource"
STOPPED = frozenset({FAILED, TIMEOUT, RESOURCE})
A_NETWORK = frozenset({HONEST, WRONG, OTHER})

HONEST_SOURCE = (PROJECT_ROOT / "models" / "mlp_64_32.py").read_text(encoding="utf-8")
WRONG_SOURCE = HONEST_SOURCE.replace("Dense(64", "Dense(8")
assert WRONG_SOURCE != HONEST_SOURCE, "the wrong network should differ"


@dataclass(frozen=True)
class Places:
    """What a submission is after, outside of its sandbox.

    Attributes:
        mark: a word that is in no other file name, command line or text of this machine.
        secret: how the secret that lies about begins; the whole of it is in no source.
        project, store, report, home, temp: folders that are not its own.
        sibling: the folder of another submission.
        prefix: of the Python installation.
        data: a folder with MNIST's files.
        port: where a process listens, on 127.0.0.1, for TCP and UDP.
        socket: a socket's path where a process listens.
    """

    mark: str
    secret: str
    project: Path
    store: Path
    report: Path
    home: Path
    temp: Path
    sibling: Path
    prefix: Path
    data: Path
    port: int
    socket: Path

    def fill(self, text: str) -> str:
        """Returns the text with each mark replaced by what it stands for."""
        for place in fields(self):
            text = text.replace(f"@{place.name.upper()}@", str(getattr(self, place.name)))
        return text

    def content(self, content: "Content") -> bytes:
        """Returns a file's content with each mark replaced."""
        if callable(content):
            return content(self.fill)
        return self.fill(content.decode(_ANY_BYTES)).encode(_ANY_BYTES)


Fill = Callable[[str], str]

Content = bytes | Callable[[Fill], bytes]
"""Bytes in which marks are replaced, or what makes them of marks replaced: an archive."""

_ANY_BYTES = "latin-1"  # reads any bytes, and writes the same ones


@dataclass(frozen=True)
class Attack:
    """A hostile submission.

    Attributes:
        name: unique, lower case, fit for a file name.
        kind: the class of attacks it belongs to, as in docs.
        why: what it hopes for, in a sentence.
        files: file name to content, in both of which marks are not yet filled in.
        main: the file that is opened.
        ends: how opening it may end.
        links: further entries of its folder that are symbolic links: name to target.
        hard_links: the same for hard links, where they can be made.
        pipes: names of named pipes in its folder.
        endless: it ends by its limits only, so a test should make them short.
    """

    name: str
    kind: str
    why: str
    files: Mapping[str, Content]
    main: str
    ends: frozenset[str]
    links: Mapping[str, str] = field(default_factory=dict)
    hard_links: Mapping[str, str] = field(default_factory=dict)
    pipes: tuple[str, ...] = ()
    endless: bool = False

    def filled(self, places: Places) -> dict[str, bytes]:
        """Returns the files with every mark filled in."""
        return {places.fill(name): places.content(content) for name, content in self.files.items()}


def code(text: str) -> str:
    """Returns source text written indented in a corpus module."""
    return textwrap.dedent(text).strip("\n") + "\n"


def at_import(text: str, network: str = HONEST_SOURCE) -> str:
    """Returns a module that runs some code, then defines the network."""
    return code(text) + "\n" + network


def in_build(text: str, network: str = HONEST_SOURCE) -> str:
    """Returns a module whose build() runs some code, then returns the network."""
    opening = "def build() -> keras.Model:\n"
    assert opening in network
    body = textwrap.indent(code(text), "    ")
    return network.replace(opening, opening + body)


def module(
    kind: str,
    name: str,
    why: str,
    source: str | bytes,
    ends: frozenset[str] | set[str],
    *,
    files: Mapping[str, str | bytes] | None = None,
    main: str = "model.py",
    **more: object,
) -> Attack:
    """Returns an attack that is a module and perhaps further files."""
    texts = {main: source, **(files or {})}
    return Attack(
        name=name,
        kind=kind,
        why=why,
        files={key: _bytes(value) for key, value in texts.items()},
        main=main,
        ends=frozenset(ends),
        **more,  # type: ignore[arg-type]
    )


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
