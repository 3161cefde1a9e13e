"""Transfer to Greek letters: each documented network gets a new last layer, trained on 27 letters.

    base networks    the documented runs, one for each seed
    new last layer   Dense(3) with a softmax; all other weights are frozen
    trained on       27 letters: $GREEK_DIR, or drawn ones where it is not set

What was chosen, and why, is in docs/decisions/0014.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from harness.data.greek import TEST_OPTION, from_environment, read_letters
from harness.data.letters import CLASSES, Letters, publish_letters, unlike_documented
from harness.experiments.context import ExperimentContext, Kind, Outcome
from harness.jobs.kinds.transfer import TRANSFER_FILE, TransferJob
from harness.jobs.store.record import Record
from harness.network.cost import LEAST_LIMIT_S, PASSES, TimeLimit
from harness.network.recipe import Recipe
from harness.statistics.intervals import Interval, repeats_interval, wilson
from reference.facts import Facts
from reference.layers import flops

METRIC = "transfer_accuracy"

# The document names neither. Its batches of 32 and 200 would hold all 27 letters, so that an epoch
# were a single step; batches of 5 make it six. The five documented networks then read all 27
# letters after 25 to 36 epochs, and 100 leave a margin of more than two.
BATCH_SIZE = 5
EPOCHS = 100

# Of letters that the user has them tested on, for the report: each is a kilobyte of it.
MAX_PICTURES = 60

LIMIT = TimeLimit(LEAST_LIMIT_S, f"the transfer was stopped after {LEAST_LIMIT_S} s, its limit")


@dataclass(frozen=True)
class Transfer:
    """The experiment; `harness.experiments.context.Experiment` says what its attributes are."""

    architecture: str = "deep_cnn"
    id: str = "greek_transfer"
    kind: Kind = "transfer"
    title: str = "Transfer to Greek letters"
    question: str = (
        "How well does the trained network read Greek letters, once its last layer is replaced "
        "and trained on 27 of them while all its other weights are frozen?"
    )
    source: str = "Transfer Learning to Greek Letters"
    epochs: int = EPOCHS

    def run(self, context: ExperimentContext) -> Outcome:
        """Does one transfer for each of the network's documented runs.

        Raises:
            JobFailed: a network was not trained, or a transfer gave nothing.
            UserError: the pictures of letters cannot be used.
        """
        letters = _letters()
        test = None if context.greek_test is None else read_letters(context.greek_test, TEST_OPTION)
        for each in (letters, test):
            if each is not None:
                publish_letters(each, context.data_folder, context.tell)
        bases = context.runs(self.architecture)
        recipe = context.recipe(self.architecture)
        cost = self._cost(context, len(letters.labels))
        waiting = [
            self._begin(context, self.job(base, letters, test, recipe), cost) for base in bases
        ]
        found = [_read(context.wait(future)) for future in waiting]
        unjudged = _unjudged(letters, context.dataset.name)
        claim = claimed(context.facts(self.architecture))
        return concluded(bases, found, letters, test, claim=claim, unjudged=unjudged)

    def job(
        self, base: Record, letters: Letters, test: Letters | None, recipe: Recipe
    ) -> TransferJob:
        """Returns the job for one trained network.

        Args:
            recipe: the network's own; its optimizer and learning rate are kept.
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
            platform=base.document["job"]["platform"],  # it goes on where that was trained
        )

    def _begin(self, context: ExperimentContext, job: TransferJob, cost: float) -> Future[Path]:
        title = f"{self.architecture} seed {job.seed}, Greek letters"
        return context.do(job, title, cost, LIMIT, job.epochs)

    def _cost(self, context: ExperimentContext, letters: int) -> float:
        """As of `harness.jobs.planning.cost`: most of it is starting operations."""
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


def concluded(
    bases: list[Record],
    found: list[dict[str, Any]],
    letters: Letters,
    test: Letters | None,
    *,
    claim: float,
    unjudged: str | None,
) -> Outcome:
    """Returns what is to be said of finished transfers.

    Args:
        found: for each base its transfer.json.
        unjudged: why the document's figure is not judged by these; None where it is.
    """
    runs = [_run(base, document, claim) for base, document in zip(bases, found, strict=True)]
    job = found[0]["job"]
    count = len(letters.labels)
    reads = Counts(count, tuple(run["correct"] for run in runs))
    left_out = Counts(count, tuple(run["left_out_correct"] for run in runs))
    tested = None if test is None else _tested(test, letters, found)
    result = {
        "letters": {
            "source": letters.source,
            "note": letters.note,
            "classes": list(CLASSES),
            "digest": letters.digest,
            "repeated": letters.repeated,
            "pictures": _pictures(letters),
        },
        "optimizer": job["optimizer"],
        "learning_rate": job["learning_rate"],
        "batch_size": job["batch_size"],
        "epochs": job["epochs"],
        "claim": claim,
        "runs": runs,
        "mean": reads.mean,
        "interval": list(reads.over_runs),
        "left_out_mean": left_out.mean,
        "left_out_interval": list(left_out.over_letters),
        "test": tested,
        "finding": finding(
            runs,
            reads,
            left_out,
            tested,
            claim=claim,
            unjudged=unjudged,
        )
        + copies(letters.repeated),
    }
    return Outcome(result, problems(runs))


