"""Transfer to Greek letters: each documented network gets a new last layer, trained on 27 letters.

    base networks    the documented runs, one for each seed
    new last layer   Dense(3) with a softmax; all other weights are frozen
    trained on       27 letters: $GREEK_DIR, or drawn ones where it is not set

What was chosen, and why, is in docs/decisions/0014.
"""

import base64
import json
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.greek import TEST_OPTION, from_environment, read_letters
from harness.data.letters import CLASSES, Letters, publish_letters, unlike_documented
from harness.experiments.base import Kind, Outcome
from harness.experiments.transfer_finding import Read, copies, finding, problems
from harness.jobs.kinds.transfer import TRANSFER_FILE, TransferJob
from harness.jobs.store.record import Record
from harness.network.cost import LEAST_LIMIT_S, PASSES, TimeLimit
from harness.network.recipe import Recipe
from reference.facts import Facts
from reference.layers import flops

if TYPE_CHECKING:
    from harness.experiments.context import Lab

METRIC = "transfer_accuracy"

# The document names neither. Its batches of 32 and 200 would hold all 27 letters, so that an epoch
# were a single step; batches of 5 make it six. The five documented networks then read all 27
# letters after 25 to 36 epochs, and 100 leave a margin of more than two.
BATCH_SIZE = 5
EPOCHS = 100

# Of letters that the user has them tested on, for the report: each is a kilobyte of it.
MOST_PICTURES = 60

LIMIT = TimeLimit(LEAST_LIMIT_S, f"the transfer was stopped after {LEAST_LIMIT_S} s, its limit")


@dataclass(frozen=True)
class Transfer:
    """The experiment; `harness.experiments.base.Experiment` says what its attributes are."""

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

    def run(self, lab: "Lab") -> Outcome:
        """Does one transfer for each of the network's documented runs.

        Raises:
            JobFailed: a network was not trained, or a transfer gave nothing.
            UserError: the pictures of letters cannot be used.
        """
        letters = _letters()
        test = None if lab.greek_test is None else read_letters(lab.greek_test, TEST_OPTION)
        for each in (letters, test):
            if each is not None:
                publish_letters(each, lab.data_folder, lab.tell)
        bases = lab.runs(self.architecture)
        recipe = lab.recipe(self.architecture)
        cost = self._cost(lab, len(letters.labels))
        waiting = [self._begin(lab, self.job(base, letters, test, recipe), cost) for base in bases]
        found = [_read(lab.wait(future)) for future in waiting]
        unjudged = _unjudged(letters, lab.dataset.name)
        claim = claimed(lab.facts(self.architecture))
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

    def _begin(self, lab: "Lab", job: TransferJob, cost: float) -> Future[Path]:
        title = f"{self.architecture} seed {job.seed}, Greek letters"
        return lab.do(job, title, cost, LIMIT, job.epochs)

    def _cost(self, lab: "Lab", letters: int) -> float:
        """As of `harness.jobs.planning.cost`: most of it is starting operations."""
        per_image = PASSES * sum(flops(lab.spec(self.architecture).network))
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
    reads = Read(count, tuple(run["correct"] for run in runs))
    left_out = Read(count, tuple(run["left_out_correct"] for run in runs))
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
    read = Read(len(test.labels), tuple(correct))
    known = {image.tobytes() for image in trained.images}
    return {
        "images": read.letters,
        "trained_on": sum(image.tobytes() in known for image in test.images),
        "correct": correct,
        "mean": read.mean,
        "interval": list(read.over_letters),
        "pictures": _pictures(test) if read.letters <= MOST_PICTURES else None,
        "predicted": [document["test"] for document in found],
    }


def _right(predicted: list[int], labels: list[int]) -> int:
    return sum(a == b for a, b in zip(predicted, labels, strict=True))


def _pictures(letters: Letters) -> list[dict[str, Any]]:
    return [
        {"label": int(label), "pixels": base64.b64encode(image.tobytes()).decode("ascii")}
        for image, label in zip(letters.images, letters.labels, strict=True)
    ]
