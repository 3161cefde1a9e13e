"""What the experiment of the NumPy twin found, in words.

Document 004 ends with a table that compares NumPy with Keras; here each of its cells has a measured
number beside it. The finding says what explains the document's accuracies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context
from statistics import median
from typing import Any, Final

import numpy as np

from harness.evaluation.claims import compare
from harness.experiments.study_summary import Claim, meets
from harness.jobs.kinds import numpy_twin
from harness.jobs.store.record import Record
from harness.statistics.intervals import Interval, repeats_interval
from harness.system.directories import PROJECT_ROOT
from harness.system.source_lines import code_lines_in
from reference.facts import ClaimFact

# What one has to write, or to read, to train by hand; checking gradients is left out.
TWIN_CODE: Final = tuple(
    PROJECT_ROOT / "reference" / "twin" / f"{name}.py"
    for name in ("network", "initialization", "optimizers", "training")
)

Run = Mapping[str, Any]
Summary = tuple[float, Interval]


@dataclass(frozen=True)
class Measured:
    """All that the table and the finding are written from.

    Attributes:
        architecture: whose module in models/ is counted.
        twin: what `twin_job` left, a run for each seed.
        others: by the name of a configuration, its mean test accuracy with the 95 % interval.
        keras: the documented runs of the same network with this project's training loop.
        fit: what `fit_job` left.
        claim: the document's figure for NumPy; None where the images are not the document's.
        keras_claim: its figure for Keras, likewise.
    """

    architecture: str
    twin: Sequence[Run]
    others: Mapping[str, Summary]
    keras: Sequence[Record]
    fit: Run
    claim: ClaimFact | None
    keras_claim: ClaimFact | None


def rows(measured: Measured) -> list[dict[str, str]]:
    """Returns the four rows of the document's table; its own words are transcribed from it."""
    seconds, images = _epoch_seconds(measured), speeds(measured)
    written = code_lines_in(TWIN_CODE)
    network = code_lines_in([PROJECT_ROOT / "models" / f"{measured.architecture}.py"])
    keras_mean, keras_interval = _validation(measured.keras)
    return [
        {
            "feature": "Code Control",
            "numpy_document": "Full manual",
            "numpy_measured": f"{written} lines of code: layers, loss, backpropagation, "
            "optimizers, initialisation and training loop",
            "keras_document": "High-level API",
            "keras_measured": f"{network} lines of code for the network; training it is one call "
            "of compile and one of fit",
        },
        {
            "feature": "Training Speed",
            "numpy_document": "Slower",
            "numpy_measured": f"{seconds['twin']:.2f} s an epoch on one thread, "
            f"{images['twin_images_per_s']:,.0f} images/s",
            "keras_document": "Much faster",
            "keras_measured": f"model.fit: {seconds['fit']:.2f} s an epoch on one thread, "
            f"{images['fit_images_per_s']:,.0f} images/s; Keras's layers in this project's "
            f"compiled loop: {seconds['engine']:.2f} s, {images['engine_images_per_s']:,.0f} "
            "images/s",
        },
        {
            "feature": "Accuracy Achieved",
            "numpy_document": "~90.25%",
            "numpy_measured": f"{_shown(*summary(accuracies(measured.twin)))} of the test images "
            f"after {_epochs(measured)} epochs",
            "keras_document": "~81% (can be improved)",
            "keras_measured": f"{_shown(keras_mean, keras_interval)} of the validation images "
            f"after {len(measured.keras[0].history['loss'])} epochs",
        },
        {
            "feature": "Learning Focus",
            "numpy_document": "Internals (math)",
            "numpy_measured": "every derivative is written by hand; of up to "
            f"{numpy_twin.CHECKED_ENTRIES} drawn from each array, none is further than "
            f"{bound(gradient_error(measured.twin))} of that array's largest derivative from its "
            "finite difference",
            "keras_document": "Framework usage",
            "keras_measured": "layers, loss and optimizer are named; no derivative is written",
        },
    ]


def speeds(measured: Measured) -> dict[str, float]:
    """Returns images a second in training, validation aside, each on one thread of a worker.

    Beside them, how many images the twin sees in an epoch.
    """
    seconds = _epoch_seconds(measured)
    counts = {
        "twin": measured.twin[0]["train_images"],
        "engine": measured.keras[0].document["train_images"],
        "fit": measured.fit["train_images"],
    }
    rates = {f"{name}_images_per_s": counts[name] / seconds[name] for name in counts}
    return {**rates, "train_images": counts["twin"]}


def finding(measured: Measured) -> str:
    """Returns what came out, written from the numbers."""
    sentences = [_reached(measured), _like_keras(measured)]
    if measured.claim is not None and measured.claim.value is not None:
        sentences.append(_explained(measured, measured.claim, measured.claim.value))
    sentences.append(_fast(measured))
    return " ".join(sentence for sentence in sentences if sentence)


def gradient_error(runs: Sequence[Run]) -> float:
    """Returns the largest relative error of a gradient that a run's own check found, or NaN."""
    return float(np.max([run["gradient_error"] for run in runs]))


