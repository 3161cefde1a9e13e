"""Says why a captured recipe is not the documented one, or does not fit its own network."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from harness.submissions.feedback.layer_row import Cause, Found, as_tuple
from harness.submissions.normalization.captured_recipe import CapturedRecipe
from harness.submissions.normalization.normalize import fits
from reference.facts import Facts
from reference.layers import Shape

CLASSES: Final = 10


@dataclass(frozen=True)
class Ends:
    """What a recipe must go with in its network.

    Attributes:
        input_shape: of one image.
        output_shape: for one image.
        activation: the last one; "linear" where the network ends with scores.
        rescales: whether the network still changes the range of its pixels.
    """

    input_shape: Shape
    output_shape: Shape
    activation: str
    rescales: bool


def causes(facts: Facts, ends: Ends, recipe: CapturedRecipe) -> Iterator[Found]:
    """Yields the faults of a recipe: data first, then compile, then fit."""
    if not ends.rescales:
        yield from _pixels(facts, recipe)
    yield from _image_shape(ends, recipe)
    yield from _labels(ends, recipe)
    yield from _loss(facts, ends, recipe)
    yield from _settings(facts, recipe)


def _fact(facts: Facts, where: str, kind: str, key: str, given: object, text: str) -> Found:
    """Makes a fault of a documented setting; stated and derived values are fixed."""
    evidence = facts.recipe.evidence.get(key)
    fixed = evidence is not None and evidence.basis != "chosen"
    return Found(where, Cause(kind, text), fixed, key, given, getattr(facts.recipe, key))


# Data ---------------------------------------------------------------------------------------------

# 255 or 256, and a part of the images in which no pixel is quite white.
_NEAR: Final = 0.02
_TWICE: Final = 1000.0  # 255 × 255 = 65,025


def _pixels(facts: Facts, recipe: CapturedRecipe) -> Iterator[Found]:
    found = recipe.pixel_range
    if found is None or found[0] == found[1]:
        return
    low, high = found
    wanted, divisor = facts.recipe.pixel_max, recipe.pixel_max
    top = 255 / wanted
    kind = "pixel_range"
    if divisor is None:
        text = (
            f"pixels range from {low:.3g} to {high:.3g}; the document uses 0 to {top:g}: write "
            f"x_train / {wanted:g}"
        )
    elif abs(divisor / wanted - 1) <= _NEAR:
        return
    elif not recipe.scaled_pixels:
        kind = "unscaled_pixels"
        text = (
            f"pixels are not scaled: they range from {low:.3g} to {high:.3g}, and such large "
            f"inputs make training unstable; write x_train / {wanted:g}"
        )
    elif divisor > _TWICE:
        kind = "pixels_twice"
        text = (
            f"pixels are divided by 255 twice: they range from 0 to {high:.2g}, nearly black; "
            "divide them once"
        )
    else:
        text = (
            f"pixels are divided by {divisor:g}, so they range from 0 to {high:.3g}; the document "
            f"divides by {wanted:g}"
        )
    given = f"pixels from {low:.3g} to {high:.3g}"
    fault = _fact(facts, "data", kind, "pixel_max", given, text)
    yield replace(fault, wanted=f"from 0 to {top:g}")


def _image_shape(ends: Ends, recipe: CapturedRecipe) -> Iterator[Found]:
    given = recipe.image_shape
    if given is None or fits(given, ends.input_shape):
        return
    wanted = ", ".join(map(str, ends.input_shape))
    text = (
        f"fit() is given images of shape {as_tuple(given) if given else '()'}, but the network "
        f"takes {as_tuple(ends.input_shape)}; write x_train.reshape(-1, {wanted})"
    )
    cause = Cause("image_shape", text)
    yield Found("data", cause, True, "image shape", given, ends.input_shape)


def _labels(ends: Ends, recipe: CapturedRecipe) -> Iterator[Found]:
    width = recipe.one_hot_width
    if recipe.loss == "categorical_crossentropy" and recipe.labels_one_hot is False:
        text = (
            "categorical_crossentropy needs one-hot labels, but these are integers; write y_train "
            "= to_categorical(y_train), or use sparse_categorical_crossentropy"
        )
        cause = Cause("labels_not_one_hot", text)
        yield Found("compile", cause, True, "labels", "integers", "one-hot")
    elif recipe.loss == "sparse_categorical_crossentropy" and recipe.labels_one_hot:
        text = (
            "sparse_categorical_crossentropy needs integer labels, but these are one-hot, "
            f"{width} columns; use categorical_crossentropy, or leave to_categorical out"
        )
        cause = Cause("labels_one_hot", text)
        yield Found("compile", cause, True, "labels", "one-hot", "integers")
    elif width is not None and ends.output_shape == (CLASSES,) and width != CLASSES:
        text = (
            f"the labels have {width} columns, but the network has {CLASSES} outputs, one for each "
            f"digit; write to_categorical(y_train, {CLASSES})"
        )
        cause = Cause("label_columns", text)
        yield Found("data", cause, True, "columns of the labels", width, CLASSES)


# Compile ------------------------------------------------------------------------------------------

_CROSSENTROPIES: Final = ("categorical_crossentropy", "sparse_categorical_crossentropy")
_DISTANCES: Final = (
    "mean_squared_error", "mse", "mean_absolute_error", "mae", "huber", "log_cosh",
    "mean_squared_logarithmic_error", "mean_absolute_percentage_error",
)  # fmt: skip


def _loss(facts: Facts, ends: Ends, recipe: CapturedRecipe) -> Iterator[Found]:
    name, wanted = recipe.loss, facts.recipe.loss
    if name is not None and name not in _CROSSENTROPIES:
        kind, why = "loss", ""
        if name in _DISTANCES:
            why = ", which is for predicting quantities and learns slowly with classes"
        elif name == "binary_crossentropy":
            kind = "binary_loss"
            why = ", which is for two classes: with ten, Keras also reports a wrong accuracy"
        text = f"the loss is {name}{why}; the document uses {wanted}: write loss='{wanted}'"
        yield _fact(facts, "compile", kind, "loss", name, text)
    if recipe.from_logits and ends.activation == "softmax":
        text = (
            "softmax is applied twice, by the last layer and by the loss (from_logits=True), so "
            "the network learns slowly; remove one of them"
        )
        cause = Cause("softmax_with_logits", text)
        yield Found("compile", cause, True, "from_logits", True, False)


# Numbers ------------------------------------------------------------------------------------------


def _settings(facts: Facts, recipe: CapturedRecipe) -> Iterator[Found]:
    documented = facts.recipe
    if recipe.optimizer is not None and recipe.optimizer != documented.optimizer:
        # Its learning rate is another matter, and follows from it.
        text = (
            f"the optimizer is {recipe.optimizer}; the document uses {documented.optimizer}: write "
            f"optimizer='{documented.optimizer}'"
        )
        yield _fact(facts, "compile", "optimizer", "optimizer", recipe.optimizer, text)
    elif _differs(rate := recipe.learning_rate, documented.learning_rate):
        ratio = (rate or 0.0) / documented.learning_rate
        times = f"{ratio:.3g} times" if ratio >= 1 else f"{ratio:.2g} of"
        effect = "training may be unstable" if ratio > 1 else "training is slow"
        text = (
            f"learning_rate is {rate:g}, {times} the documented recipe's "
            f"{documented.learning_rate:g}: {effect}"
        )
        yield _fact(facts, "compile", "learning_rate", "learning_rate", rate, text)
    if _differs(epochs := recipe.epochs, documented.epochs):
        few = (epochs or 0) < documented.epochs
        effect = "training may stop too early" if few else "the network may overfit"
        text = f"epochs is {epochs}; the document uses {documented.epochs}: {effect}"
        yield _fact(facts, "fit", "epochs", "epochs", epochs, text)
    if _differs(size := recipe.batch_size, documented.batch_size):
        wanted = documented.batch_size
        text = f"batch_size is {size}; the document uses {wanted}: write batch_size={wanted}"
        yield _fact(facts, "fit", "batch_size", "batch_size", size, text)
    if _differs(count := recipe.validation_images, documented.validation_images):
        text = (
            f"{count:,} images are held out for validation; the documented recipe holds out "
            f"{documented.validation_images:,} of the training images"
        )
        yield _fact(facts, "fit", "validation", "validation_images", count, text)


def _differs(given: float | None, wanted: float) -> bool:
    # A learning rate may have been through float32.
    return given is not None and abs(given - wanted) > 1e-6 * wanted
