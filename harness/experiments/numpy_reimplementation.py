"""Experiment: the network of document 004 trained by a NumPy reimplementation, beside Keras.

The document's unpublished first part built the network in NumPy and classified about 90.25 % of
the images correctly. The main configuration here is that of its second part, with fewer epochs; a
few others, as a first network in NumPy may have had them, show what gives the document's figure.
The document ends with a table that compares NumPy with Keras: each cell gets a measured number.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from decimal import ROUND_CEILING, Context
from math import ceil, isfinite, prod
from pathlib import Path
from statistics import fmean, median
from typing import Final

import numpy as np

from harness.evaluation.claims import compare
from harness.experiments.context import ExperimentContext, Kind, Outcome
from harness.experiments.study_summary import Claim, meets, points, shown
from harness.jobs.kinds import keras_fit, numpy_twin
from harness.jobs.kinds.keras_fit import FitJob
from harness.jobs.kinds.numpy_twin import TwinJob, numpy_platform
from harness.jobs.store.record import Record
from harness.network.cost import TimeLimit
from harness.network.recipe import Recipe, trained_images
from harness.statistics.intervals import Interval, repeats_interval
from harness.system.directories import PROJECT_ROOT
from harness.system.source_lines import code_lines_in
from harness.system.text import percent
from reference.facts import ClaimFact, Facts

CLAIM = "numpy_accuracy"
KERAS_CLAIM = "validation_accuracy"

# A correct gradient differs from finite differences by some 1e-9 (reference.twin.gradient_check).
MAX_GRADIENT_ERROR = 1e-6

_INITIALIZER = "glorot_uniform"  # the default of Keras's Dense
_EPOCHS = 10
_FIT_EPOCHS = 3

# Overhead of a step in NumPy, in floating-point operations as `planning.priority` counts them.
_STEP_COST = 6e7
_LIMIT = TimeLimit(1_800, "the run was stopped after 1,800 s, its limit")

# The code to write or read for training by hand, without the check of the gradients.
CODE: Final = tuple(
    PROJECT_ROOT / "reference" / "twin" / f"{name}.py"
    for name in ("network", "initialization", "optimizers", "training")
)

Summary = tuple[float, Interval]


@dataclass(frozen=True)
class Configuration:
    """A recipe for the NumPy reimplementation.

    Attributes:
        changes: from the documented recipe; a batch size of 0 means all training images.
    """

    name: str
    changes: Mapping[str, str | float]
    initializer: str = _INITIALIZER

    def recipe(self, documented: Recipe, images: int) -> Recipe:
        """Returns the recipe for a data set with this number of training images."""
        changed = replace(documented, **self.changes)  # type: ignore[arg-type]
        every = trained_images(changed, images)
        return changed if changed.batch_size else replace(changed, batch_size=every)

    def settings(self, recipe: Recipe) -> dict[str, object]:
        """Returns the settings that the result gives of a configuration and its recipe."""
        names = ("optimizer", "learning_rate", "batch_size", "epochs")
        given = {name: getattr(recipe, name) for name in names}
        return {**given, "initialization": self.initializer}


def _sgd(epochs: int, rate: float, *, initializer: str = _INITIALIZER) -> Configuration:
    name = f"SGD with rate {rate:g}, {epochs} epoch{'s' if epochs > 1 else ''}"
    start = ", He initialisation" if initializer == "he_normal" else ""
    return Configuration(
        name + start, {"optimizer": "sgd", "learning_rate": rate, "epochs": epochs}, initializer
    )


def _descent(steps: int, rate: float) -> Configuration:
    return Configuration(
        f"gradient descent on all images at once with rate {rate:g}, {steps} steps",
        {"optimizer": "sgd", "learning_rate": rate, "epochs": steps, "batch_size": 0},
    )


MAIN: Final = Configuration(f"as in Keras, {_EPOCHS} epochs", {"epochs": _EPOCHS})
OTHERS: Final = (
    Configuration("as in Keras, 1 epoch", {"epochs": 1}),
    *(_sgd(epochs, 0.01) for epochs in (1, 2, 5, 10)),
    _sgd(1, 0.01, initializer="he_normal"),
    *(_sgd(epochs, 0.1) for epochs in (1, 2)),
    *(_descent(steps, 0.1) for steps in (50, 100, 150)),
)


@dataclass(frozen=True)
class NumpyRun:
    """An element of the result's "runs" (docs/formats.md).

    Attributes:
        gradient_error: the largest relative error that the run's own check found; may be NaN.
    """

    key: str
    seed: int
    accuracy: float
    correct: int
    images: int
    validation_accuracy: float
    history: Mapping[str, Sequence[float]]
    gradient_error: float
    train_time_s: float
    cpu_time_s: float
    weights_sha256: str


@dataclass(frozen=True)
class Measured:
    """The measurements that the table and the finding are made from.

    Attributes:
        architecture: the network, whose module in models/ is counted.
        runs: of the main configuration, one for each seed.
        others: mean test accuracy and 95 % interval of each other configuration, by name.
        keras: the documented runs of the same network with this project's training loop.
        fit_epochs_s: seconds of each epoch of `model.fit`.
        images: training images of an epoch of the "twin", the "engine" and "fit".
        claim: the document's accuracy for NumPy; None if the images are not the document's.
        keras_claim: its accuracy for Keras; None likewise.
    """

    architecture: str
    runs: Sequence[NumpyRun]
    others: Mapping[str, Summary]
    keras: Sequence[Record]
    fit_epochs_s: Sequence[float]
    images: Mapping[str, int]
    claim: ClaimFact | None
    keras_claim: ClaimFact | None

    @property
    def epochs(self) -> int:
        """The number of epochs of the main configuration."""
        return len(self.runs[0].history["val_accuracy"])

    @property
    def gradient_error(self) -> float:
        """The largest error of a gradient in any run, or NaN."""
        return float(np.max([run.gradient_error for run in self.runs]))

    @property
    def epoch_seconds(self) -> dict[str, float]:
        """Median seconds of an epoch; without the first of `fit`, which traces and compiles."""
        return {
            "twin": median(t for run in self.runs for t in run.history["epoch_time_s"]),
            "engine": median(t for run in self.keras for t in run.history["epoch_time_s"]),
            "fit": median(self.fit_epochs_s[1:]),
        }

    @property
    def speeds(self) -> dict[str, float]:
        """Images per second in training without validation, each on one thread of a worker."""
        seconds = self.epoch_seconds
        rates = {f"{name}_images_per_s": self.images[name] / seconds[name] for name in seconds}
        return {**rates, "train_images": self.images["twin"]}


@dataclass(frozen=True)
class NumpyReimplementation:
    """The NumPy reimplementation of an architecture of dense layers; see `Experiment`."""

    architecture: str = "mlp_64_32"
    others: Sequence[Configuration] = field(default=OTHERS)

    id: str = "numpy_twin"
    kind: Kind = "twin"
    title: str = "The same network in NumPy alone"
    question: str = (
        "What does the network reach when every step of training is written out in NumPy, and what "
        "explains the accuracy that the document gives for it?"
    )
    source: str = "Summary Table, column 'NumPy (Part 1)'"

    def run(self, context: ExperimentContext) -> Outcome:
        """Trains all configurations with all seeds, and times `model.fit`."""
        facts, spec = context.facts(self.architecture), context.spec(self.architecture)
        documented, dataset = context.recipe(self.architecture), context.dataset
        configurations = (MAIN, *self.others)
        recipes = [one.recipe(documented, len(dataset.train_labels)) for one in configurations]
        waiting = [
            _submit(context, facts, one, recipe)
            for one, recipe in zip(configurations, recipes, strict=True)
        ]
        timed = replace(documented, epochs=_FIT_EPOCHS)
        fit_job = FitJob(spec, timed, dataset.name, dataset.digest, context.platform)
        title = f"{self.architecture} model.fit"
        fitting = context.do(fit_job, title, _cost(timed, context, facts), _LIMIT, _FIT_EPOCHS)
        keras = context.runs(self.architecture)
        runs = [_run(context.wait(run)) for run in waiting[0]]
        others = [[_run(context.wait(run)) for run in futures] for futures in waiting[1:]]
        summaries = [summary(counts(each)) for each in others]
        fit = keras_fit.read(context.wait(fitting))
        measured = Measured(
            architecture=self.architecture,
            runs=runs,
            others={one.name: x for one, x in zip(self.others, summaries, strict=True)},
            keras=keras,
            fit_epochs_s=fit["epoch_time_s"],
            images={
                "twin": trained_images(recipes[0], len(dataset.train_labels)),
                "engine": keras[0].document["train_images"],
                "fit": fit["train_images"],
            },
            # A claim is judged on the document's images only.
            claim=claim(facts, CLAIM) if context.calibration.documented else None,
            keras_claim=claim(facts, KERAS_CLAIM) if context.calibration.documented else None,
        )
        mean, interval = summary(counts(runs))
        result = {
            "claim": None if measured.claim is None else measured.claim.value,
            **MAIN.settings(recipes[0]),
            "gradient_error": _finite(measured.gradient_error),
            "runs": [asdict(run) | {"gradient_error": _finite(run.gradient_error)} for run in runs],
            "mean": mean,
            "interval": list(interval),
            "configurations": [
                {
                    "name": one.name,
                    "settings": one.settings(recipe),
                    "mean": found[0],
                    "interval": list(found[1]),
                    "meets_claim": gives(measured.claim, found),
                    "runs": len(each),
                    "cpu_time_s": fmean(run.cpu_time_s for run in each),
                }
                for one, recipe, each, found in zip(
                    self.others, recipes[1:], others, summaries, strict=True
                )
            ],
            "speed": measured.speeds,
            "table": rows(measured),
            "finding": finding(measured),
        }
        return Outcome(result, problems(measured.gradient_error))


def _submit(
    context: ExperimentContext, facts: Facts, one: Configuration, recipe: Recipe
) -> list[Future[Path]]:
    """Starts the training of a configuration with all seeds."""
    jobs = [
        TwinJob(
            sizes=sizes(facts),
            initializer=one.initializer,
            recipe=recipe,
            dataset=context.dataset.name,
            data_digest=context.dataset.digest,
            seed=seed,
            platform=numpy_platform(context.platform),
        )
        for seed in range(context.seeds)
    ]
    cost = _cost(recipe, context, facts)
    return [
        context.do(job, f"NumPy, {one.name}, seed {job.seed}", cost, _LIMIT, recipe.epochs)
        for job in jobs
    ]


def _run(folder: Path) -> NumpyRun:
    """Returns the row of one run, from its folder in the store."""
    document = numpy_twin.read(folder)
    kept = ("key", "history", "gradient_error", "train_time_s", "cpu_time_s", "weights_sha256")
    correct, images = document["test_correct"], document["test_images"]
    return NumpyRun(
        **{name: document[name] for name in kept},
        seed=document["job"]["seed"],
        accuracy=correct / images,
        correct=correct,
        images=images,
        validation_accuracy=document["history"]["val_accuracy"][-1],
    )


def _cost(recipe: Recipe, context: ExperimentContext, facts: Facts) -> float:
    images = trained_images(recipe, len(context.dataset.train_labels))
    steps = ceil(images / recipe.batch_size)
    return recipe.epochs * (6.0 * facts.total_params * images + _STEP_COST * steps)


def _finite(value: float) -> float | None:
    """Returns None for NaN, which JSON does not have."""
    return value if isfinite(value) else None


def claim(facts: Facts, metric: str) -> ClaimFact:
    """Returns the document's claim about an accuracy."""
    return next(one for one in facts.claims if one.metric == metric)


