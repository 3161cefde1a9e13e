"""Results that are too good to be true: each alarm with its evidence, in words.

What raises one, and why, is in docs/decisions/0015.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from harness.data.dataset import Dataset
from harness.evaluation import gates
from harness.jobs.kinds.evaluate import OwnAccuracy
from harness.jobs.store.record import Record
from harness.network import documented
from harness.report.schema import results as schema
from harness.system.text import percent
from reference.calibration import Calibration
from reference.facts import Facts

Kind = Literal["perfect", "above_range", "leak"]

# About the accuracy of the best single networks on MNIST's test images. One that good classifies
# all of n images correctly with probability 0.998^n: 49 % for the 360 scikit-learn digits, 2e-9
# for MNIST's 10,000.
BEST = 0.998
UNBELIEVABLE = 1e-3

EXAMPLES = 5


@dataclass(frozen=True)
class Alarm:
    """A result that is not to be believed before its cause is known.

    Attributes:
        text: the evidence and what it means, as sentences.
        what, actual, expected: the same as a difference.
    """

    kind: Kind
    text: str
    what: str
    actual: str
    expected: str


def calibrated_range(
    runs: Sequence[Record], facts: Facts | None, spec_digest: str | None, calibration: Calibration
) -> schema.Range | None:
    """Returns a subject's `range`: the accuracies that this network and recipe gave before.

    Its ends are those that all of so many runs lie within, as of `gates.for_runs`. None where the
    network is another than the documented one, was trained by another recipe than the range was
    measured with, or nothing was measured.
    """
    floor = calibration.floors.get(facts.name) if facts is not None else None
    if not runs or facts is None or floor is None:
        return None
    recipe = documented.recipe_for(facts, calibration.measured_by, calibration).to_json()
    if spec_digest != documented.documented_spec(facts).digest:
        return None
    if any(dict(run.recipe) != recipe for run in runs):
        return None
    floor = gates.for_runs(floor, len(runs))
    return schema.Range(
        mean=floor.mean,
        deviation=floor.deviation,
        low=floor.floor,
        high=floor.ceiling,
        seeds=floor.seeds,
        k=floor.k,
        command=calibration.command,
    )


def find(
    runs: Sequence[Record],
    dataset: Dataset | None,
    expected: schema.Range | None,
    own: OwnAccuracy | None = None,
) -> list[Alarm]:
    """Returns what is too good to be true about a subject.

    Args:
        expected: its `range`.
        own: what the weights that came with it read.
    """
    found = []
    if runs and dataset is not None:
        found += _leaks(dataset)
    for run in runs:
        correct, total = int(run.document["test_correct"]), int(run.document["test_images"])
        found += _of_run(run.seed, correct, total, expected)
    if own is not None and _unbelievable(own.correct, own.total):
        found.append(_perfect("The weights in the submitted file", own.total, _OWN))
    return found


def shared_images(dataset: Dataset) -> schema.SharedImages:
    """Returns how many test images are training images too, pixel for pixel, and the first."""
    found = _shared(dataset)
    examples = [schema.SharedExample(test=test, train=train) for test, train in found[:EXAMPLES]]
    return schema.SharedImages(count=len(found), examples=examples)


# Every subject of a session asks, and nothing but its data set answers.
@lru_cache(maxsize=2)
def _shared(dataset: Dataset) -> tuple[tuple[int, int], ...]:
    """The indices (test, train) of equal images, one for each test image that has an equal."""
    first: dict[bytes, int] = {}
    for index, image in enumerate(dataset.train_images):
        first.setdefault(hashlib.sha256(image.tobytes()).digest(), index)
    hashes = (hashlib.sha256(image.tobytes()).digest() for image in dataset.test_images)
    return tuple((index, first[one]) for index, one in enumerate(hashes) if one in first)


def _of_run(seed: int, correct: int, total: int, expected: schema.Range | None) -> list[Alarm]:
    who = f"The weights of seed {seed}"
    accuracy = correct / total
    if _unbelievable(correct, total):
        return [_perfect(who, total, _RUN)]
    if expected is not None and expected.high is not None and accuracy > expected.high:
        return [_above(who, accuracy, expected)]
    return []


def _unbelievable(correct: int, total: int) -> bool:
    """Whether everything is right, of so many images that nothing honest would read them all."""
    return correct == total and BEST**total < UNBELIEVABLE


_RUN = (
    "Most likely the network was trained on the test images, or its predictions are compared with "
    "something other than the labels. Find the cause before you trust its results."
)
_OWN = (
    "Most likely they were trained on the test images. The grade does not depend on them: it "
    "depends on the network that was trained here."
)


def _perfect(who: str, total: int, meaning: str) -> Alarm:
    return Alarm(
        "perfect",
        f"{who} classify all {total:,} test images correctly. Even the best networks misclassify "
        f"about {100 * (1 - BEST):.1f} % of such images: one of them would classify all {total:,} "
        f"correctly less than once in a thousand tries. {meaning}",
        what=f"misclassified test images, {_lower(who)}",
        actual="0",
        expected="at least 1",
    )


def _above(who: str, accuracy: float, expected: schema.Range) -> Alarm:
    deviation = f"{100 * (expected.deviation or 0.0):.2f} percentage points"
    return Alarm(
        "above_range",
        f"{who} classify {percent(accuracy)} of the test images correctly. {expected.seeds} "
        f"trainings of the same network with the same recipe gave {percent(expected.mean)} on "
        f"average, with a standard deviation of {deviation}, so that none is expected above "
        f"{percent(expected.high)} (the mean plus {expected.k:g} deviations). Most likely "
        "they were trained on test images, or the code that trains or evaluates has changed. Find "
        "the cause before you trust this accuracy.",
        what=f"test accuracy, {_lower(who)}",
        actual=percent(accuracy),
        expected=f"at most {percent(expected.high)}",
    )


def _leaks(dataset: Dataset) -> list[Alarm]:
    shared = _shared(dataset)
    if not shared:
        return []
    count, (test, train) = len(shared), shared[0]
    images = "1 test image is a training image" if count == 1 else (
        f"{count:,} test images are training images"
    )  # fmt: skip
    return [
        Alarm(
            "leak",
            f"{images} as well, pixel for pixel: test image {test:,}, for one, is training image "
            f"{train:,}. A network may remember what it has seen, so its accuracy on such images "
            "says little about new ones. MNIST and the scikit-learn digits share none.",
            what="test images that are training images too",
            actual=f"{count:,}",
            expected="0",
        )
    ]


def _lower(who: str) -> str:
    return who[0].lower() + who[1:]
