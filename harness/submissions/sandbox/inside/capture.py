"""Captures each network when it is fitted, with its recipe; nothing is trained.

`install` replaces the methods of `keras.Model` that train and predict. They return numbers of the
right shape, so that the rest of a script, its plots and printouts, goes on.
"""

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from harness.submissions.sandbox.inside import describe, keras2_calls
from harness.submissions.sandbox.inside.fake_results import (
    checkpoint,
    history,
    predictions,
    scores,
    several,
)
from harness.submissions.sandbox.inside.fit_data import Fed, inspect_data
from harness.submissions.sandbox.inside.notes import Notes

MAX_NETWORKS = 16
# All of them together, as JSON: the answer may be a megabyte.
MAX_CHARACTERS = 900_000
_DEFAULT_BATCH = 32

_dumps = json.dumps


class Captures:
    """The networks of one submission, in the order in which they were fitted.

    Attributes:
        rows: the networks as the answer lists them.
        on_first: called once, when there is a first one.
        problem: why a fitted network cannot be described, if that happened.
    """

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.rows: list[describe.NetworkRow] = []
        self.problem: str | None = None
        self.on_first: Callable[[], None] = lambda: None
        self._seen: set[str] = set()
        self._characters = 0

    def add(
        self, model: keras.Model, origin: str, line: int | None, recipe: Mapping[str, object] | None
    ) -> None:
        """Keeps a network, unless the same was fitted in the same way before.

        Raises:
            describe.Indescribable: it does not have a configuration that can be described.
        """
        kind, config = describe.describe_model(model)
        key = _identity(kind, config, recipe)
        if key in self._seen:
            return
        row: describe.NetworkRow = {
            "class": kind,
            "config": config,
            "origin": origin,
            "line": line,
            "recipe": recipe,
            "weights": None,
        }
        size = len(_dumps(row))
        if len(self.rows) == MAX_NETWORKS or self._characters + size > MAX_CHARACTERS:
            self.notes.add("limit", f"Only the first {len(self.rows)} networks were looked at.")
            return
        self._seen.add(key)
        self._characters += size
        self.rows.append(row)
        if len(self.rows) == 1:
            self.on_first()


def _identity(kind: str, config: object, recipe: Mapping[str, object] | None) -> str:
    """Returns a text that is the same for a network and recipe under other names or fold sizes."""
    text = _dumps(config, sort_keys=True)
    if isinstance(config, Mapping):
        names = [config.get("name")]
        names += [layer.get("config", {}).get("name") for layer in config.get("layers", [])]
        for index, name in enumerate(names):
            text = text.replace(_dumps(name), f'"#{index}"')
    known: dict[str, Any] = dict(recipe or {})
    for key in ("train_images", "validation_images"):
        known.pop(key, None)
    for key in ("images", "labels"):
        row = known.get(key)
        known[key] = row and {"shape": row["shape"][1:], "dtype": row["dtype"]}
    return _dumps([kind, text, known], sort_keys=True)


def install(captures: Captures) -> None:
    """Replaces the methods of `keras.Model` that train, evaluate, predict and save."""
    for name, method in _methods(captures).items():
        setattr(keras.Model, name, method)


def _methods(captures: Captures) -> dict[str, Callable[..., Any]]:  # noqa: C901
    notes = captures.notes
    save, save_weights = keras.Model.save, keras.Model.save_weights

    def capture(model: keras.Model, fed: Fed, recipe: Mapping[str, object]) -> None:
        line = notes.source.line()
        shape = None if fed.images is None else fed.images.shape[1:]
        try:
            describe.build_for(model, shape, notes)
        except Exception as error:
            captures.problem = f"the network cannot be built: {notes.source.describe(error)}"
            raise
        known: Mapping[str, object] = describe.compiled_recipe(model) or {}
        images = {"labels": fed.labels_row(), "images": fed.images_row()}
        try:
            captures.add(model, "fit", line, {**known, **images, **recipe})
        except describe.Indescribable as error:
            captures.problem = str(error)

    def fit(  # noqa: PLR0913, PLR0917  (the signature is Keras's)
        self: keras.Model,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",  # noqa: ARG001
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,  # noqa: ARG001
        class_weight: Any = None,  # noqa: ARG001
        sample_weight: Any = None,  # noqa: ARG001
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,  # noqa: ARG001
        validation_freq: Any = 1,  # noqa: ARG001
        **old: Any,
    ) -> keras.callbacks.History:
        epochs = keras2_calls.fit_arguments(old, notes).get("epochs", epochs)
        self._assert_compile_called("fit")
        fed = inspect_data(x, y, steps_per_epoch)
        held_out = _validation(fed, validation_split, validation_data, validation_steps)
        split = fed.count is not None and validation_data is None and held_out is not None
        recipe = {
            "batch_size": _whole(batch_size or fed.batch_size or _DEFAULT_BATCH),
            "epochs": _whole(epochs),
            "validation_images": held_out,
            "train_images": (fed.count or 0) - (held_out or 0) if split else fed.count,
            "callbacks": [type(each).__name__[:80] for each in several(callbacks)][:20],
        }
        capture(self, fed, recipe)
        validated = validation_data is not None or bool(validation_split)
        left = history(self, range(initial_epoch, int(epochs)), validated, callbacks)
        checkpoint(self, several(callbacks), left)
        return left

    def train_on_batch(
        self: keras.Model, x: Any, y: Any = None, *_: Any, return_dict: bool = False, **__: Any
    ) -> Any:
        self._assert_compile_called("train_on_batch")
        fed = inspect_data(x, y)
        recipe = {"batch_size": fed.count, "epochs": None}
        capture(self, fed, recipe)
        return scores(self, return_dict)

    def evaluate(self: keras.Model, *_: Any, return_dict: bool = False, **__: Any) -> Any:
        return scores(self, return_dict)

    def predict(
        self: keras.Model, x: Any = None, *_: Any, steps: int | None = None, **__: Any
    ) -> Any:
        return predictions(self, inspect_data(x, None, steps))

    def keep(self: keras.Model, filepath: Any, *args: Any, **kwargs: Any) -> None:
        with contextlib.suppress(Exception):  # the saved file is not needed
            save(self, filepath, *args, **kwargs)

    def keep_weights(self: keras.Model, filepath: Any, *args: Any, **kwargs: Any) -> None:
        with contextlib.suppress(Exception):
            save_weights(self, filepath, *args, **kwargs)

    def export(self: keras.Model, filepath: Any, *_: Any, **__: Any) -> None:  # noqa: ARG001
        with contextlib.suppress(OSError):
            Path(filepath).mkdir(parents=True, exist_ok=True)

    return {
        "fit": fit,
        "train_on_batch": train_on_batch,
        "evaluate": evaluate,
        "test_on_batch": evaluate,
        "predict": predict,
        "predict_on_batch": predict,
        "save": keep,
        "save_weights": keep_weights,
        "export": export,
    }


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _validation(fed: Fed, share: float, data: Any, steps: int | None) -> int | None:
    """Returns how many images are held out; None for none, or where that is not known."""
    if isinstance(data, (list, tuple)) and data:
        return inspect_data(data[0]).count
    if data is not None:
        return inspect_data(data, None, steps).count
    if share and fed.count is not None:
        return fed.count - math.floor(fed.count * (1 - share))  # as Keras splits
    return None