def sizes(facts: Facts) -> tuple[int, ...]:
    """Returns the sizes of the input and the layers of a network of dense layers."""
    shapes = (facts.input_shape, *(layer.output_shape for layer in facts.layers))
    return tuple(prod(shape) for shape in shapes)


def counts(runs: Sequence[NumpyRun]) -> list[tuple[int, int]]:
    """Returns the correctly classified test images and all test images of each run."""
    return [(run.correct, run.images) for run in runs]


def summary(counts: Sequence[tuple[int, int]]) -> Summary:
    """Returns the mean accuracy over runs with its 95 % interval."""
    mean = sum(correct / images for correct, images in counts) / len(counts)
    return mean, repeats_interval(counts, same_images=True)


def gives(claim: ClaimFact | None, found: Summary) -> bool | None:
    """Whether a configuration gives the document's figure, as in a study; None if not judged."""
    if claim is None or claim.value is None:
        return None
    return meets(Claim(claim.value, claim.resolution or 0.0), *found)


def problems(gradient_error: float) -> tuple[str, ...]:
    """Returns why the results have no meaning; a low accuracy is a finding, not a problem."""
    if gradient_error <= MAX_GRADIENT_ERROR:  # false for NaN
        return ()
    problem = (
        f"the gradient in NumPy differs from its finite differences by {gradient_error:.1e}, but "
        f"should by at most {MAX_GRADIENT_ERROR:.0e}"
    )
    return (problem,)


