"""A Keras model's configuration as plain JSON, bounded in size."""

import json
import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional

# The whole answer may be a megabyte; no network that can be graded comes near half of that.
MAX_CONFIG = 500_000

_dumps = json.dumps


class Indescribable(Exception):
    """A model whose configuration cannot be told; the text says why, for its author."""


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
        return repr(value)  # JSON has no word for it
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)[:200]
