"""One subject of results.json -> one network of the page."""

import statistics
from collections.abc import Iterable, Sequence

from harness.report.charts.accuracy import Scored
from harness.report.charts.learning_curves import Curve
from harness.report.schema import results as schema
from harness.report.sections import confusion, layers
from harness.report.text import formatting
from harness.report.text.html import distinct, slug
from harness.report.text.subjects import LONGEST_NAME, accuracy
from harness.report.text.verdicts import NOT_APPLICABLE, verdict
from harness.report.views.page import Check, Keys, Network, Run

LONGEST_MESSAGE = 3000
HINTS = {
    "grader_error": "This is a fault of the grader, not of the network. Please report it.",
    "timeout": "It took longer than a documented network does. Is a layer far too large?",
    "resource": "It needed more memory than is allowed. Is a layer far too large?",
}
GROUPS = ("build", "structure", "numerics", "training", "persistence")
FAMILIES = {"cnn": "convolutional", "mlp": "fully connected"}


def scored(subject: schema.Subject) -> Scored | None:
    """The network's place in the comparison charts; None without an accuracy."""
    value, ends = accuracy(subject)
    if value is None:
        return None
    spec = subject.spec or schema.Layers()
    return Scored(
        name=subject.id,
        family=subject.family or "",
        accuracy=value,
        interval=ends,
        gate=(subject.gate or schema.Gate()).threshold,
        seeds=tuple(run.test_accuracy for run in subject.runs if run.test_accuracy is not None),
        params=spec.total_params,
        flops=spec.flops,
        rates=tuple(rate for run in subject.runs if (rate := run.train_images_per_s)),
    )


def curves(subject: schema.Subject) -> list[Curve]:
    """The runs that have a history of at least one epoch."""
    histories = [run.history for run in subject.runs]
    found = [
        Curve(tuple(h.accuracy), tuple(h.val_accuracy), tuple(h.loss), tuple(h.val_loss))
        for h in histories
    ]
    return [
        curve
        for curve in found
        if any(v is not None for v in (*curve.accuracy, *curve.val_accuracy, *curve.loss))
    ]


def network(subject: schema.Subject, anchor: str) -> Network:
    """Everything the page says about one network."""
    spec, gate, runs = subject.spec or schema.Layers(), subject.gate or schema.Gate(), subject.runs
    value, ends = accuracy(subject)
    checks = _checks(subject.checks, anchor)
    failures = tuple(check for check in checks if check.verdict.kind in {"fail", "unsure"})
    gallery, gallery_basis = confusion.gallery(runs)
    documented = [run.documented_epochs for run in runs if run.documented_epochs]
    return Network(
        anchor=anchor,
        id=subject.id,
        short=formatting.cut(subject.id, LONGEST_NAME),
        family=FAMILIES.get(subject.family or "", subject.family or ""),
        title=subject.title or "",
        document=subject.document or "",
        source=subject.source or "",
        verdict=verdict(subject.verdict),
        reasons=_reasons(subject, checks),
        error=_limited(subject.error),
        accuracy=formatting.percent(value),
        interval=formatting.interval(ends),
        gate=formatting.gate(gate.threshold),
        gate_verdict=verdict(gate.verdict) if gate.verdict else None,
        gate_words=_gate_words(gate),
        margin=formatting.points(gate.margin),
        params=formatting.whole(spec.total_params),
        flops=formatting.short(spec.flops),
        epochs=_range(run.epochs for run in runs),
        epochs_of=f"of {max(documented)}" if documented else "",
        time=formatting.duration(_median(run.train_time_s for run in runs)),
        rate=formatting.whole(_median(run.train_images_per_s for run in runs)),
        score=_points(subject.score),
        score_of="" if subject.max_score is None else f"of {_points(subject.max_score)}",
        failures=failures,
        checks=_grouped(checks),
        checks_summary=_checks_summary(checks),
        layers=layers.table(subject),
        confusion=confusion.confusion(runs),
        misread=gallery,
        misread_basis=gallery_basis,
        runs=_runs(runs, anchor),
        spec_digest=subject.spec_digest or "",
        keys=_keys(subject, value),
    )


def _keys(subject: schema.Subject, accuracy: float | None) -> Keys:
    spec, gate, runs = subject.spec or schema.Layers(), subject.gate or schema.Gate(), subject.runs
    return Keys(
        accuracy=formatting.key(accuracy),
        gate=formatting.key(gate.threshold),
        margin=formatting.key(gate.margin),
        params=formatting.key(spec.total_params),
        flops=formatting.key(spec.flops),
        epochs=formatting.key(_median(run.epochs for run in runs)),
        time=formatting.key(_median(run.train_time_s for run in runs)),
        rate=formatting.key(_median(run.train_images_per_s for run in runs)),
        score=formatting.key(subject.score),
    )