def _letters() -> Letters:
    letters = from_environment()
    if letters is not None:
        return letters
    from harness.data.glyphs import drawn_letters  # noqa: PLC0415  (imports matplotlib)

    return drawn_letters()


def _read(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / TRANSFER_FILE).read_text(encoding="utf-8"))
    return document


def _run(base: Record, document: dict[str, Any], claim: float) -> dict[str, Any]:
    labels, accuracies = document["labels"], document["history"]["accuracy"]
    reached = (epoch for epoch, value in enumerate(accuracies, start=1) if value >= claim)
    return {
        "key": document["key"],
        "base_key": base.key,
        "seed": document["job"]["seed"],
        "history": document["history"],
        "correct": _right(document["predicted"], labels),
        "images": len(labels),
        "left_out_correct": _right(document["left_out"], labels),
        "left_out": document["left_out"],
        "frozen_before": document["frozen_before"],
        "frozen_after": document["frozen_after"],
        "head_before": document["head_before"],
        "head_after": document["head_after"],
        "epochs_to_claim": next(reached, None),
        "train_time_s": document["train_time_s"],
    }


def _tested(test: Letters, trained: Letters, found: list[dict[str, Any]]) -> dict[str, Any]:
    correct = [_right(document["test"], document["test_labels"]) for document in found]
    read = Counts(len(test.labels), tuple(correct))
    known = {image.tobytes() for image in trained.images}
    return {
        "images": read.letters,
        "trained_on": sum(image.tobytes() in known for image in test.images),
        "correct": correct,
        "mean": read.mean,
        "interval": list(read.over_letters),
        "pictures": _pictures(test) if read.letters <= MAX_PICTURES else None,
        "predicted": [document["test"] for document in found],
    }


def _right(predicted: list[int], labels: list[int]) -> int:
    return sum(a == b for a, b in zip(predicted, labels, strict=True))


def _pictures(letters: Letters) -> list[dict[str, Any]]:
    return [
        {"label": int(label), "pixels": base64.b64encode(image.tobytes()).decode("ascii")}
        for image, label in zip(letters.images, letters.labels, strict=True)
    ]


_SHOWN = 12  # characters of a SHA-256


@dataclass(frozen=True)
class Counts:
    """How many of so many letters each run read right."""

    letters: int
    correct: tuple[int, ...]

    @property
    def mean(self) -> float:
        """The accuracy, a fraction: the mean over the runs."""
        return sum(self.correct) / len(self.correct) / self.letters

    @property
    def over_runs(self) -> Interval:
        """What the same letters would give with other seeds, 95 %: Student's t over the runs.

        Of runs that all read as many, as `over_letters`: Student's would have no width.
        """
        counts = [(correct, self.letters) for correct in self.correct]
        return repeats_interval(counts, same_images=True)

    @property
    def over_letters(self) -> Interval:
        """What other letters would give, 95 %: Wilson's, over the letters.

        Several runs read the same letters and agree on most of them, so they count as one.
        """
        return wilson(sum(self.correct) / len(self.correct), self.letters)


Run = Mapping[str, Any]  # an element of the result's "runs"


def problems(runs: Sequence[Run]) -> tuple[str, ...]:
    """Returns what was not as a transfer has to be, each as a sentence.

    How many letters are read right is none of these: whatever it is, it is a finding.
    """
    found = []
    for run in runs:
        seed = f"seed {run['seed']}"
        if run["frozen_before"] != run["frozen_after"]:
            found.append(
                f"{seed}: frozen weights moved: their SHA-256 was "
                f"{run['frozen_before'][:_SHOWN]}… before training and should be the same "
                f"afterwards, but is {run['frozen_after'][:_SHOWN]}…"
            )
        if run["head_before"] == run["head_after"]:
            found.append(
                f"{seed}: the new last layer did not move: its SHA-256 is "
                f"{run['head_after'][:_SHOWN]}… before and after training"
            )
    return tuple(found)


