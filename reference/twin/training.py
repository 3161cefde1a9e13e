"""The training loop: batches, epochs, and what is measured on the way."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from reference.twin.network import (
    Floats,
    Labels,
    Network,
    backward,
    cross_entropy,
    forward,
    parameters,
)
from reference.twin.optimizers import Optimizer

# So many images go through the network at once where no gradient is wanted: enough to keep the
# processor busy, few enough to stay in its cache.
_IMAGES_AT_ONCE = 1000


@dataclass(frozen=True, eq=False)
class Examples:
    """Images (N, pixels) in [0, 1], and the right class of each, (N,)."""

    images: Floats
    labels: Labels


def train(  # noqa: PLR0913  (each is a choice of whoever trains)
    network: Network,
    optimizer: Optimizer,
    training: Examples,
    validation: Examples,
    *,
    batch_size: int,
    epochs: int,
    rng: np.random.Generator,
    on_epoch: Callable[[int, Mapping[str, float]], None] = lambda _epoch, _row: None,
) -> dict[str, list[float]]:
    """Trains a network in place by mini-batches.

    Args:
        batch_size: images in one step; the last batch of an epoch may be smaller. As many as there
            are training images make it gradient descent on all of them at once.
        rng: draws the order of the images, anew for every epoch.
        on_epoch: told the number of the epoch that ended, from 1, and its row of the history.

    Returns:
        The history, a value for each epoch: `accuracy` and `loss` on the training images as they
        came by, each before the step that was made of it (as in Keras's history), `val_accuracy`
        and `val_loss` on the validation images after the epoch; `epoch_time_s`, seconds that the
        epoch took without validation.
    """
    history: dict[str, list[float]] = {}
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(training.labels))
        started = time.perf_counter()
        accuracy, loss = train_epoch(network, optimizer, training, order, batch_size)
        elapsed = time.perf_counter() - started
        logits = predict(network, validation.images)
        row = {
            "accuracy": accuracy,
            "loss": loss,
            "val_accuracy": count_correct(logits, validation.labels) / len(validation.labels),
            "val_loss": cross_entropy(logits, validation.labels),
            "epoch_time_s": elapsed,
        }
        for name, value in row.items():
            history.setdefault(name, []).append(value)
        on_epoch(epoch, row)
    return history


def train_epoch(
    network: Network, optimizer: Optimizer, training: Examples, order: Labels, batch_size: int
) -> tuple[float, float]:
    """Goes once through the images in the given order; returns mean accuracy and loss."""
    loss, correct = 0.0, 0
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        labels = training.labels[batch]
        values = forward(network, training.images[batch])
        loss += cross_entropy(values[-1], labels) * len(batch)
        correct += count_correct(values[-1], labels)
        gradients = backward(network, values, labels)
        optimizer.step(parameters(network), parameters(gradients))
    return correct / len(order), loss / len(order)


def predict(network: Network, images: Floats) -> Floats:
    """Returns the logits of any number of images, (N, classes)."""
    starts = range(0, max(len(images), 1), _IMAGES_AT_ONCE)
    return np.concatenate(
        [forward(network, images[start : start + _IMAGES_AT_ONCE])[-1] for start in starts]
    )


def count_correct(logits: Floats, labels: Labels) -> int:
    """Returns how many images have their largest logit at their label."""
    return int((logits.argmax(axis=1) == labels).sum())
