"""Says why a layer is of another kind, missing or extra."""

from collections.abc import Mapping
from math import prod
from typing import Final

from harness.submissions.feedback.layer_row import Cause, Row, as_tuple
from harness.submissions.feedback.setting_causes import activation

# Another kind of layer --------------------------------------------------------------------------


def other_kind(expected: Row, actual: Row) -> Cause:
    """Returns why a layer is of another kind than the documented one."""
    kinds = expected.kind, actual.kind
    if kinds in _KINDS:
        return _KINDS[kinds]
    if kinds == ("Activation", "Activation"):
        return activation(actual, actual.signature[1], expected.signature[1])
    text = f"is {actual.title}; the document has {expected.title} here"
    return Cause("other_layer", text)


_AVERAGE = Cause(
    "average_pooling",
    "keeps the mean of each window; the document uses MaxPooling2D, which keeps the maximum",
)
_KINDS: Final[Mapping[tuple[str, str], Cause]] = {
    ("MaxPooling2D", "AveragePooling2D"): _AVERAGE,
    ("Flatten", "GlobalAveragePooling2D"): Cause(
        "global_pooling",
        "GlobalAveragePooling2D keeps one average for each channel and loses all positions; the "
        "document uses Flatten, which keeps every value",
    ),
    ("Flatten", "GlobalMaxPooling2D"): Cause(
        "global_pooling",
        "GlobalMaxPooling2D keeps one value for each channel and loses all positions; the "
        "document uses Flatten, which keeps every value",
    ),
    ("BatchNormalization", "LayerNormalization"): Cause(
        "normalization",
        "LayerNormalization normalizes each image by itself; the document uses "
        "BatchNormalization, which normalizes over the batch",
    ),
}


# A layer too few or too many --------------------------------------------------------------------


def missing_layer(expected: Row, actual_after: Row | None = None) -> Cause:
    """Returns the cause that stands for a missing layer.

    Args:
        actual_after: the layer that comes where the missing one should be.
    """
    if expected.kind == "Flatten":
        what = "Flatten is missing: "
        if actual_after is not None and len(actual_after.output_shape) > 1:
            shape = as_tuple(actual_after.output_shape)
            what += f"Dense works on the last axis only, and gives {shape} for each image; "
        return Cause("missing_flatten", f"{what}write Flatten() before the first Dense")
    slug, effect = _MISSING.get(expected.kind, ("missing_layer", ""))
    title = expected.title
    if expected.kind in ("Conv2D", "Dense"):
        size = expected.config.get("filters") or expected.config.get("units")
        title = f"{expected.kind}({size}, ...)"
    return Cause(slug, f"{title} is missing{effect}; the document has it here")


_MISSING: Final = {
    "MaxPooling2D": (
        "missing_pooling", ": height and width are not halved, and all later layers grow",
    ),
    "Dropout": ("missing_dropout", ": without it the network overfits sooner"),
    "BatchNormalization": (
        "missing_batch_normalization", ": without it training is less stable",
    ),
    "Activation": (
        "missing_activation", ": without it two linear layers in a row can do no more than one",
    ),
    "Conv2D": ("missing_convolution", ""),
    "Dense": ("missing_dense", ""),
}  # fmt: skip


def extra_layer(actual: Row) -> Cause:
    """Returns the cause that stands for an extra layer."""
    slug = _EXTRA_SLUGS.get(actual.kind, "extra_layer")
    if actual.signature[1] == "softmax":
        text = (
            "softmax is applied twice, which makes all probabilities nearly equal, so the network "
            "does not learn; remove one of them"
        )
        return Cause("softmax_twice", text)
    if actual.kind == "Rescaling":
        return rescaling(actual.config["scale"], actual.config["offset"])
    text = f"the document has no {actual.title} here: remove it"
    return Cause(slug, text)


_EXTRA_SLUGS: Final = {
    "Dropout": "extra_dropout",
    "SpatialDropout2D": "extra_dropout",
    "BatchNormalization": "extra_batch_normalization",
    "Activation": "extra_activation",
    "Conv2D": "extra_convolution",
    "Dense": "extra_dense",
    "MaxPooling2D": "extra_pooling",
    "AveragePooling2D": "extra_pooling",
}


def rescaling(scale: float, offset: float) -> Cause:
    """Returns why a Rescaling is wrong for the document's pixels, which are in [0, 1]."""
    if abs(scale * 255 - 1) < 1e-3 and offset == 0:
        text = (
            "the pixels are divided by 255 before the network, and once more by Rescaling: the "
            "brightest is 0.004, nearly black; divide them once"
        )
        return Cause("pixels_twice", text)
    low, high = sorted((offset, 255 * scale + offset))
    text = (
        f"Rescaling({scale:.6g}, offset={offset:g}) brings pixels from 0 to 255 to [{low:.3g}, "
        f"{high:.3g}]; the document uses [0, 1]: write Rescaling(1 / 255)"
    )
    return Cause("pixel_range", text)


def input_shape(given: tuple[int, ...], wanted: tuple[int, ...]) -> Cause:
    """Returns why a network takes images of another shape."""
    if prod(given) == prod(wanted) and len(wanted) == 1:
        text = (
            f"images of shape {as_tuple(given)} are never flattened, and Dense works on the last "
            f"axis only; write Flatten() first, or reshape the images to {as_tuple(wanted)}"
        )
        return Cause("missing_flatten", text)
    if len(wanted) == 3 and given == (wanted[2], *wanted[:2]):
        text = (
            f"the input shape is {as_tuple(given)}, channels first; Keras expects channels last: "
            f"write {as_tuple(wanted)}"
        )
        return Cause("channels_first", text)
    text = (
        f"the network takes images of shape {as_tuple(given)}; the document uses {as_tuple(wanted)}"
    )
    return Cause("input_shape", text)
