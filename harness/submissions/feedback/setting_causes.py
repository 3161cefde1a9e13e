"""Why a layer differs from the documented one in a setting: one function for each setting."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from harness.submissions.feedback.layer_row import (
    Cause,
    Row,
    as_pair,
    as_plain,
    as_side,
    as_step,
    by,
    differing_settings,
)

Speaker = Callable[[Row, Any, Any], Cause]
"""Called with the actual row, its setting and the documented one."""


def setting(key: str, expected: Row, actual: Row) -> Cause:
    """Returns why a layer differs in a setting."""
    wanted = {**expected.implied, **expected.config, "trainable": expected.trainable}[key]
    given = {**actual.config, "trainable": actual.trainable}[key]
    return _SETTINGS.get(key, _other_setting(key))(actual, given, wanted)


def settings(expected: Row, actual: Row) -> tuple[Cause, ...]:
    """Returns the causes of all settings in which two layers of a kind differ, causes first."""
    return tuple(setting(key, expected, actual) for key in differing_settings(expected, actual))


def _units(row: Row, given: int, wanted: int) -> Cause:
    if row.output and given == 1:
        text = (
            f"the last layer has 1 unit, which can only tell two classes apart; there are {wanted} "
            f"digits, so write Dense({wanted}, activation='softmax')"
        )
        return Cause("classes", text)
    if row.output:
        text = (
            f"the last layer has {given} units, one score for each of {given} classes; the digits "
            f"0 to 9 are {wanted}, so write Dense({wanted}, ...)"
        )
        return Cause("classes", text)
    text = f"the layer has {given} units; the document has {wanted}, so write Dense({wanted}, ...)"
    return Cause("units", text)


def _filters(_: Row, given: int, wanted: int) -> Cause:
    text = (
        f"the convolution has {given} filters, and so its output {given} channels; the document "
        f"has {wanted}, so write Conv2D({wanted}, ...)"
    )
    return Cause("filters", text)


def _kernel_size(_: Row, given: list[int], wanted: list[int]) -> Cause:
    text = (
        f"the kernel is {by(given)}; the document's is {by(wanted)}, so write "
        f"kernel_size={as_pair(wanted)}"
    )
    return Cause("kernel_size", text)


def _strides(row: Row, given: list[int], wanted: list[int]) -> Cause:
    if row.kind == "Conv2D":
        how = "strides=1 or leave it out" if wanted == [1, 1] else f"strides={as_pair(wanted)}"
        if given == row.config["kernel_size"] and given[0] > 1:
            size = given[0]
            text = (
                f"Conv2D(filters, {size}, {size}) is a kernel of {by(given)} that moves in steps "
                f"of {size}: the second number is the step; for a kernel of {by(given)} write "
                f"Conv2D(filters, ({size}, {size}))"
            )
            return Cause("kernel_as_strides", text)
        text = (
            f"the convolution moves in steps of {as_step(given)}, past the places between them: "
            f"its output is {by(row.output_shape)}; the document moves in steps of "
            f"{as_step(wanted)}, so write {how}"
        )
        return Cause("strides", text, mistake=str(given))
    text = (
        f"the windows of the pooling lie {as_step(given)} apart and not {as_step(wanted)}: its "
        f"output is {by(row.output_shape)}; leave strides out, and they lie side by side"
    )
    return Cause("pool_strides", text, mistake=str(given))


def _padding(row: Row, given: str, wanted: str) -> Cause:
    before, after = as_side(row.input_shape), as_side(row.output_shape)
    if row.kind != "Conv2D":
        text = (
            f"`padding` of the pooling is `{given}`: its output is {by(row.output_shape)}; the "
            f"document's windows do not reach over the border, so write padding='{wanted}' or "
            "leave it out"
        )
        return Cause("pool_padding", text, mistake=str(given))
    if wanted == "same":
        text = (
            f"`padding` is `valid`: the output shrank from {before} to {after}; the document keeps "
            f"{before}, so write padding='same'"
        )
        return Cause("padding", text, mistake=str(given))
    size = row.config["kernel_size"][0]
    shrunk = row.input_shape[0] - size + 1 if row.input_shape else "less"
    text = (
        f"`padding` is `same`: the output stays at {after}; in the document it shrinks from "
        f"{before} to {shrunk}, so write padding='valid' or leave it out"
    )
    return Cause("padding", text, mistake=str(given))


def _pool_size(row: Row, given: list[int], wanted: list[int]) -> Cause:
    text = (
        f"the pooling takes windows of {by(given)}, and its output is {by(row.output_shape)}; "
        f"the document's windows are {by(wanted)}, so write pool_size={as_pair(wanted)}"
    )
    return Cause("pool_size", text, mistake=str(given))


def _rate(_: Row, given: float, wanted: float) -> Cause:
    text = (
        f"the dropout leaves out {given:.0%} of the values in each step of the training; the "
        f"documented network leaves out {wanted:.0%}, so write Dropout({wanted:g})"
    )
    return Cause("dropout_rate", text)


def activation(row: Row, given: str, wanted: str) -> Cause:
    """Returns why an activation is another one, or missing."""
    if row.output and wanted == "softmax":
        return _output_activation(given)
    if given == "linear":
        text = (
            f"the layer has no activation: two such layers in a row can do no more than one; write "
            f"activation='{wanted}'"
        )
        return Cause("missing_activation", text)
    if given == "softmax":
        text = (
            "softmax belongs to the last layer: here it makes all values share a sum of 1, and "
            f"little gets through; write activation='{wanted}'"
        )
        return Cause("activation", text)
    text = f"the activation is {given}; the document has {wanted}, so write activation='{wanted}'"
    return Cause("activation", text)


def _output_activation(given: str) -> Cause:
    if given == "linear":
        text = (
            "the last layer has no softmax: its outputs are scores of any size, not probabilities; "
            "write activation='softmax', or tell the loss with from_logits=True"
        )
        return Cause("missing_softmax", text)
    if given == "sigmoid":
        text = (
            "sigmoid judges each digit by itself, so the ten outputs do not add up to 1; an image "
            "shows one digit, so write activation='softmax'"
        )
        return Cause("sigmoid_output", text)
    if given == "relu":
        text = (
            "ReLU on the last layer makes every negative score 0, and a digit whose score is 0 "
            "cannot be learned any more; write activation='softmax'"
        )
        return Cause("relu_output", text)
    text = f"the last activation is {given}, which gives no probabilities; write 'softmax'"
    return Cause("output_activation", text)


def _initializer(_: Row, given: Mapping[str, Any], wanted: Mapping[str, Any]) -> Cause:
    name = _INITIALIZERS.get(wanted["class"], wanted["class"])
    text = (
        f"the weights start as {given['class']} draws them; the document starts them with "
        f"{wanted['class']}, so write kernel_initializer='{name}'"
    )
    return Cause("initializer", text)


_INITIALIZERS: Final = {"HeUniform": "he_uniform", "GlorotUniform": "glorot_uniform"}


def _bias(row: Row, given: bool, wanted: bool) -> Cause:
    unit = "filter" if row.kind == "Conv2D" else "unit"
    what = f"use_bias={given} leaves out one number for each {unit}" if wanted else "it has biases"
    text = f"{what}; the document's counts have them, so leave use_bias out"
    return Cause("bias", text if wanted else "the document has no biases; write use_bias=False")


def _trainable(_: Row, given: bool, wanted: bool) -> Cause:  # noqa: ARG001
    text = (
        "the layer is frozen (trainable=False): it keeps the random weights it started with; "
        "leave trainable out, so that it learns"
    )
    return Cause("frozen", text)


def _other_setting(key: str) -> Speaker:
    def speak(_: Row, given: Any, wanted: Any) -> Cause:
        text = f"`{key}` is {as_plain(given)}; the document has {as_plain(wanted)}"
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
