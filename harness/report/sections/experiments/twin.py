"""The twin: the same network in NumPy alone, beside the one in Keras."""

from harness.report.charts import interval_rows, learning_curves
from harness.report.schema import experiments as schema
from harness.report.sections.experiments.study import curve
from harness.report.text import formatting
from harness.report.views.common import Verdict
from harness.report.views.experiments import Configuration, Figure, Twin, TwinRow, TwinRun


def body(ident: str, result: schema.Twin) -> Twin:
    """Returns what the section of the twin shows; inside `svg.house_style`."""
    return Twin(
        facts=_facts(result),
        table=tuple(
            TwinRow(*(getattr(row, key) or formatting.NOTHING for key in (
                "feature", "numpy_document", "numpy_measured", "keras_document", "keras_measured",
            )))
            for row in result.table
        ),
        figures=tuple(_figures(ident, result)),
        runs=tuple(map(_run, result.runs)),
        configurations=tuple(
            _configuration(item, result.claim) for item in result.configurations
        ),
    )  # fmt: skip


def _facts(result: schema.Twin) -> tuple[tuple[str, str], ...]:
    rate, error = result.learning_rate, result.gradient_error
    rows = (
        ("Optimizer", result.optimizer or ""),
        ("Learning rate", "" if rate is None else f"{rate:g}"),
        ("Batch size", "" if result.batch_size is None else str(result.batch_size)),
        ("Epochs", "" if result.epochs is None else str(result.epochs)),
        ("Initialisation", result.initialization or ""),
        (
            "Gradients",
            ""
            if error is None
            else f"those compared differ from finite differences by at most {_small(error)} of "
            "the largest of their array",
        ),
    )
    return tuple((label, text) for label, text in rows if text)


def _small(value: float) -> str:
    """2.1e-09 -> 2.1 × 10⁻⁹."""
    digits, _, exponent = f"{value:.1e}".partition("e")
    if value == 0:
        return "0"
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits}{formatting.WIDE}×{formatting.WIDE}10{raised}"


def _figures(ident: str, result: schema.Twin) -> list[Figure]:
    figures = []
    rows = _rows(result)
    if rows:
        drawing = interval_rows.above(
            f"{ident}-dots", "Test accuracy of the NumPy reimplementation", rows, claim=result.claim
        )
        caption = f"A dot for a single run, a diamond for a mean over several, {interval_rows.BAR}."
        figures.append(Figure("Accuracy against the claim", drawing, caption))
    found = [line for run in result.runs if (line := curve(run.history))]
    if found:
        claim = result.claim
        shared = learning_curves.ranges(found, [] if claim is None else [claim])
        drawing = learning_curves.learning_curves(
            f"{ident}-curves", "the NumPy reimplementation", found, claim, shared, line="claim"
        )
        each = " A line for each seed." if len(found) > 1 else ""
        caption = f"Accuracy and loss, epoch by epoch.{each}"
        figures.append(Figure("Learning curves of the NumPy reimplementation", drawing, caption))
    return figures


def _rows(result: schema.Twin) -> list[interval_rows.Row]:
    dots = tuple(run.accuracy for run in result.runs if run.accuracy is not None)
    rows = [
        interval_rows.Row(
            "NumPy reimplementation", dots, result.mean, result.interval, strong=True
        ),
        *(
            interval_rows.Row(
                item.name or "another configuration",
                (),
                _accuracy(item),
                item.interval,
                runs=item.runs,
            )
            for item in result.configurations
        ),
    ]
    return [row for row in rows if row.mean is not None]


def _run(run: schema.TwinRun) -> TwinRun:
    return TwinRun(
        seed=formatting.NOTHING if run.seed is None else str(run.seed),
        accuracy=formatting.percent(run.accuracy),
        interval=f"{run.correct:,} of {run.images:,}"
        if run.correct is not None and run.images
        else "",
        validation=formatting.percent(run.validation_accuracy),
        time=formatting.duration(run.train_time_s),
        cpu=formatting.duration(run.cpu_time_s),
    )


def _accuracy(item: schema.Configuration) -> float | None:
    value: float | None = item.mean if item.mean is not None else item.accuracy
    return value


def _configuration(item: schema.Configuration, claim: float | None) -> Configuration:
    settings = (
        f"{formatting.cut(key, 40).replace('_', ' ')} {formatting.setting(value)}"
        for key, value in item.settings.items()
    )
    return Configuration(
        name=item.name or formatting.NOTHING,
        settings=", ".join(settings),
        accuracy=formatting.percent(_accuracy(item)),
        interval=formatting.interval(item.interval),
        runs="" if item.runs is None else str(item.runs),
        against=_against(item, claim),
    )


def _against(item: schema.Configuration, claim: float | None) -> Verdict | None:
    """Whether a configuration gives what was claimed, else on which side it lies."""
    accuracy = _accuracy(item)
    if claim is None or accuracy is None:
        return None
    if item.meets_claim:
        return Verdict("as claimed", "pass")
    return Verdict("above", "over") if accuracy > claim else Verdict("below", "none")