# The table and the finding -----------------------------------------------------------------------


def rows(measured: Measured) -> list[dict[str, str]]:
    """Returns the rows of the document's table, each cell with its words and the measurement."""
    seconds, images = measured.epoch_seconds, measured.speeds
    network = PROJECT_ROOT / "models" / f"{measured.architecture}.py"
    total = int(measured.keras[0].recipe["validation_images"])
    validation = [(round(run.history["val_accuracy"][-1] * total), total) for run in measured.keras]
    return [
        {
            "feature": "Code Control",
            "numpy_document": "Full manual",
            "numpy_measured": f"{code_lines_in(CODE)} lines of code: layers, loss, "
            "backpropagation, optimizers, initialisation and training loop",
            "keras_document": "High-level API",
            "keras_measured": f"{code_lines_in([network])} lines of code for the network; training "
            "takes one call of compile and one of fit",
        },
        {
            "feature": "Training Speed",
            "numpy_document": "Slower",
            "numpy_measured": f"{seconds['twin']:.2f} s per epoch on one thread, "
            f"{images['twin_images_per_s']:,.0f} images/s",
            "keras_document": "Much faster",
            "keras_measured": f"model.fit: {seconds['fit']:.2f} s per epoch on one thread, "
            f"{images['fit_images_per_s']:,.0f} images/s; Keras's layers in this project's "
            f"compiled loop: {seconds['engine']:.2f} s, {images['engine_images_per_s']:,.0f} "
            "images/s",
        },
        {
            "feature": "Accuracy Achieved",
            "numpy_document": "~90.25%",
            "numpy_measured": f"{shown(*summary(counts(measured.runs)))} of the test images after "
            f"{measured.epochs} epochs",
            "keras_document": "~81% (can be improved)",
            "keras_measured": f"{shown(*summary(validation))} of the validation images after "
            f"{len(measured.keras[0].history['loss'])} epochs",
        },
        {
            "feature": "Learning Focus",
            "numpy_document": "Internals (math)",
            "numpy_measured": "every derivative is written by hand; of up to "
            f"{numpy_twin.CHECKED_ENTRIES} drawn from each array, all are within "
            f"{bound(measured.gradient_error)} of that array's largest derivative from their "
            "finite differences",
            "keras_document": "Framework usage",
            "keras_measured": "layers, loss and optimizer are named; no derivative is written",
        },
    ]


