"""Says why a captured recipe is not the documented one, or does not fit its own network."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

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
    """Yields what is wrong with a recipe: data first, then compile, then fit."""
    if not ends.rescales:
        yield from _pixels(facts, recipe)
    yield from _image_shape(ends, recipe)
    yield from _labels(ends, recipe)
    yield from _loss(facts, ends, recipe)
    yield from _settings(facts, recipe)


def _fact(facts: Facts, where: str, cause: Cause, key: str, given: Any) -> Found:
    """A setting that the facts have, too: what the document states, and what follows, is fixed."""
    evidence = facts.recipe.evidence.get(key)
    fixed = evidence is not None and evidence.basis != "chosen"
    return Found(where, cause, fixed, key, given, getattr(facts.recipe, key))


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
    if divisor is None:
        text = (
            f"pixels range from {low:.3g} to {high:.3g}; the document uses 0 to {top:g}: write "
            f"x_train / {wanted:g}"
        )
        cause = Cause("pixel_range", text)
    elif abs(divisor / wanted - 1) <= _NEAR:
        return
    elif not recipe.scaled_pixels:
        text = (
            f"pixels are not scaled: they range from {low:.3g} to {high:.3g}, and such large "
            f"inputs make training unstable; write x_train / {wanted:g}"
        )
        cause = Cause("unscaled_pixels", text)
    elif divisor > _TWICE:
        text = (
            f"pixels are divided by 255 twice: they range from 0 to {high:.2g}, nearly black; "
            "divide them once"
        )
        cause = Cause("pixels_twice", text)
    else:
        text = (
            f"pixels are divided by {divisor:g}, so they range from 0 to {high:.3g}; the document "
            f"divides by {wanted:g}"
        )
        cause = Cause("pixel_range", text)
    given = f"pixels from {low:.3g} to {high:.3g}"
    yield replace(_fact(facts, "data", cause, "pixel_max", given), wanted=f"from 0 to {top:g}")


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
    wanted = facts.recipe.loss
    if recipe.loss in _DISTANCES:
        text = (
            f"the loss is {recipe.loss}, which is for predicting quantities and learns slowly with "
            f"classes; the document uses {wanted}: write loss='{wanted}'"
        )
        yield _fact(facts, "compile", Cause("loss", text), "loss", recipe.loss)
    elif recipe.loss == "binary_crossentropy":
        text = (
            "the loss is binary_crossentropy, which is for two classes: with ten, Keras also "
            f"reports a wrong accuracy; the document uses {wanted}: write loss='{wanted}'"
        )
        yield _fact(facts, "compile", Cause("binary_loss", text), "loss", recipe.loss)
    elif recipe.loss is not None and recipe.loss not in _CROSSENTROPIES:
        text = f"the loss is {recipe.loss}; the document uses {wanted}"
        yield _fact(facts, "compile", Cause("loss", text), "loss", recipe.loss)
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
        yield _fact(facts, "compile", Cause("optimizer", text), "optimizer", recipe.optimizer)
    elif _differs(recipe.learning_rate, documented.learning_rate):
        given = recipe.learning_rate or 0.0
        times = given / documented.learning_rate
        effect = "training may be unstable" if times > 1 else "training is slow"
        text = (
            f"learning_rate is {given:g}, {_times(times)} the documented recipe's "
            f"{documented.learning_rate:g}: {effect}"
        )
        yield _fact(
            facts, "compile", Cause("learning_rate", text), "learning_rate", recipe.learning_rate
        )
    if _differs(recipe.epochs, documented.epochs):
        few = (recipe.epochs or 0) < documented.epochs
        effect = "training may stop too early" if few else "the network may overfit"
        text = f"epochs is {recipe.epochs}; the document uses {documented.epochs}: {effect}"
        yield _fact(facts, "fit", Cause("epochs", text), "epochs", recipe.epochs)
    if _differs(recipe.batch_size, documented.batch_size):
        text = (
            f"batch_size is {recipe.batch_size}; the document uses {documented.batch_size}: write "
            f"batch_size={documented.batch_size}"
        )
        yield _fact(facts, "fit", Cause("batch_size", text), "batch_size", recipe.batch_size)
    if _differs(recipe.validation_images, documented.validation_images):
        text = (
            f"{recipe.validation_images:,} images are held out for validation; the documented "
            f"recipe holds out {documented.validation_images:,} of the training images"
        )
        yield _fact(
            facts, "fit", Cause("validation", text), "validation_images", recipe.validation_images
        )


def _differs(given: float | None, wanted: float) -> bool:
    # A learning rate may have been through float32.
    return given is not None and abs(given - wanted) > 1e-6 * wanted


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if ratio >= 1 else f"{ratio:.2g} of"
