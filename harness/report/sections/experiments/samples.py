"""Predictions on sample digits: the picture, what was read, how sure the network was."""

from harness.report.schema import experiments as schema
from harness.report.text import formatting, html
from harness.report.views.common import Verdict
from harness.report.views.experiments import Sample, Samples

MAX_SHOWN = 60


def body(result: schema.Samples) -> Samples:
    """Returns what the section of the samples shows."""
    shown = result.samples[:MAX_SHOWN]
    seed = "" if result.seed is None else f", trained with seed {result.seed}"
    return Samples(
        note=f"Test images as the network sees them{seed}. Under each: the true digit, the "
        "prediction with its probability, and the second most likely digit.",
        samples=tuple(map(_sample, shown)),
    )


def words(result: schema.Samples) -> str:
    """Returns how many of the samples with a label are classified correctly."""
    known = [item for item in result.samples if item.label is not None]
    right = sum(item.label == item.prediction for item in known)
    return f"{right} of {len(known)} are classified correctly" if known else ""


def _sample(item: schema.Sample) -> Sample:
    label, prediction = item.label, item.prediction
    shares = [(share, digit) for digit, share in enumerate(item.probabilities) if share is not None]
    own = next((share for share, digit in shares if digit == prediction), None)
    others = sorted((pair for pair in shares if pair[1] != prediction), reverse=True)
    right = label == prediction
    known = Verdict("correct", "pass") if right else Verdict("misclassified", "fail")
    second = f"then {others[0][1]}: {formatting.percent(others[0][0], 1)}" if others else ""
    return Sample(
        picture=html.data_uri(item.pixels),
        alternative=f"Handwritten {_known(label, 'digit')}, classified as {prediction}",
        index="" if item.index is None else f"test image {item.index}",
        label=_known(label, "?"),
        prediction=str(prediction),
        verdict=None if label is None else known,
        share=formatting.percent(own, 1),
        width=round(100 * min(max(own or 0.0, 0.0), 1.0)),
        second=second,
    )


def _known(label: int | None, otherwise: str) -> str:
    return otherwise if label is None else str(label)
