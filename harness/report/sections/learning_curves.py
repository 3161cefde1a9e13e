"""The row of learning curves: which networks have any, what stands under each."""

from collections.abc import Sequence

from harness.report.charts import learning_curves
from harness.report.schema import results as schema
from harness.report.sections import networks
from harness.report.text import formatting
from harness.report.text import subjects as text_subjects
from harness.report.views.page import CurvePanel

MAX_SHOWN = 24

Subjects = Sequence[schema.Subject]


def panels(subjects: Subjects, anchors: Sequence[str]) -> tuple[CurvePanel, ...]:
    """One panel for each network that was trained, at most `MAX_SHOWN`, on shared vertical axes."""
    drawn = [
        (subject, anchor, runs)
        for subject, anchor in zip(subjects, anchors, strict=True)
        if (runs := networks.curves(subject))
    ][:MAX_SHOWN]
    gates = [(subject.gate or schema.Gate()).threshold for subject, _, _ in drawn]
    shared = learning_curves.ranges(
        [run for _, _, runs in drawn for run in runs],
        [gate for gate in gates if gate is not None],
    )
    return tuple(
        CurvePanel(
            formatting.cut(subject.id, text_subjects.LONGEST_NAME),
            anchor,
            learning_curves.learning_curves(f"curve{place}", subject.id, runs, gate, shared),
            _caption(subject),
        )
        for place, ((subject, anchor, runs), gate) in enumerate(zip(drawn, gates, strict=True))
    )


def _caption(subject: schema.Subject) -> str:
    """How long the network trained, how well it did at last, and why it stopped."""
    runs = subject.runs
    epochs = sorted({run.epochs for run in runs if run.epochs is not None})
    documented = [run.documented_epochs for run in runs if run.documented_epochs]
    last = [values[-1] for run in runs if (values := run.history.val_accuracy)]
    parts = []
    stopped = {run.stopped for run in runs if run.stopped}
    if len(stopped) == 1:
        why = formatting.cut(stopped.pop().rstrip("."), 160)
        parts.append(why[:1].upper() + why[1:])
    elif epochs:
        count = str(epochs[0]) if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
        of = f" of {max(documented)}" if documented else ""
        parts.append(f"{count}{of} epoch{'' if count == '1' and not documented else 's'}")
    if len(last) == 1 and last[0] is not None:
        parts.append(f"Validation accuracy at last {formatting.percent(last[0])}")
    return "".join(f"{part}. " for part in parts).strip()


def note(subjects: Subjects) -> str:
    """What the panels leave out, where they do."""
    drawn = [runs for subject in subjects if (runs := networks.curves(subject))]
    values = (v for runs in drawn for run in runs for v in (*run.accuracy, *run.val_accuracy))
    parts = []
    if any(value is not None and value > learning_curves.HIGHEST for value in values):
        ceiling = formatting.gate(learning_curves.HIGHEST)
        parts.append(f"Accuracies over {ceiling} are drawn at {ceiling}.")
    if len(drawn) > MAX_SHOWN:
        parts.append(f"The first {MAX_SHOWN} of {len(drawn)} networks; all are in epochs.csv.")
    return " ".join(parts)