def bound(error: float) -> str:
    """Returns the error rounded up to one digit: 2.1e-09 -> 3e-09."""
    context = Context(prec=1, rounding=ROUND_CEILING)
    return f"{float(context.create_decimal(repr(error))):.0e}"


def finding(measured: Measured) -> str:
    """Returns the finding as sentences that follow from the numbers."""
    sentences = [_reached(measured), _like_keras(measured), _explained(measured), _speed(measured)]
    return " ".join(sentence for sentence in sentences if sentence)


def _reached(measured: Measured) -> str:
    mean, interval = summary(counts(measured.runs))
    reached = (
        f"NumPy classifies {shown(mean, interval)} of the test images correctly after "
        f"{measured.epochs} epochs"
    )
    if measured.claim is None or measured.claim.value is None:
        return f"{reached}; these are not the document's images, so its figure is not judged."
    verdict = {"exceeded": "is exceeded", "holds": "holds"}.get(
        compare(measured.claim, interval), "is not reproduced"
    )
    return f"{reached}: the document's {percent(measured.claim.value)} {verdict}."


def _like_keras(measured: Measured) -> str:
    """Compares the same recipe after as many epochs."""
    keras = [run.history["val_accuracy"] for run in measured.keras]
    if min(map(len, keras)) < measured.epochs:
        return ""
    theirs = fmean(values[measured.epochs - 1] for values in keras)
    ours = fmean(run.validation_accuracy for run in measured.runs)
    claims = [one.value for one in (measured.claim, measured.keras_claim) if one is not None]
    known = [value for value in claims if value is not None]
    apart = ""
    if len(known) == 2:
        distance = 100 * abs(known[0] - known[1])
        apart = f", where the document has about {distance:.0f} points between the two"
    return (
        f"After as many epochs by the same recipe NumPy classifies {percent(ours)} of the "
        f"validation images correctly and Keras {percent(theirs)}: {points(abs(ours - theirs))} "
        f"apart{apart}."
    )


def _explained(measured: Measured) -> str:
    """Names the other configurations that give the document's figure."""
    claim, others = measured.claim, measured.others
    if not others or claim is None or claim.value is None:
        return ""
    claimed = claim.value
    count = f"{len(others)} other configuration{'s' if len(others) > 1 else ''}"
    meeting = {name: found for name, found in others.items() if gives(claim, found)}
    if not meeting:
        name = min(others, key=lambda one: abs(others[one][0] - claimed))
        return (
            f"None of {count} gives {percent(claimed)}. The nearest is {name}, with "
            f"{shown(*others[name])}."
        )
    verb = "agrees" if len(meeting) == 1 else "agree"
    named = "; ".join(f"{name} ({shown(*found)})" for name, found in meeting.items())
    return (
        f"Of {count}, {len(meeting)} {verb} with {percent(claimed)}: {named}. This shows what can "
        "give the document's figure, not how it was obtained."
    )


def _speed(measured: Measured) -> str:
    seconds = measured.epoch_seconds
    ours, fit, engine = (f"{seconds[name]:.2f} s" for name in ("twin", "fit", "engine"))
    verdict = "slower" if seconds["twin"] > seconds["fit"] else "faster"
    return (
        f"For a network this small NumPy is {verdict} than model.fit: an epoch on one thread takes "
        f"{ours} in NumPy, {fit} in model.fit, and {engine} with Keras's layers in this project's "
        "compiled loop."
    )
