"""Transfer: a trained network with all its weights frozen and a new last layer, trained alone.

The training itself goes through the whole network, by the loop that trains every other one: that
nothing but the last layer moved is then something to be seen, and not so by construction. Leaving
each letter out once needs as many trainings as there are letters. Since all that comes before the
last layer is frozen, its outputs are computed once for those, and all the last layers are trained
side by side.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.data.letters import CLASSES, Letters
from harness.network.engine.inference import Arrays, get_weights, set_weights
from harness.network.engine.losses import categorical_crossentropy
from harness.network.engine.optimizers import OPTIMIZERS
from harness.network.engine.rebuild import layer_name, rebuild
from harness.network.engine.training_loop import Trainer
from harness.network.new_head import head_of, with_new_head
from harness.network.recipe import Recipe
from harness.network.spec import Spec


@dataclass(frozen=True)
class Base:
    """A trained network: its weights are "node index/name" -> array."""

    spec: Spec
    weights: Arrays


@dataclass(frozen=True)
class Transferred:
    """What came of one transfer.

    Attributes:
        history: after each epoch, of all letters: accuracy, loss (fractions, nats).
        predicted: for each letter, the class that the network reads it as in the end.
        left_out: for each letter, the class that a last layer reads it as that was trained on
            all others.
        test: classes of the letters that were only read; None where there were none.
        frozen_before, frozen_after: SHA-256 of all weights but the last layer's: as the base
            network's record has them, and after training.
        head_before, head_after: SHA-256 of the new layer's.
        train_time_s: of the epochs through the whole network.
    """

    history: Mapping[str, list[float]]
    predicted: list[int]
    left_out: list[int]
    test: list[int] | None
    frozen_before: str
    frozen_after: str
    head_before: str
    head_after: str
    train_time_s: float


def transfer(
    base: Base,
    letters: Letters,
    test: Letters | None,
    recipe: Recipe,
    seed: int,
    on_epoch: Callable[[int, Mapping[str, float]], None] = lambda _epoch, _values: None,
) -> Transferred:
    """Trains a new last layer on letters.

    Args:
        test: letters that are only read; None for none.
        recipe: how the last layer is trained; no images are held out.
        on_epoch: told the number of the epoch that ended, from 1, and its row of the history.

    Raises:
        UserError: the network does not end in a dense layer with a softmax.
    """
    changed = with_new_head(base.spec, len(CLASSES))
    head = f"{head_of(base.spec):03d}/"
    frozen = {name: array for name, array in base.weights.items() if not name.startswith(head)}

    keras.utils.set_random_seed(seed)
    model = rebuild(changed, seed)
    fresh = _part(get_weights(model, changed), head)
    set_weights(model, changed, {**frozen, **fresh})
    trainer = Trainer(model, changed, recipe, letters.images, letters.labels)
    trainer.compile()

    history: dict[str, list[float]] = {"accuracy": [], "loss": []}
    order = np.random.default_rng(seed)
    count = len(letters.labels)
    train_time = 0.0
    for epoch in range(1, recipe.epochs + 1):
        started = time.perf_counter()
        trainer.train(order.permutation(count).astype(np.int32))
        train_time += time.perf_counter() - started
        seen, _ = trainer.evaluate(letters.images, letters.labels)
        row = {"accuracy": seen.correct / count, "loss": seen.loss / count}
        for name, value in row.items():
            history[name].append(value)
        on_epoch(epoch, row)

    after = get_weights(model, changed)
    read = [_classes(trainer, part) for part in (letters, test) if part is not None]
    features = _before_the_head(model, changed, letters, recipe.pixel_max)
    return Transferred(
        history=history,
        predicted=read[0],
        left_out=leave_each_out(
            features, letters.labels, fresh[f"{head}kernel"], fresh.get(f"{head}bias"), recipe, seed
        ),
        test=None if test is None else read[1],
        frozen_before=_digest(frozen),
        frozen_after=_digest({n: a for n, a in after.items() if not n.startswith(head)}),
        head_before=_digest(fresh),
        head_after=_digest(_part(after, head)),
        train_time_s=train_time,
    )


def leave_each_out(
    features: NDArray[np.float32],
    labels: NDArray[np.uint8],
    kernel: NDArray[np.float32],
    bias: NDArray[np.float32] | None,
    recipe: Recipe,
    seed: int,
) -> list[int]:
    """Returns for each of N letters the class by a last layer that was trained on the others.

    Args:
        features: (N, D), what the last layer takes.
        kernel: (D, classes), where each of the N last layers starts.
        bias: (classes,); None for a layer without.
    """
    count = len(labels)
    order = np.random.default_rng(seed)
    others = np.array([[j for j in range(count) if j != i] for i in range(count)], np.int32)
    heads = Heads(features, labels, kernel, bias, recipe)
    for _ in range(recipe.epochs):
        epoch = order.permuted(others, axis=1)
        for start in range(0, count - 1, recipe.batch_size):
            heads.step(epoch[:, start : start + recipe.batch_size])
    own = heads.logits(np.arange(count, dtype=np.int32)[:, None])
    return [int(c) for c in own[:, 0].argmax(axis=-1)]


class Heads:
    """As many dense layers with a softmax as there are letters, N, trained side by side.

    The optimizers work on each number for itself, so each layer learns as it would alone.
    Arguments as of `leave_each_out`.
    """

    def __init__(
        self,
        features: NDArray[np.float32],
        labels: NDArray[np.uint8],
        kernel: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
        recipe: Recipe,
    ) -> None:
        count = len(labels)
        self._features = tf.constant(features)
        self._labels = tf.constant(labels.astype(np.int32))
        starts = [kernel] if bias is None else [kernel, bias[None, :]]
        self._weights = [tf.Variable(np.repeat(start[None], count, axis=0)) for start in starts]
        self._update = OPTIMIZERS[recipe.optimizer](self._weights, recipe.learning_rate)
        self._step = tf.function(
            self._run_step,
            input_signature=[tf.TensorSpec([count, None], tf.int32)],
            autograph=False,
            jit_compile=False,
        )

    def step(self, batch: NDArray[np.int32]) -> None:
        """Trains layer i on the letters batch[i], (N, B) indexes."""
        self._step(tf.constant(batch))

    def logits(self, batch: NDArray[np.int32]) -> NDArray[np.float32]:
        """Returns (N, B, classes): what layer i makes of the letters batch[i]."""
        values: NDArray[np.float32] = self._logits(tf.constant(batch)).numpy()
        return values

    def _logits(self, batch: tf.Tensor) -> tf.Tensor:
        products = tf.matmul(tf.gather(self._features, batch), self._weights[0])
        return products + self._weights[1] if len(self._weights) == 2 else products

    def _run_step(self, batch: tf.Tensor) -> None:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._weights)
            logits = tf.reshape(self._logits(batch), (-1, len(CLASSES)))
            labels = tf.reshape(tf.gather(self._labels, batch), [-1])
            losses = categorical_crossentropy(logits, labels)
            # The mean over each layer's own batch; the layers share no weights.
            total = tf.reduce_sum(losses) / tf.cast(tf.shape(batch)[1], tf.float32)
        self._update(tape.gradient(total, self._weights))


def _before_the_head(
    model: keras.Model, spec: Spec, letters: Letters, pixel_max: float
) -> NDArray[np.float32]:
    """Returns what the last layer takes for each letter, (N, D)."""
    head = head_of(spec)
    layer = model.get_layer(layer_name(head, spec.network.nodes[head]))
    images = letters.images.reshape(-1, *model.input_shape[1:]).astype(np.float32)
    features: NDArray[np.float32] = keras.Model(model.input, layer.input)(
        images / np.float32(pixel_max), training=False
    ).numpy()
    return features


def _classes(trainer: Trainer, letters: Letters) -> list[int]:
    _, outputs = trainer.evaluate(letters.images, letters.labels)
    return [int(c) for c in outputs.argmax(axis=1)]


def _part(arrays: Arrays, start: str) -> dict[str, NDArray[np.float32]]:
    return {name: array for name, array in arrays.items() if name.startswith(start)}


def _digest(arrays: Arrays) -> str:
    """SHA-256 over name, shape and bytes of every array, in the order of the names."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()
