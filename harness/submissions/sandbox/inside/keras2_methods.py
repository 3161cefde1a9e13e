"""Methods and attributes of models and layers that Keras 3 dropped, doing what they did."""

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.submissions.sandbox.inside.notes import Notes


def methods(notes: Notes) -> dict[str, Callable[..., Any]]:
    """Returns them by name."""

    def say(old: str, write: str) -> None:
        text = f"Model.{old} is gone since Keras 3; write `{write}`. Graded as if written so."
        notes.add("dropped_name", text)

    def predict_classes(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        say("predict_classes", "np.argmax(model.predict(x), axis=-1)")
        return np.argmax(self.predict(x, *args, **kwargs), -1)

    def predict_proba(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        say("predict_proba", "model.predict(x)")
        return self.predict(x, *args, **kwargs)

    def fit_generator(self: Any, generator: Any, *args: Any, **kwargs: Any) -> Any:
        say("fit_generator", "model.fit(generator, ...)")
        names = ("steps_per_epoch", "epochs", "verbose", "callbacks")
        kwargs |= dict(zip(names, args, strict=False))
        per_epoch = kwargs.pop("samples_per_epoch", None)
        held_out = kwargs.pop("nb_val_samples", None)
        if per_epoch is not None:
            size = getattr(generator, "batch_size", None) or 32
            kwargs["steps_per_epoch"] = max(1, int(per_epoch) // size)
        if held_out is not None:
            kwargs["validation_steps"] = None
        return self.fit(generator, **kwargs)

    def evaluate_generator(self: Any, generator: Any, *_: Any, **__: Any) -> Any:
        say("evaluate_generator", "model.evaluate(generator)")
        return self.evaluate(generator)

    def predict_generator(self: Any, generator: Any, *args: Any, **kwargs: Any) -> Any:
        say("predict_generator", "model.predict(generator)")
        steps = args[0] if args else kwargs.get("steps")
        return self.predict(generator, steps=None if steps is None else int(steps))

    def to_yaml(self: Any, **_: Any) -> str:
        say("to_yaml", "model.to_json()")
        return str(self.to_json())

    return {
        "predict_classes": predict_classes,
        "predict_proba": predict_proba,
        "fit_generator": fit_generator,
        "evaluate_generator": evaluate_generator,
        "predict_generator": predict_generator,
        "to_yaml": to_yaml,
    }


class Shape:
    """`layer.output_shape`, which Keras 2 had; an attribute that a layer sets itself goes first."""

    def __init__(self, name: str, notes: Notes) -> None:
        self._name, self._notes = name, notes
        self._today = name.replace("_", ".")

    def __get__(self, layer: Any, owner: Any = None) -> Any:
        if layer is None:
            return self
        end = self._name.removesuffix("_shape")
        try:
            shape = tuple(getattr(layer, end).shape)
        except (AttributeError, ValueError) as error:
            raise AttributeError(f"this layer has no {self._name} yet") from error
        self._notes.add(
            "dropped_name",
            f"layer.{self._name} is gone since Keras 3; write `layer.{self._today}`. "
            "Graded as if written so.",
        )
        return shape
