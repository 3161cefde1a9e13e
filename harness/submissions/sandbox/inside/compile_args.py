"""What `compile` was told: optimizer, loss and metrics, as data."""

import functools
import inspect
import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

Row = dict[str, Any]


def optimizer(model: keras.Model) -> Row | None:
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


def schedule_start(config: Mapping[str, Any]) -> float | None:
    """Returns the first rate of a learning rate schedule, from its configuration."""
    values = config.get("values")
    if isinstance(values, (list, tuple)) and values:
        return plain_rate(values[0])
    rate = config.get("initial_learning_rate")
    return None if rate is None else plain_rate(rate)


def plain_rate(value: Any) -> float:
    """Returns the number that was written: 0.001, not the float32 nearest to it."""
    return float(str(np.float32(np.asarray(value))))


def loss(model: keras.Model) -> Row | None:
    """Returns {"name", "from_logits"} with Keras's own name, in whatever way it was written."""
    return loss_row(getattr(model, "loss", None))


def loss_row(written: Any) -> Row | None:
    """Returns the same of what was passed as `loss=` or stood in a saved file."""
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
