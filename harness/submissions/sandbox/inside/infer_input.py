"""Finds the input shape of a network whose author left it to be found out."""

from collections.abc import Sequence

import keras

from harness.submissions.sandbox.inside.notes import Notes

# What the first layer that cares about the shape of an image says about it.
_TAKES = (
    (keras.layers.Conv2D, (28, 28, 1)),
    (keras.layers.SeparableConv2D, (28, 28, 1)),
    (keras.layers.MaxPooling2D, (28, 28, 1)),
    (keras.layers.AveragePooling2D, (28, 28, 1)),
    (keras.layers.ZeroPadding2D, (28, 28, 1)),
    (keras.layers.Flatten, (28, 28)),
    (keras.layers.Reshape, (28, 28)),
    (keras.layers.RNN, (28, 28)),
    (keras.layers.Bidirectional, (28, 28)),
    (keras.layers.Conv1D, (28, 28)),
    (keras.layers.Dense, (784,)),
)
# These take any shape and leave it as it is.
_INDIFFERENT = (
    keras.layers.Rescaling,
    keras.layers.Normalization,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.GaussianNoise,
    keras.layers.Activation,
)


def is_built(model: keras.Model) -> bool:
    """Tells whether the shapes of all layers are known."""
    if isinstance(model, keras.Sequential):
        return bool(model.built and model.inputs)
    return bool(model.built)


def suggested(model: keras.Model) -> tuple[int, ...] | None:
    """Returns the shape of one image that the first layers of a Sequential expect."""
    if not isinstance(model, keras.Sequential):
        return None
    for layer in model.layers:
        if isinstance(layer, keras.Sequential):
            return suggested(layer)
        for kind, shape in _TAKES:
            if isinstance(layer, kind):
                return shape
        if not isinstance(layer, _INDIFFERENT):
            return None
    return None


def build_for(model: keras.Model, shape: Sequence[int] | None, notes: Notes) -> None:
    """Builds a Sequential for the images it was fed, or for those that its first layer expects.

    A network that cannot take what it was fed is built for what it could have taken: the trusted
    side then sees both, and can say what does not fit.

    Raises:
        Exception: whatever Keras raises for a network that can be built for neither.
    """
    if is_built(model) or not isinstance(model, keras.Sequential):
        return
    guess = suggested(model)
    if shape is not None:
        try:
            model.build((None, *shape))
        except Exception:
            if guess is None or tuple(shape) == guess:
                raise
        else:
            return
    if guess is None:
        return
    layers = list(model.layers)
    if shape is not None:
        # A failed build may have built the first layers for the wrong shape.
        layers = [type(layer).from_config(layer.get_config()) for layer in layers]
        model._layers.clear()  # noqa: SLF001  (an InputLayer of the wrong shape as well)
        for layer in layers:
            model.add(layer)
    model.build((None, *guess))
    said = "(" + ", ".join(map(str, guess)) + ("," if len(guess) == 1 else "") + ")"
    notes.add(
        "input_shape",
        f"The network does not say its input shape; from its first layers it was taken to be {said}"
        f". Begin it with keras.Input({said}).",
    )
