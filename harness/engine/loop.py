"""The compiled training loop: one call trains one epoch, without returning to Python.

The images live on the device as bytes. Each epoch is a permutation of their indexes, cut into
batches inside one `tf.while_loop`; the last batch is as small as it has to be, so every image is
seen exactly once an epoch.
"""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.engine.forward import Forward
from harness.engine.losses import LOSSES
from harness.engine.optimizers import OPTIMIZERS
from harness.recipe import Recipe
from harness.spec import Spec

# Evaluation needs no gradients; larger batches than this gain nothing on a CPU.
EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Totals:
    """Sums over some images: divide by their number for loss and accuracy."""

    loss: float
    correct: int

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(self.loss + other.loss, self.correct + other.correct)


class Trainer:
    """A network, its optimizer's state and its data, compiled together.

    Args:
        model: rebuilt from `spec`.
        images: uint8, (N, 28, 28); reshaped to what the network takes.
        labels: uint8, (N,).
    """

    def __init__(
        self,
        model: keras.Model,
        spec: Spec,
        recipe: Recipe,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
    ) -> None:
        self._forward = Forward(model, spec)
        self._recipe = recipe
        self._shape = tuple(model.input_shape[1:])
        self._images = tf.constant(images.reshape(-1, *self._shape))
        self._labels = tf.constant(labels.astype(np.int32))
        self._weights = [variable.value for variable in model.trainable_variables]
        self._update = OPTIMIZERS[recipe.optimizer](self._weights, recipe.learning_rate)
        from_logits, from_outputs = LOSSES[recipe.loss]
        self._loss = from_logits if self._forward.ends_in_logits else from_outputs
        # jit_compile is explicit: XLA makes convolutions on a CPU two to four times slower.
        self._epoch = tf.function(
            self._run_epoch,
            input_signature=[tf.TensorSpec([None], tf.int32)],
            autograph=False,
            jit_compile=False,
        )
        self._evaluate = tf.function(
            self._run_evaluation,
            input_signature=[
                tf.TensorSpec([None, *self._shape], tf.uint8),
                tf.TensorSpec([None], tf.int32),
            ],
            autograph=False,
            jit_compile=False,
        )

    def compile(self) -> None:
        """Traces and optimises the training loop; the first epoch would otherwise pay for it."""
        self._epoch.get_concrete_function()

    def train(self, indexes: NDArray[np.int32]) -> Totals:
        """Trains once over the images at `indexes`, (M,), in that order, in batches.

        The totals are the running ones, each batch's taken before its own update, as Keras
        reports them.
        """
        loss, correct = self._epoch(tf.constant(indexes))
        return Totals(float(loss.numpy()), int(correct.numpy()))

    def evaluate(
        self, images: NDArray[np.uint8], labels: NDArray[np.uint8]
    ) -> tuple[Totals, NDArray[np.float32]]:
        """Returns totals and outputs, float32 (M, 10), in inference mode."""
        totals = Totals(0.0, 0)
        outputs = []
        for start in range(0, len(images), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            loss, correct, predictions = self._evaluate(
                tf.constant(images[part].reshape(-1, *self._shape)),
                tf.constant(labels[part].astype(np.int32)),
            )
            totals += Totals(float(loss.numpy()), int(correct.numpy()))
            outputs.append(predictions.numpy())
        return totals, np.concatenate(outputs)

    def _run_epoch(self, indexes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        size = self._recipe.batch_size
        total = tf.size(indexes)
        steps = (total + size - 1) // size

        def step(
            i: tf.Tensor, loss: tf.Tensor, correct: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            batch = indexes[i * size : tf.minimum((i + 1) * size, total)]
            images = self._scale(tf.gather(self._images, batch))
            labels = tf.gather(self._labels, batch)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(self._weights)
                logits = self._forward.logits(images, training=True)
                losses = self._loss(logits, labels)
                mean = tf.reduce_mean(losses)
            # A bias before batch normalisation has no effect, hence no gradient.
            zero = tf.UnconnectedGradients.ZERO
            self._update(tape.gradient(mean, self._weights, unconnected_gradients=zero))
            return i + 1, loss + tf.reduce_sum(losses), correct + _count_correct(logits, labels)

        _, loss, correct = tf.while_loop(
            lambda i, *_: i < steps,
            step,
            (tf.constant(0), tf.constant(0.0), tf.constant(0)),
            parallel_iterations=1,
        )
        return loss, correct

    def _run_evaluation(
        self, images: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        logits = self._forward.logits(self._scale(images), training=False)
        loss = tf.reduce_sum(self._loss(logits, labels))
        outputs = self._forward.finished(logits)
        return loss, _count_correct(logits, labels), outputs

    def _scale(self, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(images, tf.float32) / self._recipe.pixel_max


def _count_correct(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    predicted = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return tf.reduce_sum(tf.cast(tf.equal(predicted, labels), tf.int32))
