"""What an experiment is, and what comes of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from harness.experiments.context import Lab

Kind = Literal["study", "transfer", "twin", "summary_table", "samples"]


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment that ran to its end.

    Attributes:
        result: plain JSON, in the form of the experiment's kind (docs/formats.md).
        problems: what its check fails for, each a sentence: frozen weights that moved, a cell of a
            table that differs. A claim that does not reproduce is none of these, but a finding.
    """

    result: dict[str, Any]
    problems: tuple[str, ...] = ()


class Experiment(Protocol):
    """One thing that a document did beyond training its network once; stateless.

    Attributes:
        id: unique within its architecture, of a-z, 0-9 and _.
        architecture: whose subject it belongs to.
        title: what it is, for a heading.
        question: what it answers, as a sentence.
        source: the place in the document.
    """

    @property
    def id(self) -> str: ...
    @property
    def architecture(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def title(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def source(self) -> str: ...

    def run(self, lab: "Lab") -> Outcome:
        """Does it, in a thread of its own; may wait, with `Lab.wait`.

        Raises:
            JobFailed: a job that it needs gave nothing.
            UserError: what it was given by the user cannot be used.
        """