def finding(
    runs: Sequence[Run],
    trained: Counts,
    left_out: Counts,
    tested: Mapping[str, Any] | None,
    *,
    claim: float,
    unjudged: str | None,
) -> str:
    """Returns what the numbers say, in sentences.

    Args:
        trained: on the letters that the last layer was trained on.
        left_out: on each letter by a last layer that was trained on the others.
        tested: the result's "test".
        unjudged: why the document's figure is not judged by these numbers; None where it is.
    """
    count, epochs = trained.letters, len(runs[0]["history"]["accuracy"])
    needed = ceil(claim * count - 1e-9)
    sentences = [_trained(trained, epochs)]
    if unjudged is None:
        sentences += _claim(runs, trained, needed, claim)
    else:
        sentences.append(f"The document's {claim:.0%} is not judged by this: {unjudged}.")
    sentences.append(_left_out(left_out))
    if tested is not None:
        read = Counts(tested["images"], tuple(tested["correct"]))
        sentences.append(
            f"Of the {read.letters} letters that were named for testing it reads {_of(read)} "
            f"right ({read.mean:.1%}, 95 % interval {_interval(tested['interval'])})."
        )
        if tested["trained_on"]:
            sentences.append(
                f"But {tested['trained_on']} of them are among those that it was trained on, and "
                "show nothing about others."
            )
    return " ".join(sentences)


def copies(repeated: int) -> str:
    """Returns what to say where so many letters are the same picture as another one."""
    if not repeated:
        return ""
    return (
        f" But {repeated} of the letters are, pixel for pixel, the same as another one: each of "
        "these was left out while its copy was trained on, so the accuracy on letters that were "
        "left out may be too high."
    )


def _trained(read: Counts, epochs: int) -> str:
    return (
        f"After {epochs} epochs the new last layer reads {_of(read)} letters right that it was "
        f"trained on ({read.mean:.1%}){_each(read)}."
    )


def _left_out(read: Counts) -> str:
    return (
        "That is not how well it reads letters: these are the ones that it was trained on. "
        f"Of letters that were left out of training, one at a time, it reads {_of(read)} right "
        f"({read.mean:.1%}, 95 % interval {_interval(read.over_letters)}), which the document does "
        "not report and which is the honest figure. The interval is Wilson's over the "
        f"{read.letters} letters{_same(read)}; it speaks of further letters of the same kind."
    )


def _claim(runs: Sequence[Run], trained: Counts, needed: int, claim: float) -> list[str]:
    """What became of the document's figure, and of its difficulty beyond it."""
    count = trained.letters
    reached = [run["epochs_to_claim"] for run in runs if run["epochs_to_claim"] is not None]
    sentences = [f"The document's {claim:.0%} is {needed} of {count}."]
    if len(reached) == len(runs):
        sentences.append(f"That many are first read after {_range(reached)}.")
    else:
        sentences.append(
            f"That many are read by {len(reached)} of {len(runs)} networks"
            + (f", first after {_range(reached)}." if reached else ".")
        )
    whole = [epoch for run in runs if (epoch := _first_whole(run)) is not None]
    between = [last - first for first, last in zip(reached, whole, strict=False)]
    if needed < count and len(whole) == len(runs):
        sentences.append(
            "The document's difficulty in training beyond this point does not reproduce: all "
            f"{count} are first read after {_range(whole)}, {_range(between)} later, and a "
            "training that is stopped in between shows the document's figure."
        )
    elif needed < count and not whole:
        sentences.append(
            "The document's difficulty in training beyond this point reproduces: no network ever "
            f"reads all {count}."
        )
    elif needed < count:
        sentences.append(
            "The document's difficulty in training beyond this point reproduces in part: "
            f"{len(whole)} of {len(runs)} networks ever read all {count}, first after "
            f"{_range(whole)}."
        )
    return sentences


def _first_whole(run: Run) -> int | None:
    accuracies = run["history"]["accuracy"]
    return accuracies.index(1.0) + 1 if 1.0 in accuracies else None


def _of(read: Counts) -> str:
    mean = read.mean * read.letters
    return f"{mean:.0f} of {read.letters}" if mean.is_integer() else f"{mean:.1f} of {read.letters}"


def _each(read: Counts) -> str:
    if len(read.correct) == 1:
        return ""
    if len(set(read.correct)) == 1:
        return f", with each of {len(read.correct)} seeds"
    return f", the mean over {len(read.correct)} seeds"


def _same(read: Counts) -> str:
    if len(read.correct) == 1:
        return ""
    return (
        f", at the mean over the seeds: {len(read.correct)} networks that read the same letters do "
        "not make more letters of them"
    )


def _range(epochs: Sequence[int]) -> str:
    least, most = min(epochs), max(epochs)
    if least == most:
        return f"{least} epoch" if most == 1 else f"{most} epochs"
    return f"{least} to {most} epochs"


def _interval(interval: Sequence[float]) -> str:
    return f"[{interval[0]:.1%}, {interval[1]:.1%}]"
