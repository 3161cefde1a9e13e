"""Describes a Keras model as plain JSON, bounded in size.

Its configuration, the arguments of `compile`, and the input shape where the author left it out.
"""

import functools
import inspect
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import keras
import numpy as np
from keras.src.models.functional import Functional

from harness.submissions.sandbox.inside.notes import Notes

# The whole answer may be a megabyte; no network that can be graded comes near half of that.
MAX_CONFIG = 500_000

_dumps = json.dumps

# Rows of the answer.
OptimizerRow = TypedDict("OptimizerRow", {"class": str, "learning_rate": float | None})


class LossRow(TypedDict):
    """The loss that `compile` was given."""

    name: str
    from_logits: bool


class RecipeRow(TypedDict):
    """How a network is trained; None where that is not known."""

    optimizer: OptimizerRow | None
    loss: LossRow | None
    batch_size: int | None
    epochs: int | None
    validation_images: int | None
    train_images: int | None
    labels: Mapping[str, object] | None
    images: Mapping[str, object] | None
    metrics: list[str]
    callbacks: list[str]


NetworkRow = TypedDict(
    "NetworkRow",
    {
        "class": str,
        "config": object,
        "origin": str,
        "line": int | None,
        "recipe": Mapping[str, object] | None,
        "weights": list[list[list[int]]] | None,
    },
)


class Indescribable(Exception):
    """A model whose configuration cannot be described; the text says why, for its author."""


def describe_model(model: keras.Model) -> tuple[str, Any]:
    """Returns a model's class and configuration.

    The class is "Sequential" or "Functional" where the configuration lists the layers, whatever
    the author called a subclass; other subclasses have their own name, and no configuration.

    Raises:
        Indescribable: `get_config` fails or its answer is too large.
    """
    kind, listed = _listed(model)
    if listed is None:
        return kind, None
    try:
        config = to_json(listed.get_config())
    except RecursionError as error:
        raise Indescribable("the model's configuration is nested too deeply") from error
    except Exception as error:
        text = str(error).strip().split("\n\n")[0]
        raise Indescribable(
            f"the model's configuration cannot be read: {type(error).__name__}: {text}"
        ) from error
    size = len(_dumps(config))
    if size > MAX_CONFIG:
        layers = len(getattr(model, "layers", []))
        raise Indescribable(
            f"the model has {layers:,} layers; its description is {size:,} characters long, and "
            f"at most {MAX_CONFIG:,} are read"
        )
    return kind, config


def _listed(model: keras.Model) -> tuple[str, keras.Model | None]:
    """Returns the class to report, and the model to ask for its configuration."""
    kind = type(model)
    if kind in {keras.Sequential, Functional}:
        return kind.__name__, model
    if isinstance(model, keras.Sequential) and kind.call is keras.Sequential.call:
        return "Sequential", keras.Sequential(model._layers, name=model.name)  # noqa: SLF001
    if isinstance(model, Functional) and kind.call is Functional.call:
        return "Functional", keras.Model(model.inputs, model.outputs, name=model.name)
    return kind.__name__, None


def to_json(value: Any) -> Any:
    """Keras configurations are nearly JSON: tuples and NumPy numbers are not."""
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic):
        return to_json(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # JSON cannot express it
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)[:200]


# Arguments of `compile` ---------------------------------------------------------------------------


def recipe_row(
    optimizer: OptimizerRow | None, loss: LossRow | None, metrics: list[str]
) -> RecipeRow:
    """Returns a recipe of which only the arguments of `compile` are known."""
    return {
        "optimizer": optimizer,
        "loss": loss,
        "batch_size": None,
        "epochs": None,
        "validation_images": None,
        "train_images": None,
        "labels": None,
        "images": None,
        "metrics": metrics,
        "callbacks": [],
    }


def compiled_recipe(model: keras.Model) -> RecipeRow | None:
    """Returns the recipe of a model; None where it was not compiled."""
    if not getattr(model, "compiled", False):
        return None
    return recipe_row(optimizer(model), loss(model), metrics(model))


def optimizer(model: keras.Model) -> OptimizerRow | None:
    """Returns {"class", "learning_rate"}: of a schedule, the rate that it starts with."""
    used = getattr(model, "optimizer", None)
    used = getattr(used, "inner_optimizer", used)
    if used is None:
        return None
    return {"class": type(used).__name__, "learning_rate": _initial_rate(used)}


def _initial_rate(used: Any) -> float | None:
    rate = getattr(used, "_learning_rate", None)
    try:
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            return schedule_start(rate.get_config())
        return plain_rate(used.learning_rate)
    except Exception:  # noqa: BLE001  (their own optimizer or schedule: then it is not known)
        return None


def schedule_start(config: Mapping[str, object]) -> float | None:
    """Returns the first rate of a learning rate schedule, from its configuration."""
    values = config.get("values")
    if isinstance(values, (list, tuple)) and values:
        return plain_rate(values[0])
    rate = config.get("initial_learning_rate")
    return None if rate is None else plain_rate(rate)


def plain_rate(value: Any) -> float:
    """Returns the number that was written: 0.001, not the float32 nearest to it."""
    return float(str(np.float32(np.asarray(value))))


def loss(model: keras.Model) -> LossRow | None:
    """Returns {"name", "from_logits"} with Keras's own name, in whatever way it was written."""
    return loss_row(getattr(model, "loss", None))


def loss_row(written: Any) -> LossRow | None:
    """Returns the same for a value of `loss=`, or one in a saved file."""
    while isinstance(written, (list, tuple)) and len(written) == 1:
        written = written[0]
    if isinstance(written, Mapping) and "class_name" not in written and len(written) == 1:
        written = next(iter(written.values()))
    if written is None:
        return None
    logits = False
    if isinstance(written, functools.partial):
        logits, written = bool(written.keywords.get("from_logits")), written.func
    if isinstance(written, Mapping):
        config = written.get("config")
        if isinstance(config, Mapping):
            logits = bool(config.get("from_logits"))
            written = str(written.get("class_name"))
        else:
            written = str(config)  # {"class_name": "function", "config": its name}
    if not isinstance(written, (str, type)) and isinstance(written, keras.losses.Loss):
        config = getattr(written, "_fn_kwargs", {})
        logits = bool(config.get("from_logits", getattr(written, "from_logits", False)))
    return {"name": _loss_name(written), "from_logits": logits}


def _loss_name(written: Any) -> str:
    try:
        known = keras.losses.get(written)
    except (ValueError, TypeError):
        known = written
    function = getattr(known, "fn", known)
    if inspect.isroutine(function):
        return str(function.__name__)
    return snake_case(written if isinstance(written, str) else type(known).__name__)


def snake_case(name: str) -> str:
    """Returns "mean_squared_error" for "MeanSquaredError"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def metrics(model: keras.Model) -> list[str]:
    """Returns the names under which a History would have them."""
    compiled = getattr(model, "_compile_metrics", None)
    return list(map(_metric_name, _flat(getattr(compiled, "_user_metrics", None))))


def _flat(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in _flat(part)]
    return [value]


def _metric_name(metric: Any) -> str:
    if isinstance(metric, str):
        return metric[:80]
    name = getattr(metric, "name", None) or getattr(metric, "__name__", None)
    return str(name or type(metric).__name__)[:80]


# The input shape of a network that does not say it ------------------------------------------------

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
