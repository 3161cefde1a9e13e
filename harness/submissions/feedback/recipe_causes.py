"""Why a captured recipe is not the documented one, or does not go with its own network."""

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
            f"the pixels go in from {low:.3g} to {high:.3g}; the documented recipe has them from 0 "
            f"to {top:g}, so write x_train / {wanted:g}"
        )
        cause = Cause("pixel_range", text)
    elif abs(divisor / wanted - 1) <= _NEAR:
        return
    elif not recipe.scaled_pixels:
        text = (
            f"the pixels go in as they are, from {low:.3g} to {high:.3g}: such large inputs make "
            f"the first steps of the training wild; write x_train / {wanted:g}"
        )
        cause = Cause("unscaled_pixels", text)
    elif divisor > _TWICE:
        text = (
            f"the pixels go in from 0 to {high:.2g}: they were divided by 255 twice, and all "
            "images are nearly black; divide them once"
        )
        cause = Cause("pixels_twice", text)
    else:
        text = (
            f"the pixels were divided by {divisor:g} and go in from 0 to {high:.3g}; the "
            f"documented recipe divides by {wanted:g}"
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
            "categorical_crossentropy compares ten probabilities with ten numbers, but the labels "
            "are whole numbers, one for each image; write y_train = to_categorical(y_train), or "
            "take sparse_categorical_crossentropy"
        )
        cause = Cause("labels_not_one_hot", text)
        yield Found("compile", cause, True, "labels", "whole numbers", "one-hot")
    elif recipe.loss == "sparse_categorical_crossentropy" and recipe.labels_one_hot:
        text = (
            "sparse_categorical_crossentropy takes whole numbers as labels, but these are one-hot, "
            f"{width} columns for each image; take categorical_crossentropy, or leave "
            "to_categorical out"
        )
        cause = Cause("labels_one_hot", text)
        yield Found("compile", cause, True, "labels", "one-hot", "whole numbers")
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
            f"{recipe.loss} measures how far off a quantity is; for choosing one of ten digits it "
            f"learns slowly, since a wrong answer given for certain hardly changes anything; write "
            f"loss='{wanted}'"
        )
        yield _fact(facts, "compile", Cause("loss", text), "loss", recipe.loss)
    elif recipe.loss == "binary_crossentropy":
        text = (
            "binary_crossentropy is for two classes: with ten it asks ten separate questions, and "
            f"Keras then counts the accuracy of each; write loss='{wanted}'"
        )
        yield _fact(facts, "compile", Cause("binary_loss", text), "loss", recipe.loss)
    elif recipe.loss is not None and recipe.loss not in _CROSSENTROPIES:
        text = f"the loss is {recipe.loss}; the documented recipe has {wanted}"
        yield _fact(facts, "compile", Cause("loss", text), "loss", recipe.loss)
    if recipe.from_logits and ends.activation == "softmax":
        text = (
            "the network ends with softmax, and from_logits=True makes the loss take the softmax "
            "once more: it learns slowly and badly; leave out one of the two"
        )
        cause = Cause("softmax_with_logits", text)
        yield Found("compile", cause, True, "from_logits", True, False)


# Numbers ------------------------------------------------------------------------------------------


def _settings(facts: Facts, recipe: CapturedRecipe) -> Iterator[Found]:
    documented = facts.recipe
    if recipe.optimizer is not None and recipe.optimizer != documented.optimizer:
        # Its learning rate is another matter, and follows from it.
        text = (
            f"the optimizer is {recipe.optimizer}; the documented recipe has "
            f"{documented.optimizer}, so write optimizer='{documented.optimizer}'"
        )
        yield _fact(facts, "compile", Cause("optimizer", text), "optimizer", recipe.optimizer)
    elif _differs(recipe.learning_rate, documented.learning_rate):
        given = recipe.learning_rate or 0.0
        times = given / documented.learning_rate
        effect = (
            "steps this large can throw away what was learned" if times > 1 else "it learns slowly"
        )
        text = (
            f"the learning rate is {given:g}, {_times(times)} the documented recipe's "
            f"{documented.learning_rate:g}: {effect}"
        )
        yield _fact(
            facts, "compile", Cause("learning_rate", text), "learning_rate", recipe.learning_rate
        )
    if _differs(recipe.epochs, documented.epochs):
        few = (recipe.epochs or 0) < documented.epochs
        effect = "it may stop before it has learned what it can" if few else "more may overfit"
        text = (
            f"it trains for {recipe.epochs} epochs, the document for {documented.epochs}: {effect}"
        )
        yield _fact(facts, "fit", Cause("epochs", text), "epochs", recipe.epochs)
    if _differs(recipe.batch_size, documented.batch_size):
        text = (
            f"a step takes {recipe.batch_size} images, the document's {documented.batch_size}; "
            f"write batch_size={documented.batch_size}"
        )
        yield _fact(facts, "fit", Cause("batch_size", text), "batch_size", recipe.batch_size)
    if _differs(recipe.validation_images, documented.validation_images):
        text = (
            f"{recipe.validation_images:,} images are held out for validation; by the documented "
            f"recipe it is {documented.validation_images:,} of the training images"
        )
        yield _fact(
            facts, "fit", Cause("validation", text), "validation_images", recipe.validation_images
        )


def _differs(given: float | None, wanted: float) -> bool:
    # A learning rate may have been through float32.
    return given is not None and abs(given - wanted) > 1e-6 * wanted


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if ratio >= 1 else f"{ratio:.2g} of"
