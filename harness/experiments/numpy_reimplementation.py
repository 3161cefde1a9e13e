"""Experiment: the network of document 004 trained by the NumPy twin, beside Keras.

The document's first part, which is not published, built the network in NumPy and read about 90.25 %
right. The twin's own configuration is that of the document's second part, trained for fewer epochs;
a few others, such as somebody's first network in NumPy might have had, show what gives that figure.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from math import ceil, isfinite, prod
from pathlib import Path
from typing import Any, Final

from harness.experiments import numpy_finding
from harness.experiments.context import ExperimentContext, Kind, Outcome
from harness.experiments.numpy_finding import accuracies, summary
from harness.jobs.kinds import keras_fit, numpy_twin
from harness.jobs.kinds.keras_fit import FitJob
from harness.jobs.kinds.numpy_twin import TwinJob, numpy_platform
from harness.network.cost import TimeLimit
from harness.network.recipe import Recipe, trained_images
from reference.facts import ClaimFact, Facts

CLAIM = "numpy_accuracy"
KERAS_CLAIM = "validation_accuracy"

# A correct gradient differs from finite differences by some 1e-9 (reference.twin.gradient_check).
MAX_GRADIENT_ERROR = 1e-6

# As Keras's Dense starts when nothing is said.
_INITIALIZER = "glorot_uniform"
_EPOCHS = 10
_FIT_EPOCHS = 3

# A step of NumPy in the floating-point operations of `planning.cost`, beside its arithmetic.
_STEP_COST = 6e7
_LIMIT = TimeLimit(1_800, "the run was stopped after 1,800 s, its limit")


@dataclass(frozen=True)
class Configuration:
    """A way to train the twin.

    Attributes:
        changes: of the documented recipe; a batch size of 0 means all training images.
    """

    name: str
    changes: Mapping[str, Any]
    initializer: str = _INITIALIZER

    def recipe(self, documented: Recipe, images: int) -> Recipe:
        """Returns the recipe, where there are so many training images."""
        changed = replace(documented, **self.changes)
        every = trained_images(changed, images)
        return changed if changed.batch_size else replace(changed, batch_size=every)


def _sgd(epochs: int, rate: float, *, initializer: str = _INITIALIZER) -> Configuration:
    words = f"SGD with rate {rate:g}, {epochs} epoch{'s' if epochs > 1 else ''}"
    start = ", He initialisation" if initializer == "he_normal" else ""
    changes = {"optimizer": "sgd", "learning_rate": rate, "epochs": epochs}
    return Configuration(words + start, changes, initializer)


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
class NumpyReimplementation:
    """The NumPy twin of an architecture of dense layers; see `harness.experiments.context`."""

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
        """Trains every configuration with every seed; times `model.fit`; waits for Keras's runs."""
        facts, spec = context.facts(self.architecture), context.spec(self.architecture)
        recipe = context.recipe(self.architecture)
        waiting = [self._submit(context, one) for one in (MAIN, *self.others)]
        timed = replace(recipe, epochs=_FIT_EPOCHS)
        fit = FitJob(spec, timed, context.dataset.name, context.dataset.digest, context.platform)
        fitted = context.do(
            fit, f"{self.architecture} model.fit", _cost(timed, context, facts), _LIMIT, _FIT_EPOCHS
        )
        keras = context.runs(self.architecture)
        main, *others = ([numpy_twin.read(context.wait(run)) for run in runs] for runs in waiting)
        measured = numpy_finding.Measured(
            architecture=self.architecture,
            twin=main,
            others={
                one.name: summary(accuracies(runs))
                for one, runs in zip(self.others, others, strict=True)
            },
            keras=keras,
            fit=keras_fit.read(context.wait(fitted)),
            # No claim is judged on other images than the documents'.
            claim=claim(facts, CLAIM) if context.calibration.documented else None,
            keras_claim=claim(facts, KERAS_CLAIM) if context.calibration.documented else None,
        )
        result = self._result(context, measured, others)
        return Outcome(result, _problems(measured))

    def _submit(self, context: ExperimentContext, one: Configuration) -> list[Future[Path]]:
        """Has a configuration trained, once for each seed."""
        facts = context.facts(self.architecture)
        recipe = one.recipe(context.recipe(self.architecture), len(context.dataset.train_labels))
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
            context.do(job, f"NumPy twin, {one.name}, seed {job.seed}", cost, _LIMIT, recipe.epochs)
            for job in jobs
        ]

    def _result(
        self,
        context: ExperimentContext,
        measured: numpy_finding.Measured,
        others: Sequence[Sequence[Mapping[str, Any]]],
    ) -> dict[str, Any]:
        recipe = MAIN.recipe(context.recipe(self.architecture), len(context.dataset.train_labels))
        mean, interval = summary(accuracies(measured.twin))
        return {
            "claim": None if measured.claim is None else measured.claim.value,
            **_settings(MAIN, recipe),
            "gradient_error": _finite(numpy_finding.gradient_error(measured.twin)),
            "runs": [_run(run) for run in measured.twin],
            "mean": mean,
            "interval": list(interval),
            "configurations": [
                self._configuration(context, one, runs, measured.claim)
                for one, runs in zip(self.others, others, strict=True)
            ],
            "speed": numpy_finding.speeds(measured),
            "table": numpy_finding.rows(measured),
            "finding": numpy_finding.finding(measured),
        }

    def _configuration(
        self,
        context: ExperimentContext,
        one: Configuration,
        runs: Sequence[Mapping[str, Any]],
        judged: ClaimFact | None,
    ) -> dict[str, Any]:
        recipe = one.recipe(context.recipe(self.architecture), len(context.dataset.train_labels))
        mean, interval = summary(accuracies(runs))
        return {
            "name": one.name,
            "settings": _settings(one, recipe),
            "mean": mean,
            "interval": list(interval),
            "meets_claim": numpy_finding.gives(judged, (mean, interval)),
            "runs": len(runs),
            "cpu_time_s": sum(run["cpu_time_s"] for run in runs) / len(runs),
        }


