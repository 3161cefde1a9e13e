"""Reads the recipe that a submitted script was about to train with, as the sandbox captured it.

It comes from an untrusted process, so every value is checked; a script may leave anything out, so
every value may be missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reference.errors import UserError
from reference.fields import shown

MAX_TEXT = 80
MAX_LIST = 20
MAX_AXES = 6
MAX_SIZE = 10**9

# A pixel of MNIST is a byte.
_BRIGHTEST = 255.0


@dataclass(frozen=True)
class ArrayFacts:
    """Facts about an array that a script trained on.

    Attributes:
        shape: with the first axis, that of the images.
        dtype: NumPy's name.
        low: the smallest value; None where it was not looked at.
        high: the largest value.
    """

    shape: tuple[int, ...]
    dtype: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class CapturedRecipe:
    """How a script compiled and fitted its network; None where it was not found out.

    Attributes:
        optimizer: Keras's class name in lower case, as in "adam".
        loss: Keras's name in snake case, as in "categorical_crossentropy".
        from_logits: whether the loss takes scores rather than probabilities.
        validation_images: held out of the training images, or given apart.
        train_images: that the network is trained on.
        labels: as given to the loss.
        images: as given to the network.
    """

    optimizer: str | None = None
    learning_rate: float | None = None
    loss: str | None = None
    from_logits: bool | None = None
    batch_size: int | None = None
    epochs: int | None = None
    validation_images: int | None = None
    train_images: int | None = None
    labels: ArrayFacts | None = None
    images: ArrayFacts | None = None
    metrics: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()

    @property
    def one_hot_width(self) -> int | None:
        """The number of columns of one-hot labels; None where labels are numbers or unknown."""
        if self.labels is None or len(self.labels.shape) != 2 or self.labels.shape[1] == 1:
            return None
        return self.labels.shape[1]

    @property
    def labels_one_hot(self) -> bool | None:
        """Whether labels have a column for each class; None where they are unknown."""
        return None if self.labels is None else self.one_hot_width is not None

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """The shape of one image, as given to the network."""
        return None if self.images is None else self.images.shape[1:]

    @property
    def pixel_range(self) -> tuple[float, float] | None:
        """The smallest and the largest pixel, as given to the network."""
        if self.images is None or self.images.low is None or self.images.high is None:
            return None
        return self.images.low, self.images.high

    @property
    def pixel_max(self) -> float | None:
        """What the script divided its pixels by, 1 for nothing; None where it did otherwise."""
        if self.pixel_range is None or self.pixel_range[0] != 0 or self.pixel_range[1] <= 0:
            return None
        return round(_BRIGHTEST / self.pixel_range[1], 2)

    @property
    def scaled_pixels(self) -> bool:
        """Whether the pixels are known to have been scaled before they reach the network."""
        return self.pixel_range is not None and max(map(abs, self.pixel_range)) < _BRIGHTEST / 10

    def to_json(self) -> dict[str, Any]:
        """Returns what results.json shows, under the names of the documented recipe's keys."""
        labels = {None: None, True: "one-hot", False: "integers"}[self.labels_one_hot]
        return {
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "loss": self.loss,
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "validation_images": self.validation_images,
            "pixel_max": self.pixel_max,
            "from_logits": self.from_logits,
            "labels": labels,
            "callbacks": list(self.callbacks),
        }


def read_recipe(document: object) -> CapturedRecipe:
    """Returns the recipe that a sandboxed process reported.

    Args:
        document: RECIPE, as `inside.open` describes it: any part may be None or missing.

    Raises:
        UserError: a value is of another type, out of range, not finite or too long.
    """
    if not isinstance(document, Mapping):
        raise UserError(f"recipe = {shown(document)}, but should be a mapping of keys to values")
    optimizer = _part(document, "optimizer")
    loss = _part(document, "loss")
    name = _text(optimizer, "class", "optimizer.class")
    return CapturedRecipe(
        optimizer=name.lower() if name else None,
        learning_rate=_number(optimizer, "learning_rate", "optimizer.learning_rate", 0, 1e9),
        loss=_text(loss, "name", "loss.name"),
        from_logits=_boolean(loss, "from_logits", "loss.from_logits"),
        batch_size=_integer(document, "batch_size", 1),
        epochs=_integer(document, "epochs", 0),
        validation_images=_integer(document, "validation_images", 0),
        train_images=_integer(document, "train_images", 0),
        labels=_array(document, "labels"),
        images=_array(document, "images"),
        metrics=_texts(document, "metrics"),
        callbacks=_texts(document, "callbacks"),
    )


def _wrong(where: str, value: object, expected: str) -> UserError:
    return UserError(f"recipe: {where} = {shown(value)}, but should be {expected}")


def _part(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(key, value, "a mapping of keys to values")
    return value


def _text(part: Mapping[str, Any], key: str, where: str) -> str | None:
    value = part.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise _wrong(where, value, f"a text of 1 to {MAX_TEXT} characters")
    # One short line of printable characters, whatever it was.
    return re.sub(r"[^\w\-./ ]", "?", value)


def _texts(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = document.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_LIST:
        raise _wrong(key, value, f"a list of at most {MAX_LIST} names")
    found = (_text({"name": item}, "name", key) for item in value)
    return tuple(item for item in found if item is not None)


def _integer(document: Mapping[str, Any], key: str, low: int) -> int | None:
    value = document.get(key)
    if value is None:
        return None
    if type(value) is not int or not low <= value <= MAX_SIZE:
        raise _wrong(key, value, f"an integer from {low} to {MAX_SIZE}")
    return value


def _number(part: Mapping[str, Any], key: str, where: str, low: float, high: float) -> float | None:
    value = part.get(key)
    if value is None:
        return None
    # A comparison with NaN is false.
    if type(value) not in (int, float) or not low <= value <= high:
        raise _wrong(where, value, f"a number from {low:g} to {high:g}")
    return float(value)


def _boolean(part: Mapping[str, Any], key: str, where: str) -> bool | None:
    value = part.get(key)
    if value is not None and not isinstance(value, bool):
        raise _wrong(where, value, "true or false")
    return value


def _array(document: Mapping[str, Any], key: str) -> ArrayFacts | None:
    if document.get(key) is None:
        return None
    part = _part(document, key)
    shape = part.get("shape")
    good = isinstance(shape, list) and 1 <= len(shape) <= MAX_AXES
    if not good or not all(type(n) is int and 0 <= n <= MAX_SIZE for n in shape or ()):
        raise _wrong(f"{key}.shape", shape, f"1 to {MAX_AXES} integers")
    return ArrayFacts(
        shape=tuple(shape or ()),
        dtype=_text(part, "dtype", f"{key}.dtype") or "",
        low=_number(part, "min", f"{key}.min", -1e30, 1e30),
        high=_number(part, "max", f"{key}.max", -1e30, 1e30),
    )
