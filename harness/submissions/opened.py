"""Reads what the sandbox answered about a submission, none of which is trusted.

An answer may hold several networks: a script can fit more than one. Graded is the one closest to
the architecture that was asked for, or, where none was, to any of the documented ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.network.keras_config import read_model
from harness.network.spec import Spec
from harness.submissions.feedback.comparison import Comparison, compare
from harness.submissions.feedback.diagnosis import Finding, diagnose
from harness.submissions.feedback.matching import rank, with_own_choices
from harness.submissions.normalization.captured_recipe import CapturedRecipe, read_recipe
from harness.submissions.normalization.normalize import conform
from harness.submissions.sandbox import messages
from harness.submissions.sandbox.messages import MAX_MESSAGE, Answer
from harness.submissions.saved_weights import Arrays, read_weights
from harness.system.failure import BuildFailure
from reference.errors import UserError
from reference.facts import Facts


@dataclass(frozen=True)
class OpenedSubmission:
    """A submission's network, ready to be graded.

    Attributes:
        comparison: the network that is trained, beside the document's facts, with the
            submission's own choices where the document leaves them open.
        basis: how that is known: "project", "named", "file name" or "closest".
        origin: where the network came from, e.g. "build()" or "fit, line 31".
        original: the network as its author wrote it, before it was normalised.
        recipe: how its author trains it, where a script showed that.
        notes: what differs without counting.
        findings: faults and notes with likely causes, the most important first.
        weights: that came with a saved network, for the nodes of `original`; None when none did,
            or when they have been put into the store.
        weights_key: under which they were.
    """

    comparison: Comparison
    basis: str
    origin: str
    original: Spec
    recipe: CapturedRecipe | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    weights: Arrays | None = None
    weights_key: str | None = None

    @property
    def spec(self) -> Spec:
        """The network in the document's conventions."""
        return self.comparison.spec

    @property
    def facts(self) -> Facts:
        """The facts that it is graded by."""
        return self.comparison.facts

    @property
    def architecture(self) -> str:
        """The name of the document's facts."""
        return self.facts.name


@dataclass(frozen=True)
class _Candidate:
    spec: Spec
    recipe: CapturedRecipe | None
    origin: str
    index: int
    network: Mapping[str, object]
    problems: tuple[str, ...] = ()


def read_answer(
    answer: Answer, facts: Mapping[str, Facts], wanted: str | None, basis: str | None
) -> OpenedSubmission | BuildFailure:
    """Returns the network to be graded, or the reason that it is missing.

    Args:
        facts: by architecture.
        wanted: the architecture it is to be, where that is known.
        basis: how it is known.
    """
    candidates: list[_Candidate] = []
    problems: list[str] = []
    for index, network in enumerate(answer.document["networks"]):
        try:
            candidates.append(_candidate(network, index))
        except UserError as problem:
            problems.append(str(problem))
    if problems and not candidates:
        return BuildFailure("failed", problems[0][:MAX_MESSAGE])
    if not candidates:
        found = messages.failure(answer.document)
        return replace(found, message=_printable(found.message) or "the process gave no reason")
    known = {wanted: facts[wanted]} if wanted else facts
    name, best = min(
        ((name, candidate) for candidate in candidates for name in known),
        key=lambda pair: _rank(pair[1], known[pair[0]]),
    )
    conformed = conform(best.spec, known[name], best.recipe)
    documented = compare(known[name], conformed.spec, conformed.recipe)
    graded, choices = with_own_choices(documented)
    weights, lost = _own_weights(best, answer.payload)
    notes = [
        *_notes(answer.document["notes"]),
        *_choice(candidates, best),
        *best.problems,
        *conformed.notes,
        *choices,
        *lost,
    ]
    return OpenedSubmission(
        comparison=graded,
        basis=basis or "closest",
        origin=best.origin,
        recipe=best.recipe,
        notes=tuple(notes),
        findings=diagnose(documented),
        original=best.spec,
        weights=weights,
    )


def _rank(candidate: _Candidate, facts: Facts) -> tuple[object, ...]:
    """Returns the sort key: the closest first; of equally close ones, the last that was fitted."""
    *closeness, name = rank(candidate.spec, facts)
    return (*closeness, -candidate.index, name)


def _candidate(network: Mapping[str, object], index: int) -> _Candidate:
    spec = read_model(network)
    recipe: CapturedRecipe | None = None
    problems: tuple[str, ...] = ()
    if network.get("recipe") is not None:
        try:
            recipe = read_recipe(network["recipe"])
        except UserError as problem:
            problems = (f"how it is trained could not be read: {problem}",)
    return _Candidate(spec, recipe, _origin(network), index, network, problems)


def _own_weights(best: _Candidate, payload: bytes) -> tuple[Arrays | None, tuple[str, ...]]:
    if best.network.get("weights") is None:
        return None, ()
    try:
        return read_weights(best.network, payload, best.spec), ()
    except UserError as problem:
        return None, (f"its own weights are not graded: {problem}",)


def _origin(network: Mapping[str, object]) -> str:
    origin = network.get("origin")
    text = _printable(origin if isinstance(origin, str) else "")[:60] or "the submission"
    line = _line(network)
    return text if line is None else f"{text}, line {line}"


def _line(row: Mapping[str, object]) -> int | None:
    line = row.get("line")
    return line if type(line) is int and 0 < line < 10**7 else None


def _choice(candidates: Sequence[_Candidate], best: _Candidate) -> list[str]:
    if len(candidates) == 1:
        return []
    which = f"number {best.index + 1} ({best.origin})"
    return [f"of {len(candidates)} networks, the one closest to the document is graded: {which}"]


def _notes(notes: Sequence[Mapping[str, object]]) -> Iterator[str]:
    for note in notes:
        if text := _printable(str(note["text"])):
            line = _line(note)
            yield text if line is None else f"line {line}: {text}"


def _printable(text: str) -> str:
    """Returns untrusted text with nothing but printable characters."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text).strip()
