"""Transfer to Greek letters: each documented network gets a new last layer, trained on 27 letters.

    base networks    the documented runs, one for each seed
    new last layer   Dense(3) with a softmax; all other weights are frozen
    training set     27 letters: $GREEK_DIR, or drawn ones if it is not set

docs/decisions/0014 gives the choices and their reasons.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

from harness.data.greek import TEST_OPTION, from_environment, read_letters
from harness.data.letters import CLASSES, Letters, publish_letters, unlike_documented
from harness.experiments.context import ExperimentContext, Kind, Outcome
from harness.jobs.kinds.transfer import TRANSFER_FILE, TransferJob
from harness.jobs.store.record import Record
from harness.network.cost import MIN_LIMIT_S, PASSES, TimeLimit
from harness.network.recipe import Recipe
from harness.statistics.intervals import Interval, repeats_interval, wilson
from harness.system.text import percent
from reference.facts import Facts
from reference.layers import flops

METRIC = "transfer_accuracy"

# The document gives neither. Its batches of 32 and 200 would hold all 27 letters, so that an epoch
# would be a single step; with batches of 5 it has six. The five documented networks then classify
# all 27 letters correctly after 25 to 36 epochs, and 100 leave a margin of more than two.
BATCH_SIZE = 5
EPOCHS = 100

MAX_PICTURES = 60
"""The number of test letters up to which the report shows them; each takes a kilobyte of it."""
_SHOWN = 12  # characters of a SHA-256

LIMIT = TimeLimit(MIN_LIMIT_S, f"the transfer was stopped after {MIN_LIMIT_S} s, its limit")


_SETTINGS = ("optimizer", "learning_rate", "batch_size", "epochs")


@dataclass(frozen=True)
class TransferRun:
    """An element of the result's "runs" (docs/formats.md)."""

    key: str
    base_key: str
    seed: int
    history: Mapping[str, Sequence[float]]
    correct: int
    images: int
    left_out_correct: int
    left_out: Sequence[int]
    frozen_before: str
    frozen_after: str
    head_before: str
    head_after: str
    epochs_to_claim: int | None
    train_time_s: float


@dataclass(frozen=True)
class TestLetters:
    """The result's "test": letters that were not used for training."""

    images: int
    trained_on: int
    correct: Sequence[int]
    mean: float
    interval: Interval
    pictures: Sequence[Mapping[str, object]] | None
    predicted: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Counts:
    """How many of the letters each run classifies correctly."""

    letters: int
    correct: Sequence[int]

    @property
    def mean(self) -> float:
        """The mean accuracy over the runs, a fraction."""
        return sum(self.correct) / len(self.correct) / self.letters

    @property
    def over_runs(self) -> Interval:
        """The 95 % interval for other seeds on the same letters: Student's t over the runs.

        As `over_letters` if all runs have the same count, since Student's would have no width.
        """
        counts = [(correct, self.letters) for correct in self.correct]
        return repeats_interval(counts, same_images=True)

    @property
    def over_letters(self) -> Interval:
        """The 95 % interval for other letters: Wilson's over the letters.

        The runs count as one, since they classify the same letters and agree on most of them.
        """
        return wilson(sum(self.correct) / len(self.correct), self.letters)


@dataclass(frozen=True)
class Transfer:
    """The transfer of all documented runs of a network; see `Experiment`."""

    architecture: str = "deep_cnn"
    id: str = "greek_transfer"
    kind: Kind = "transfer"
    title: str = "Transfer to Greek letters"
    question: str = (
        "How well does the trained network classify Greek letters, once its last layer is "
        "replaced and trained on 27 of them while all its other weights are frozen?"
    )
    source: str = "Transfer Learning to Greek Letters"
    epochs: int = EPOCHS

    def run(self, context: ExperimentContext) -> Outcome:
        """Runs one transfer for each documented run of the network.

        Raises:
            JobFailed: a network was not trained, or a transfer failed.
            UserError: the images of letters cannot be used.
        """
        letters = _letters()
        test = None if context.greek_test is None else read_letters(context.greek_test, TEST_OPTION)
        for each in (letters, test):
            if each is not None:
                publish_letters(each, context.data_folder, context.tell)
        bases = context.runs(self.architecture)
        recipe = context.recipe(self.architecture)
        cost = self._cost(context, len(letters.labels))
        jobs = [self.job(base, letters, test, recipe) for base in bases]
        waiting = [self._begin(context, job, cost) for job in jobs]
        claim = claimed(context.facts(self.architecture))
        runs, predicted = [], []
        for job, future in zip(jobs, waiting, strict=True):
            text = (context.wait(future) / TRANSFER_FILE).read_text(encoding="utf-8")
            document = json.loads(text)
            runs.append(_run(job, document, claim))
            predicted.append(document["test"])
        tested = None if test is None else _tested(test, letters, predicted)
        result = {
            "letters": {
                "source": letters.source,
                "note": letters.note,
                "classes": list(CLASSES),
                "digest": letters.digest,
                "repeated": letters.repeated,
                "pictures": _pictures(letters),
            },
            **{name: getattr(jobs[0], name) for name in _SETTINGS},
            **_accuracies(runs),
            "claim": claim,
            "runs": [asdict(run) for run in runs],
            "test": None if tested is None else asdict(tested),
            "finding": finding(
                runs, tested, claim=claim, unjudged=_unjudged(letters, context.dataset.name)
            )
            + copies(letters.repeated),
        }
        return Outcome(result, problems(runs))

    def job(
        self, base: Record, letters: Letters, test: Letters | None, recipe: Recipe
    ) -> TransferJob:
        """Returns the job for one trained network.

        Args:
            recipe: the network's own, whose optimizer and learning rate are kept.
        """
        return TransferJob(
            base=base.key,
            letters=letters.digest,
            test_letters=None if test is None else test.digest,
            optimizer=recipe.optimizer,
            learning_rate=recipe.learning_rate,
            batch_size=BATCH_SIZE,
            epochs=self.epochs,
            seed=base.seed,
            platform=base.document["job"]["platform"],  # of the base: it continues that run
        )

    def _begin(self, context: ExperimentContext, job: TransferJob, cost: float) -> Future[Path]:
        title = f"{self.architecture} seed {job.seed}, Greek letters"
        return context.do(job, title, cost, LIMIT, job.epochs)

    def _cost(self, context: ExperimentContext, letters: int) -> float:
        """Returns the cost as of `harness.jobs.planning.priority`; starting operations dominate."""
        per_image = PASSES * sum(flops(context.spec(self.architecture).network))
        return float(self.epochs * (per_image * letters + 3e7 * letters / BATCH_SIZE))


