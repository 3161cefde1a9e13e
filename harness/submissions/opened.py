"""Reads what the sandbox answered about a submission; believes nothing in it.

An answer may hold several networks: a script can fit more than one. Graded is the one closest to
the architecture that was asked for, or, where none was, to any of the documented ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.network.keras_config import read_model
from harness.network.spec import Spec
from harness.submissions.feedback.comparison import Comparison, compare
from harness.submissions.feedback.diagnosis import Finding, diagnose
from harness.submissions.feedback.matching import rank, with_own_choices
from harness.submissions.normalization.captured_recipe import CapturedRecipe, read_recipe
from harness.submissions.normalization.normalize import conform
from harness.submissions.sandbox import messages as documents
from harness.submissions.sandbox.client import Answer
from harness.submissions.saved_weights import Arrays, read_weights
from harness.system.failure import BuildFailure
from reference.errors import UserError
from reference.facts import Facts

MAX_NETWORKS = 16
MAX_NOTES = 50
MAX_TEXT = 500


@dataclass(frozen=True)
class OpenedSubmission:
    """A submission's network, ready to be graded.

    Attributes:
        comparison: the network that is trained, beside what is expected of it: the document's
            facts, with the submission's own choices where the document leaves them open.
        basis: how that is known: "project", "named", "file name" or "closest".
        origin: where the network came from, e.g. "build()" or "fit, line 31".
        recipe: how its author trains it, where a script showed that.
        notes: what differs without counting.
        findings: what is wrong, and likely causes, the most important first.
        original: as its author wrote it, before it was brought to the document's conventions.
        weights: that came with a saved network, for the nodes of `original`; None when none did,
            or when they have been put into the store.
        weights_key: under which they were.
    """

    comparison: Comparison
    basis: str
    origin: str
    recipe: CapturedRecipe | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    original: Spec | None = None
    weights: Arrays | None = None
    weights_key: str | None = None

    @property
    def spec(self) -> Spec:
        """The network in the document's conventions."""
        return self.comparison.spec

    @property
    def facts(self) -> Facts:
        """What is expected of it."""
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
    network: Mapping[str, Any]
    problems: tuple[str, ...] = ()


def read_answer(
    answer: Answer, facts: Mapping[str, Facts], wanted: str | None, basis: str | None
) -> OpenedSubmission | BuildFailure:
    """Returns the network to be graded, or why there is none.

    Args:
        facts: by architecture.
        wanted: the architecture it is to be, where that is known.
        basis: how it is known.
    """
    document = answer.document
    networks = document.get("networks")
    networks = networks[:MAX_NETWORKS] if isinstance(networks, list) else []
    candidates: list[_Candidate] = []
    problems: list[str] = []
    for index, network in enumerate(networks):
        try:
            candidates.append(_candidate(network, index))
        except UserError as problem:
            problems.append(str(problem))
    if not candidates:
        error = document.get("error")
        status = "failed"
        if not problems and isinstance(error, Mapping):
            status = documents.status(error)
        return BuildFailure(status, _reason(document, problems))
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
        *_notes(document),
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
    """The least is the closest; of equally close networks, the last that was fitted."""
    *closeness, name = rank(candidate.spec, facts)
    return (*closeness, -candidate.index, name)


def _candidate(network: object, index: int) -> _Candidate:
    if not isinstance(network, Mapping):
        raise UserError("the process described no network")
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


def _origin(network: Mapping[str, Any]) -> str:
    origin = _text(network.get("origin")) or "the submission"
    line = network.get("line")
    known = isinstance(line, int) and not isinstance(line, bool) and 0 < line < 10**7
    return f"{origin[:60]}, line {line}" if known else origin[:60]


def _choice(candidates: Sequence[_Candidate], best: _Candidate) -> list[str]:
    if len(candidates) == 1:
        return []
    which = f"number {best.index + 1} ({best.origin})"
    return [f"of {len(candidates)} networks, the one closest to the document is graded: {which}"]


def _notes(document: Mapping[str, Any]) -> list[str]:
    notes = document.get("notes")
    if not isinstance(notes, list):
        return []
    found = []
    for note in notes[:MAX_NOTES]:
        if isinstance(note, Mapping) and (text := _text(note.get("text"))):
            line = note.get("line")
            where = f"line {line}: " if isinstance(line, int) and 0 < line < 10**7 else ""
            found.append(where + text)
    return found


def _reason(document: Mapping[str, Any], problems: Sequence[str]) -> str:
    if problems:
        return problems[0][:2000]
    error = document.get("error")
    if isinstance(error, Mapping) and (message := _text(error.get("message"), 2000)):
        return message
    return "the process gave no network and no reason"


def _text(value: object, most: int = MAX_TEXT) -> str:
    """A stranger's text: one of ours is as short, and holds nothing but printable characters."""
    if not isinstance(value, str):
        return ""
    kept = "".join(c if c.isprintable() or c == "\n" else "?" for c in value[:most])
    return kept.strip()
