"""Plans the runs of a grading: facts, data set and options in, training jobs out."""

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from harness.data.dataset import Dataset
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.evaluate import EvaluateJob
from harness.jobs.kinds.train import TrainJob
from harness.network.cost import PASSES, refusal
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from harness.system.machine import numeric_platform
from reference.facts import Facts, expected_network
from reference.layers import flops, shapes

_PIXELS = 28 * 28
_CLASSES = 10


def jobs_for(
    spec: Spec,
    recipe: Recipe,
    dataset: Dataset,
    seeds: int,
    facts: Facts | None = None,
    platform: Mapping[str, object] | None = None,
) -> list[TrainJob]:
    """Returns one job for each seed, 0 .. seeds - 1.

    Args:
        facts, platform: as of `job_for`.

    Raises:
        JobFailed: the network does not take such images, has no score for every digit, or would
            need too much time or memory.
    """
    first = job_for(spec, recipe, dataset, 0, facts, platform)
    return [replace(first, seed=seed) for seed in range(seeds)]


def job_for(
    spec: Spec,
    recipe: Recipe,
    dataset: Dataset,
    seed: int,
    facts: Facts | None = None,
    platform: Mapping[str, object] | None = None,
) -> TrainJob:
    """Returns the job that trains a network once.

    Args:
        facts: of its document; the network may cost only so many times as much as theirs.
        platform: of the machines that it is trained on; None for this one's.

    Raises:
        JobFailed: the network does not take such images, has no score for every digit, or would
            need too much time or memory.
    """
    _check_ends(spec)
    documented = expected_network(facts) if facts else None
    if reason := refusal(spec.network, recipe, documented):
        raise JobFailed("resource", reason)
    if reason := _too_few(recipe, dataset):
        raise JobFailed("failed", reason)
    where = numeric_platform() if platform is None else platform
    return TrainJob(spec, recipe, dataset.name, dataset.digest, seed, where)


def _too_few(recipe: Recipe, dataset: Dataset) -> str | None:
    if recipe.train_images is None:
        return None
    left = len(dataset.train_labels) - recipe.validation_images
    if recipe.train_images <= left:
        return None
    return (
        f"train_images = {recipe.train_images:,}, but should be at most {left:,}: the training "
        f"images of {dataset.name} less those that are held out"
    )


def evaluation(
    spec: Spec,
    recipe: Recipe,
    weights: str,
    dataset: Dataset,
    platform: Mapping[str, object] | None = None,
) -> EvaluateJob:
    """Returns the job that tries a saved network's own weights, pixels divided by 255 and not.

    Args:
        recipe: that the network is trained with.
        weights: key of the store under which they lie.
        platform: of the machines that do it; None for this one's.

    Raises:
        JobFailed: the network does not take such images, has no score for every digit, or would
            need too much memory.
    """
    _check_ends(spec)
    if reason := refusal(spec.network, recipe, None):
        raise JobFailed("resource", reason)
    where = numeric_platform() if platform is None else platform
    return EvaluateJob(spec, weights, dataset.name, dataset.digest, (255.0, 1.0), where)


def _check_ends(spec: Spec) -> None:
    first, *_, last = shapes(spec.network)
    if prod(first) != _PIXELS:
        raise JobFailed(
            "failed",
            f"the network takes images of shape {list(first)}, {prod(first):,} values, and cannot "
            f"be trained on images of {_PIXELS} pixels",
        )
    if len(last) != 1 or last[0] < _CLASSES:
        raise JobFailed(
            "failed",
            f"the network's output has the shape {list(last)}, and cannot be trained to tell "
            f"{_CLASSES} digits apart: it should be [{_CLASSES}], one score for each",
        )


def priority(job: TrainJob, train_images: int) -> float:
    """Estimates the length of a job, since the longest starts first.

    The unit is floating-point operations, for all epochs. Epochs that an early stop may save
    are unknown beforehand, so they count for little.
    """
    per_image = PASSES * sum(flops(job.spec.network))
    # Small networks pay for each step more than for its arithmetic.
    per_step = 3e7
    steps = train_images / job.recipe.batch_size
    epochs = job.recipe.epochs if job.recipe.stop_at is None else min(job.recipe.epochs, 4)
    return epochs * (per_image * train_images + per_step * steps)