def bound(error: float) -> str:
    """Returns a number in one digit that the error does not exceed: 2.1e-09 -> 3e-09."""
    context = Context(prec=1, rounding=ROUND_CEILING)
    return f"{float(context.create_decimal(repr(error))):.0e}"


def accuracies(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """Returns test images read right, and test images, of each run."""
    return [(run["test_correct"], run["test_images"]) for run in runs]


def gives(claim: ClaimFact | None, found: Summary) -> bool | None:
    """Whether a configuration gives the document's figure, as a study decides it.

    None where no figure is judged.
    """
    if claim is None or claim.value is None:
        return None
    return meets(Claim(claim.value, claim.resolution or 0.0), *found)


def summary(counts: Sequence[tuple[int, int]]) -> Summary:
    """Returns the mean accuracy over runs with its 95 % interval."""
    values = [correct / images for correct, images in counts]
    return sum(values) / len(values), repeats_interval(counts, same_images=True)


def _reached(measured: Measured) -> str:
    mean, interval = summary(accuracies(measured.twin))
    reached = (
        f"The twin reads {_shown(mean, interval)} of the test images right after "
        f"{_epochs(measured)} epochs"
    )
    if measured.claim is None:
        return f"{reached}; these are not the document's images, and its figure is not judged."
    verdict = {"exceeded": "is exceeded", "holds": "holds"}.get(
        compare(measured.claim, interval), "is not reproduced"
    )
    return f"{reached}: the document's {measured.claim.value:.2%} {verdict}."


def _like_keras(measured: Measured) -> str:
    """The same recipe for as many epochs, with both."""
    epochs = _epochs(measured)
    keras = [run.history["val_accuracy"] for run in measured.keras]
    if min(map(len, keras)) < epochs:
        return ""
    theirs = sum(values[epochs - 1] for values in keras) / len(keras)
    ours = [run["history"]["val_accuracy"][-1] for run in measured.twin]
    difference = sum(ours) / len(ours) - theirs
    return (
        f"After as many epochs by the same recipe the twin reads {sum(ours) / len(ours):.2%} of "
        f"the validation images and Keras {theirs:.2%}: {abs(difference) * 100:.2f} points apart"
        f"{_apart(measured)}."
    )


def _apart(measured: Measured) -> str:
    """How far apart the document's two figures are, where both are judged."""
    values = [one.value for one in (measured.claim, measured.keras_claim) if one is not None]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    points = abs(known[0] - known[1]) * 100
    return f", where the document has about {points:.0f} points between the two"


def _explained(measured: Measured, claim: ClaimFact, claimed: float) -> str:
    """Which other configurations give the figure; not which of them was used: nobody can tell."""
    others = measured.others
    if not others:
        return ""
    count = f"{len(others)} other configuration{'s' if len(others) > 1 else ''}"
    meeting = {name: found for name, found in others.items() if gives(claim, found)}
    if not meeting:
        name = min(others, key=lambda one: abs(others[one][0] - claimed))
        return (
            f"None of {count} gives {claimed:.2%}: the nearest is {name}, with "
            f"{_shown(*others[name])}."
        )
    verb = "comes" if len(meeting) == 1 else "come"
    named = "; ".join(f"{name} ({_shown(*found)})" for name, found in meeting.items())
    return (
        f"Of {count}, {len(meeting)} {verb} to {claimed:.2%} within what the repeats leave open: "
        f"{named}. That shows what can give the document's figure; what was done cannot be told."
    )


def _fast(measured: Measured) -> str:
    seconds = _epoch_seconds(measured)
    twin, fit, engine = (f"{seconds[name]:.2f} s" for name in ("twin", "fit", "engine"))
    verdict = "slower" if seconds["twin"] > seconds["fit"] else "faster"
    return (
        f"With a network so small NumPy is {verdict} than model.fit: on one thread an epoch takes "
        f"the twin {twin}, model.fit {fit}, and Keras's layers in this project's compiled loop "
        f"{engine}."
    )


def _epoch_seconds(measured: Measured) -> dict[str, float]:
    """Median seconds of an epoch; the first of `fit` is left out, since it traces and compiles."""
    return {
        "twin": median(t for run in measured.twin for t in run["history"]["epoch_time_s"]),
        "engine": median(t for run in measured.keras for t in run.history["epoch_time_s"]),
        "fit": median(measured.fit["epoch_time_s"][1:]),
    }


def _validation(runs: Sequence[Record]) -> tuple[float, Interval]:
    total = int(runs[0].recipe["validation_images"])
    return summary([(round(run.history["val_accuracy"][-1] * total), total) for run in runs])


def _epochs(measured: Measured) -> int:
    return int(measured.twin[0]["job"]["recipe"]["epochs"])


def _shown(mean: float, interval: Interval) -> str:
    lower, upper = interval
    return f"{mean:.2%} [{lower:.2%}, {upper:.2%}]"