def _gate_words(gate: schema.Gate) -> str:
    basis = f"({gate.basis})" if gate.basis else ""
    return " ".join(part for part in (gate.explanation, basis) if part)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _range(values: Iterable[int | None]) -> str:
    known = sorted({value for value in values if value is not None})
    if not known:
        return formatting.NOTHING
    return str(known[0]) if len(known) == 1 else f"{known[0]}–{known[-1]}"


def _points(value: float | None) -> str:
    return formatting.NOTHING if value is None else f"{value:.7g}"


def _limited(text: str | None) -> str | None:
    if text is None or len(text) <= LONGEST_MESSAGE:
        return text or None
    left_out = len(text) - LONGEST_MESSAGE
    return f"{text[:LONGEST_MESSAGE]}\n… {left_out:,} more characters are in results.json"


def _reasons(subject: schema.Subject, checks: Sequence[Check]) -> tuple[str, ...]:
    """Why the verdict is what it is, in at most three short lines."""
    if subject.error:
        return (formatting.cut(subject.error.splitlines()[0], 140),)
    reasons = []
    gate = subject.gate or schema.Gate()
    if gate.verdict in {"failed", "inconclusive"} and gate.explanation:
        reasons.append(formatting.cut(gate.explanation, 140))
    failed = [check for check in checks if check.verdict.kind in {"fail", "unsure"}]
    if failed:
        first = formatting.cut(failed[0].title, 80)
        second = f" and “{formatting.cut(failed[1].title, 80)}”" if len(failed) == 2 else ""
        more = ", first of them" if len(failed) > 2 else ":"
        fail = formatting.counted(len(failed), "check").capitalize()
        reasons.append(f"{fail} not passed{more} “{first}”{second}")
    if not reasons and checks:
        reasons.append(_checks_summary(checks))
    return tuple(reasons)


def _checks_summary(checks: Sequence[Check]) -> str:
    if not checks:
        return "No check was run."
    every = [check.verdict.word for check in checks]
    words = [word for word in every if word != NOT_APPLICABLE]
    passed, idle = words.count("passed"), len(every) - len(words)
    beside = f"; {idle} more {'does' if idle == 1 else 'do'} not apply" if idle else ""
    if passed == len(words):
        return f"All {passed} checks pass{beside}."
    others = [(w, words.count(w)) for w in dict.fromkeys(words) if w != "passed"]
    listed = formatting.listed([f"{count} {word}" for word, count in others])
    return f"{passed} of {len(words)} checks pass; {listed}{beside}."


def _grouped(checks: Sequence[Check]) -> tuple[tuple[str, tuple[Check, ...]], ...]:
    names = dict.fromkeys([*GROUPS, *(check.group for check in checks)])
    grouped = ((name, tuple(c for c in checks if c.group == name)) for name in names)
    return tuple((name, members) for name, members in grouped if members)


def _checks(items: Sequence[schema.Check], anchor: str) -> list[Check]:
    """`checks/test_a.py::test_b[network]` is found at `net-network-check-test_a-py-test_b`."""
    names = (item.id.partition("[")[0].rpartition("/")[2] for item in items)
    idents = distinct(f"{anchor}-check-{slug(name, 80)}" for name in names)
    return [_check(item, ident) for item, ident in zip(items, idents, strict=True)]


def _runs(items: Sequence[schema.Run], anchor: str) -> tuple[Run, ...]:
    idents = distinct(f"{anchor}-seed-{_known(item.seed, 'unknown')}" for item in items)
    return tuple(_run(item, ident) for item, ident in zip(items, idents, strict=True))


def _known(value: int | None, otherwise: str) -> str:
    return otherwise if value is None else str(value)


def _check(item: schema.Check, ident: str) -> Check:
    labels = (("Expected", item.expected), ("Actual", item.actual), ("Source", item.source))
    earned, possible = item.points, item.max_points
    return Check(
        id=item.id,
        ident=ident,
        title=item.title or item.id,
        group=item.group or "other",
        verdict=verdict(NOT_APPLICABLE if item.applies is False else item.status),
        points="" if possible is None else f"{_points(earned)}/{_points(possible)}",
        details=tuple((label, _limited(text) or "") for label, text in labels if text),
        hint=_limited(item.hint) or HINTS.get(item.status or ""),
        message=_limited(item.message),
    )


def _run(item: schema.Run, ident: str) -> Run:
    return Run(
        ident=ident,
        seed=_known(item.seed, formatting.NOTHING),
        accuracy=formatting.percent(item.test_accuracy),
        interval=formatting.interval(item.interval),
        loss=formatting.NOTHING if item.test_loss is None else f"{item.test_loss:.4f}",
        epochs=_known(item.epochs, formatting.NOTHING),
        time=formatting.seconds(item.train_time_s),
        stopped=item.stopped or "",
        cached=item.cached,
        key=item.key or "",
        weights=item.weights_sha256 or "",
    )