def claim(facts: Facts, metric: str) -> ClaimFact:
    """Returns what the document says of an accuracy."""
    return next(one for one in facts.claims if one.metric == metric)


def sizes(facts: Facts) -> tuple[int, ...]:
    """Returns the sizes of input and layers of a network of dense layers."""
    shapes = (facts.input_shape, *(layer.output_shape for layer in facts.layers))
    return tuple(prod(shape) for shape in shapes)


def _problems(measured: numpy_finding.Measured) -> tuple[str, ...]:
    """What would leave the figures without meaning; an accuracy, whatever it is, is a finding."""
    error = numpy_finding.gradient_error(measured.twin)
    if error <= MAX_GRADIENT_ERROR:
        return ()
    # A gradient that is no number comes here, too.
    problem = (
        f"the twin's gradient is {error:.1e} off its finite differences, but should be within "
        f"{MAX_GRADIENT_ERROR:.0e}"
    )
    return (problem,)


def _cost(recipe: Recipe, context: ExperimentContext, facts: Facts) -> float:
    images = trained_images(recipe, len(context.dataset.train_labels))
    steps = ceil(images / recipe.batch_size)
    return recipe.epochs * (6.0 * facts.total_params * images + _STEP_COST * steps)


def _settings(one: Configuration, recipe: Recipe) -> dict[str, Any]:
    return {
        "optimizer": recipe.optimizer,
        "learning_rate": recipe.learning_rate,
        "batch_size": recipe.batch_size,
        "epochs": recipe.epochs,
        "initialization": one.initializer,
    }


def _finite(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if isfinite(value) else None


def _run(run: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": run["key"],
        "seed": run["job"]["seed"],
        "accuracy": run["test_correct"] / run["test_images"],
        "correct": run["test_correct"],
        "images": run["test_images"],
        "validation_accuracy": run["history"]["val_accuracy"][-1],
        "history": run["history"],
        "gradient_error": _finite(run["gradient_error"]),
        "train_time_s": run["train_time_s"],
        "cpu_time_s": run["cpu_time_s"],
        "weights_sha256": run["weights_sha256"],
    }