def _unjudged(letters: Letters, dataset: str) -> str | None:
    """Returns why the document's figure is not judged; None for its images and its letters."""
    if dataset != "mnist" or letters.note is not None:
        return "its networks were trained on MNIST and its letters were written by hand"
    counts = unlike_documented(letters.labels)
    return counts and f"its letters were nine of each class, and these are {counts}"


def claimed(facts: Facts) -> float:
    """Returns the accuracy that the document gives.

    Raises:
        LookupError: the facts have no such claim.
    """
    for claim in facts.claims:
        if claim.metric == METRIC and claim.value is not None:
            return claim.value
    raise LookupError(f"the facts of {facts.name} claim no {METRIC}")


def _letters() -> Letters:
    letters = from_environment()
    if letters is not None:
        return letters
    from harness.data.glyphs import drawn_letters  # noqa: PLC0415  (imports matplotlib)

    return drawn_letters()


def _run(job: TransferJob, document: Mapping[str, Any], claim: float) -> TransferRun:
    """Returns the row of one transfer, from its transfer.json."""
    labels, accuracies = document["labels"], document["history"]["accuracy"]
    reached = (epoch for epoch, value in enumerate(accuracies, start=1) if value >= claim)
    kept = ("key", "history", "left_out", "frozen_before", "frozen_after", "head_before",
            "head_after", "train_time_s")  # fmt: skip
    return TransferRun(
        **{name: document[name] for name in kept},
        base_key=job.base,
        seed=job.seed,
        correct=_correct(document["predicted"], labels),
        images=len(labels),
        left_out_correct=_correct(document["left_out"], labels),
        epochs_to_claim=next(reached, None),
    )


def _trained_on(runs: Sequence[TransferRun]) -> Counts:
    return Counts(runs[0].images, [run.correct for run in runs])


def _left_out(runs: Sequence[TransferRun]) -> Counts:
    return Counts(runs[0].images, [run.left_out_correct for run in runs])


def _accuracies(runs: Sequence[TransferRun]) -> dict[str, object]:
    trained, left_out = _trained_on(runs), _left_out(runs)
    return {
        "mean": trained.mean,
        "interval": list(trained.over_runs),
        "left_out_mean": left_out.mean,
        "left_out_interval": list(left_out.over_letters),
    }


def _tested(test: Letters, trained: Letters, predicted: Sequence[Sequence[int]]) -> TestLetters:
    labels = test.labels.tolist()
    counts = Counts(len(labels), [_correct(each, labels) for each in predicted])
    known = {image.tobytes() for image in trained.images}
    return TestLetters(
        images=counts.letters,
        trained_on=sum(image.tobytes() in known for image in test.images),
        correct=counts.correct,
        mean=counts.mean,
        interval=counts.over_letters,
        pictures=_pictures(test) if counts.letters <= MAX_PICTURES else None,
        predicted=predicted,
    )


def _correct(predicted: Sequence[int], labels: Sequence[int]) -> int:
    return sum(a == b for a, b in zip(predicted, labels, strict=True))


def _pictures(letters: Letters) -> list[dict[str, object]]:
    return [
        {"label": int(label), "pixels": base64.b64encode(image.tobytes()).decode("ascii")}
        for image, label in zip(letters.images, letters.labels, strict=True)
    ]


# The finding -------------------------------------------------------------------------------------


