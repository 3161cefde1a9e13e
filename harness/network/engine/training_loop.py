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

from harness.network.engine.forward import Forward
from harness.network.engine.losses import LOSSES, Loss
from harness.network.engine.optimizers import OPTIMIZERS
from harness.network.recipe import Recipe
from harness.network.spec import Spec

# Evaluation needs no gradients; larger batches than this gain nothing on a CPU.
EVALUATION_BATCH = 500

# Networks of these alone are compiled by XLA: their steps take a fraction of a millisecond, much
# of it spent between operations. XLA's own convolutions and pooling are two to four times slower
# on a CPU than the kernels that TensorFlow calls otherwise.
_XLA_KINDS = frozenset(
    {
        "Activation",
        "Add",
        "BatchNormalization",
        "Concatenate",
        "Dense",
        "Dropout",
        "Flatten",
        "InputLayer",
        "LayerNormalization",
        "Rescaling",
        "Reshape",
    }
)
# XLA saves about 0.1 ms a step and takes one to three seconds to compile.
XLA_PAYS = 10_000


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
        steps_ahead: how many steps there will be at least; compiling takes time, and has to pay.

    Attributes:
        compiled: whether XLA compiles the steps.
    """

    def __init__(
        self,
        model: keras.Model,
        spec: Spec,
        recipe: Recipe,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        *,
        steps_ahead: int = 0,
    ) -> None:
        self._forward = Forward(model, spec)
        self._recipe = recipe
        self._shape = tuple(model.input_shape[1:])
        self._images = tf.constant(images.reshape(-1, *self._shape))
        self._labels = tf.constant(labels.astype(np.int32))
        self._weights = [variable.value for variable in model.trainable_variables]
        self._update = OPTIMIZERS[recipe.optimizer](self._weights, recipe.learning_rate)
        from_logits, from_outputs = LOSSES[recipe.loss]
        self._loss = from_outputs
        if self._forward.ends_in_logits:
            self._loss = from_logits or self._behind_the_last_activation(from_outputs)
        # Steps of full batches. XLA compiles for one shape, hence the fixed number of indexes.
        self.compiled = steps_ahead >= XLA_PAYS and all(
            node.kind in _XLA_KINDS for node in spec.network.nodes
        )
        self._full_steps = tf.function(
            self._run_full_steps,
            input_signature=[tf.TensorSpec([len(images)], tf.int32), tf.TensorSpec([], tf.int32)],
            autograph=False,
            jit_compile=self.compiled,
        )
        # One step of as many images as there are.
        self._one_step = tf.function(
            self._run_step,
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
        """Traces and compiles the training loop; the first epoch would otherwise pay for it."""
        if len(self._images) >= self._recipe.batch_size:
            self._full_steps(tf.zeros(len(self._images), tf.int32), tf.constant(0))

    def train(self, indexes: NDArray[np.int32]) -> Totals:
        """Trains once over the images at `indexes`, (M,), in that order, in batches.

        The totals are the running ones, each batch's taken before its own update, as Keras
        reports them.
        """
        size = self._recipe.batch_size
        steps, left = divmod(len(indexes), size)
        totals = Totals(0.0, 0)
        if steps:
            padded = np.zeros(len(self._images), np.int32)
            padded[: steps * size] = indexes[: steps * size]
            totals += _totals(self._full_steps(tf.constant(padded), tf.constant(steps)))
        if left:
            totals += _totals(self._one_step(tf.constant(indexes[-left:])))
        return totals

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

    def _run_full_steps(self, indexes: tf.Tensor, steps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Trains on the first `steps` batches of `indexes`."""
        size = self._recipe.batch_size

        def body(
            i: tf.Tensor, loss: tf.Tensor, correct: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            step_loss, step_correct = self._run_step(tf.slice(indexes, [i * size], [size]))
            return i + 1, loss + step_loss, correct + step_correct

        _, loss, correct = tf.while_loop(
            lambda i, *_: i < steps,
            body,
            (tf.constant(0), tf.constant(0.0), tf.constant(0)),
            parallel_iterations=1,
        )
        return loss, correct

    def _run_step(self, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Trains on the images at `batch`, (B,); returns their loss and how many were right."""
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
        return tf.reduce_sum(losses), _count_correct(logits, labels)

    def _run_evaluation(
        self, images: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        logits = self._forward.logits(self._scale(images), training=False)
        loss = tf.reduce_sum(self._loss(logits, labels))
        outputs = self._forward.finished(logits)
        return loss, _count_correct(logits, labels), outputs

    def _behind_the_last_activation(self, loss: Loss) -> Loss:
        return lambda logits, labels: loss(self._forward.finished(logits), labels)

    def _scale(self, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(images, tf.float32) / self._recipe.pixel_max


def _totals(sums: tuple[tf.Tensor, tf.Tensor]) -> Totals:
    loss, correct = sums
    return Totals(float(loss.numpy()), int(correct.numpy()))


def _count_correct(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    predicted = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return tf.reduce_sum(tf.cast(tf.equal(predicted, labels), tf.int32))
