"""Says why a layer differs from the documented one in a setting, one function for each setting."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from harness.submissions.feedback.layer_row import (
    Cause,
    Row,
    as_pair,
    as_plain,
    as_side,
    as_stride,
    by,
)

Speaker = Callable[[Row, Any, Any], Cause]
"""Called with the actual row, its setting and the documented one."""


def setting(key: str, expected: Row, actual: Row) -> Cause:
    """Returns why a layer differs in a setting."""
    wanted = {**expected.implied, **expected.config, "trainable": expected.trainable}[key]
    given = {**actual.config, "trainable": actual.trainable}[key]
    return _SETTINGS.get(key, _other_setting(key))(actual, given, wanted)


def _units(row: Row, given: int, wanted: int) -> Cause:
    if row.output and given == 1:
        text = (
            f"the last layer has 1 unit, which can only tell two classes apart; there are {wanted} "
            f"digits, so write Dense({wanted}, activation='softmax')"
        )
        return Cause("classes", text)
    if row.output:
        text = (
            f"the last layer has {given} units, one for each of {given} classes; there are "
            f"{wanted} digits, so write Dense({wanted}, ...)"
        )
        return Cause("classes", text)
    return Cause(
        "units", f"has {given} units; the document uses {wanted}: write Dense({wanted}, ...)"
    )


def _filters(_: Row, given: int, wanted: int) -> Cause:
    text = f"has {given} filters; the document uses {wanted}: write Conv2D({wanted}, ...)"
    return Cause("filters", text)


def _kernel_size(_: Row, given: list[int], wanted: list[int]) -> Cause:
    text = (
        f"has a {by(given)} kernel; the document uses {by(wanted)}: write "
        f"kernel_size={as_pair(wanted)}"
    )
    return Cause("kernel_size", text)


def _strides(row: Row, given: list[int], wanted: list[int]) -> Cause:
    text = f"has strides={as_stride(given)}; the document uses {as_stride(wanted)}: "
    if row.kind != "Conv2D":
        what = "leave strides out, then the windows do not overlap"
        return Cause("pool_strides", text + what, mistake=str(given))
    if given == row.config["kernel_size"] and given[0] > 1:
        size = given[0]
        text = (
            f"Conv2D(filters, {size}, {size}) has a {by(given)} kernel and strides={size}: the "
            f"second number is the stride; write Conv2D(filters, ({size}, {size}))"
        )
        return Cause("kernel_as_strides", text)
    how = (
        "write strides=1 or leave it out"
        if wanted == [1, 1]
        else f"write strides={as_pair(wanted)}"
    )
    return Cause("strides", text + how, mistake=str(given))


def _padding(row: Row, given: str, wanted: str) -> Cause:
    before, after = as_side(row.input_shape), as_side(row.output_shape)
    kind = "padding" if row.kind == "Conv2D" else "pool_padding"
    if kind == "pool_padding":
        text = (
            f"has padding='{given}', so its output is {by(row.output_shape)}; the document uses "
            f"'{wanted}': write padding='{wanted}'"
        )
    elif wanted == "same":
        text = (
            f"has padding='valid', so the output shrinks from {before} to {after}; the document "
            f"keeps {before}: write padding='same'"
        )
    else:
        size = row.config["kernel_size"][0]
        shrunk = row.input_shape[0] - size + 1 if row.input_shape else "less"
        text = (
            f"has padding='same', so the output stays at {after}; in the document it shrinks from "
            f"{before} to {shrunk}: write padding='valid' or leave it out"
        )
    return Cause(kind, text, mistake=str(given))


def _pool_size(row: Row, given: list[int], wanted: list[int]) -> Cause:
    text = (
        f"has {by(given)} windows, so its output is {by(row.output_shape)}; the document uses "
        f"{by(wanted)}: write pool_size={as_pair(wanted)}"
    )
    return Cause("pool_size", text, mistake=str(given))


def _rate(_: Row, given: float, wanted: float) -> Cause:
    text = (
        f"drops {100 * given:.0f} % of the values; the document drops {100 * wanted:.0f} %: write "
        f"Dropout({wanted:g})"
    )
    return Cause("dropout_rate", text)


def activation(row: Row, given: str, wanted: str) -> Cause:
    """Returns why an activation is another one, or missing."""
    if row.output and wanted == "softmax":
        return _output_activation(given)
    if given == "linear":
        text = (
            "has no activation: two linear layers in a row can do no more than one; write "
            f"activation='{wanted}'"
        )
        return Cause("missing_activation", text)
    if given == "softmax":
        text = (
            "has activation='softmax', which belongs to the last layer: here all values share a "
            f"sum of 1, and little gets through; write activation='{wanted}'"
        )
        return Cause("activation", text)
    text = f"has activation='{given}'; the document uses '{wanted}': write activation='{wanted}'"
    return Cause("activation", text)


def _output_activation(given: str) -> Cause:
    kind, text = _OUTPUT_ACTIVATIONS.get(given, ("output_activation", ""))
    text = text or f"the last activation is {given}, which does not give probabilities"
    also = ", or pass from_logits=True to the loss" if given == "linear" else ""
    return Cause(kind, f"{text}; write activation='softmax'{also}")


_OUTPUT_ACTIVATIONS: Final = {
    "linear": (
        "missing_softmax",
        "the last layer has no softmax: its outputs are scores, not probabilities",
    ),
    "sigmoid": (
        "sigmoid_output",
        "the last layer uses sigmoid, so its ten outputs do not add up to 1",
    ),
    "relu": (
        "relu_output",
        "the last layer uses ReLU, which sets every negative score to 0",
    ),
}


def _initializer(_: Row, given: Mapping[str, object], wanted: Mapping[str, str]) -> Cause:
    name = _INITIALIZERS.get(wanted["class"], wanted["class"])
    text = (
        f"has the kernel initializer {given['class']}; the document uses {wanted['class']}: write "
        f"kernel_initializer='{name}'"
    )
    return Cause("initializer", text)


_INITIALIZERS: Final = {"HeUniform": "he_uniform", "GlorotUniform": "glorot_uniform"}


def _bias(row: Row, given: bool, wanted: bool) -> Cause:
    if not wanted:
        return Cause("bias", "has biases; the document has none: write use_bias=False")
    unit = "filter" if row.kind == "Conv2D" else "unit"
    text = (
        f"has use_bias={given}, so it lacks one parameter for each {unit}; the document counts "
        "them: leave use_bias out"
    )
    return Cause("bias", text)


def _trainable(_: Row, given: bool, wanted: bool) -> Cause:  # noqa: ARG001
    text = (
        "is frozen (trainable=False), so it keeps the random weights it started with; leave "
        "trainable out"
    )
    return Cause("frozen", text)


def _other_setting(key: str) -> Speaker:
    def speak(_: Row, given: Any, wanted: Any) -> Cause:
        text = f"has {key}={as_plain(given)}; the document uses {as_plain(wanted)}"
        return Cause("normalization" if key in {"center", "scale"} else "setting", text)

    return speak


_SETTINGS: Final[Mapping[str, Speaker]] = {
    "units": _units,
    "filters": _filters,
    "kernel_size": _kernel_size,
    "strides": _strides,
    "padding": _padding,
    "pool_size": _pool_size,
    "rate": _rate,
    "activation": activation,
    "kernel_initializer": _initializer,
    "use_bias": _bias,
    "trainable": _trainable,
}