def problems(runs: Sequence[TransferRun]) -> tuple[str, ...]:
    """Returns a sentence for each violation of the procedure.

    A low accuracy is a finding, not a problem.
    """
    found = []
    for run in runs:
        if run.frozen_before != run.frozen_after:
            found.append(
                f"seed {run.seed}: frozen weights moved: their SHA-256 was "
                f"{run.frozen_before[:_SHOWN]}… before training and should be the same "
                f"afterwards, but is {run.frozen_after[:_SHOWN]}…"
            )
        if run.head_before == run.head_after:
            found.append(
                f"seed {run.seed}: the new last layer did not move: its SHA-256 is "
                f"{run.head_after[:_SHOWN]}… before and after training"
            )
    return tuple(found)


def finding(
    runs: Sequence[TransferRun], test: TestLetters | None, *, claim: float, unjudged: str | None
) -> str:
    """Returns the finding as sentences.

    Args:
        unjudged: why the document's figure is not judged by these numbers; None if it is.
    """
    trained, left_out = _trained_on(runs), _left_out(runs)
    epochs = len(runs[0].history["accuracy"])
    first = (
        f"After {epochs} epochs the new last layer classifies {_of(trained)} of its training "
        f"letters correctly ({percent(trained.mean, 1)}){_each(trained)}."
    )
    sentences = [first]
    if unjudged is None:
        sentences += _claim(runs, claim)
    else:
        sentences.append(f"The document's {100 * claim:.0f} % is not judged: {unjudged}.")
    several = (
        f", for the mean of {len(left_out.correct)} seeds, since more networks do not make more "
        "letters"
    )
    sentences.append(
        "This is not its accuracy on new letters. Of letters that were left out of training, one "
        f"at a time, it classifies {_of(left_out)} correctly ({percent(left_out.mean, 1)}, 95 % "
        f"interval {_interval(left_out.over_letters)}); the document does not report this figure. "
        f"The interval is Wilson's over the {left_out.letters} letters"
        f"{several if len(left_out.correct) > 1 else ''}, and holds for further letters of the "
        "same kind."
    )
    if test is not None:
        counts = Counts(test.images, test.correct)
        sentences.append(
            f"Of the {counts.letters} test letters it classifies {_of(counts)} correctly "
            f"({percent(counts.mean, 1)}, 95 % interval {_interval(test.interval)})."
        )
        if test.trained_on:
            sentences.append(
                f"But {test.trained_on} of them are also training letters, which say nothing about "
                "new letters."
            )
    return " ".join(sentences)


def copies(repeated: int) -> str:
    """Returns a sentence about letters that are exact copies of another one, if there are any."""
    if not repeated:
        return ""
    return (
        f" But {repeated} of the letters are exact copies of another one. Each was left out while "
        "its copy was trained on, so the accuracy on letters that were left out may be too high."
    )


def _claim(runs: Sequence[TransferRun], claim: float) -> Iterator[str]:
    """Yields sentences on the document's figure and on its difficulty in training beyond it."""
    count = runs[0].images
    needed = ceil(claim * count - 1e-9)
    reached = [run.epochs_to_claim for run in runs if run.epochs_to_claim is not None]
    yield f"The document's {100 * claim:.0f} % is {needed} of {count}."
    if len(reached) == len(runs):
        yield f"The networks reach it after {_range(reached)}."
    else:
        after = f", after {_range(reached)}" if reached else ""
        yield f"{len(reached)} of {len(runs)} networks reach it{after}."
    if needed == count:
        return
    difficulty = "The document's difficulty in training beyond this point"
    whole = [
        accuracies.index(1.0) + 1
        for run in runs
        if 1.0 in (accuracies := list(run.history["accuracy"]))
    ]
    between = [last - first for first, last in zip(reached, whole, strict=False)]
    if len(whole) == len(runs):
        yield (
            f"{difficulty} does not reproduce: the networks reach all {count} after "
            f"{_range(whole)}, {_range(between)} later. A training that stops in between shows the "
            "document's figure."
        )
    elif not whole:
        yield f"{difficulty} reproduces: none of the networks reaches all {count}."
    else:
        yield (
            f"{difficulty} reproduces in part: {len(whole)} of {len(runs)} networks reach all "
            f"{count}, after {_range(whole)}."
        )


def _of(counts: Counts) -> str:
    mean = counts.mean * counts.letters
    shown = f"{mean:.0f}" if mean.is_integer() else f"{mean:.1f}"
    return f"{shown} of {counts.letters}"


def _each(counts: Counts) -> str:
    if len(counts.correct) == 1:
        return ""
    if len(set(counts.correct)) == 1:
        return f", with each of {len(counts.correct)} seeds"
    return f", the mean of {len(counts.correct)} seeds"


def _range(epochs: Sequence[int]) -> str:
    least, most = min(epochs), max(epochs)
    if least == most:
        return f"{least} epoch" if most == 1 else f"{most} epochs"
    return f"{least} to {most} epochs"


def _interval(interval: Interval) -> str:
    return f"[{percent(interval[0], 1)}, {percent(interval[1], 1)}]"
