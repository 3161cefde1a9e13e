"""Accepts arguments, methods and attributes that Keras 3 dropped, as they were meant.

Each leaves a note of kind "dropped_name".
"""

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional
from keras.src.trainers.trainer import Trainer

from harness.submissions.sandbox.inside.notes import Notes

Arguments = dict[str, Any]
_GONE = None  # an argument that nothing takes the place of: it does not change the network

# By the name of a class or function: what its old arguments are called today.
_LAYER = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_CONVOLUTION = {
    **_LAYER,
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "dim_ordering": "data_format",
}
_POOLING = {"border_mode": "padding", "dim_ordering": "data_format"}
_RATE = {"lr": "learning_rate", "decay": _GONE, "schedule_decay": _GONE}

_LAYERS: Mapping[str, Mapping[str, str | None]] = {
    "Dense": {**_LAYER, "output_dim": "units"},
    "Conv2D": _CONVOLUTION,
    "SeparableConv2D": _CONVOLUTION,
    "Conv1D": {**_CONVOLUTION, "filter_length": "kernel_size", "subsample_length": "strides"},
    "MaxPooling2D": _POOLING,
    "AveragePooling2D": _POOLING,
    "ZeroPadding2D": {"dim_ordering": "data_format"},
    "Flatten": {"dim_ordering": "data_format"},
    "Dropout": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate", "dim_ordering": "data_format"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "BatchNormalization": {"mode": _GONE, "fused": _GONE, "virtual_batch_size": _GONE},
}
_OPTIMIZERS = ("SGD", "Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl")
_CALLBACKS: Mapping[str, Mapping[str, str | None]] = {
    "ModelCheckpoint": {"period": _GONE, "load_weights_on_restart": _GONE},
    "TensorBoard": {
        "write_grads": _GONE, "batch_size": _GONE, "embeddings_layer_names": _GONE,
        "embeddings_data": _GONE,
    },
    "ReduceLROnPlateau": {"epsilon": "min_delta"},
}  # fmt: skip
_COMPILE = {"class_mode": _GONE, "sample_weight_mode": _GONE, "target_tensors": _GONE}
_FIT = {
    "nb_epoch": "epochs",
    "show_accuracy": _GONE,
    "workers": _GONE,
    "use_multiprocessing": _GONE,
    "max_queue_size": _GONE,
    "max_q_size": _GONE,
    "pickle_safe": _GONE,
    "nb_worker": _GONE,
}
_ORDERS = {"th": "channels_first", "tf": "channels_last", "default": None}


def install(notes: Notes) -> None:
    """Wraps the constructors and methods of Keras that had other arguments once."""
    for name, names in _LAYERS.items():
        _wrap(getattr(keras.layers, name), "__init__", name, names, notes)
    for name in _OPTIMIZERS:
        _wrap(getattr(keras.optimizers, name), "__init__", name, _RATE, notes)
    for name, names in _CALLBACKS.items():
        _wrap(getattr(keras.callbacks, name), "__init__", name, names, notes)
    # Not `Model.compile`: Keras would take that for an author's own, and not load what it saved.
    _wrap(Trainer, "compile", "compile", _COMPILE, notes)
    _old_convolution(notes)
    _old_checkpoint(notes)
    _old_model_arguments(notes)
    for name, method in methods(notes).items():
        setattr(keras.Model, name, method)
    for name in ("input_shape", "output_shape"):
        setattr(keras.layers.Layer, name, Shape(name, notes))


def renamed(
    where: str, arguments: Arguments, names: Mapping[str, str | None], notes: Notes
) -> Arguments:
    """Returns keyword arguments under the names that they have today."""
    if not names.keys() & arguments.keys():
        return dict(arguments)
    found: Arguments = {}
    for key, value in arguments.items():
        if key not in names:
            found[key] = value
            continue
        today = names[key]
        if today is None:
            text = f"{where}({key}=) is gone since Keras 3; leave it out. Graded without it."
            notes.add("dropped_name", text)
        else:
            notes.dropped(f"{where}({key}=)", f"{today}=")
            found[today] = _ORDERS.get(value, value) if key == "dim_ordering" else value
    return found


def fit_arguments(old: Arguments, notes: Notes) -> Arguments:
    """Returns the old arguments of `fit` under their names of today.

    Raises:
        TypeError: `fit` never had such an argument.
    """
    unknown = sorted(old.keys() - _FIT.keys())
    if unknown:
        raise TypeError(f"fit() got an unexpected keyword argument {unknown[0]!r}")
    return renamed("fit", old, _FIT, notes)


def _wrap(
    owner: type, method: str, where: str, names: Mapping[str, str | None], notes: Notes
) -> None:
    original = getattr(owner, method)

    @functools.wraps(original)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Keras's subclasses come by here as well, under arguments of their own.
        if type(self).__name__ == where or method != "__init__":
            kwargs = _rows_and_columns(renamed(where, kwargs, names, notes), names, notes)
            args, kwargs = _third_is_metrics(where, args, kwargs, notes)
        return original(self, *args, **kwargs)

    # Keras looks at the signature of a constructor, to record its arguments.
    wrapper.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    setattr(owner, method, wrapper)


def _third_is_metrics(
    where: str, args: tuple[Any, ...], kwargs: Arguments, notes: Notes
) -> tuple[tuple[Any, ...], Arguments]:
    """Keras 2 took compile(optimizer, loss, metrics); today the third is loss_weights."""
    if where != "compile" or len(args) != 3 or not isinstance(args[2], list):
        return args, kwargs
    if not all(isinstance(each, str) for each in args[2]):
        return args, kwargs
    notes.add(
        "dropped_name",
        "In Keras 3 the third argument of compile() is loss_weights; write `metrics=[...]`. "
        "Graded as if written so.",
    )
    return args[:2], {"metrics": args[2], **kwargs}


def _rows_and_columns(
    arguments: Arguments, names: Mapping[str, str | None], notes: Notes
) -> Arguments:
    if "nb_filter" in names and "nb_row" in arguments:
        rows = arguments.pop("nb_row")
        arguments["kernel_size"] = (rows, arguments.pop("nb_col", rows))
        notes.dropped("Conv2D(nb_row=, nb_col=)", "kernel_size=(rows, columns)")
    return arguments


def _trees() -> list[Any]:
    return [keras, sys.modules.get("keras._tf_keras.keras")]


def _old_convolution(notes: Notes) -> None:
    """Gives Convolution2D(32, 3, 3) its 3 × 3 kernel of Keras 1; today it has a stride of 3."""

    def Convolution2D(*args: Any, **kwargs: Any) -> Any:  # noqa: N802
        if len(args) >= 3 and isinstance(args[1], int) and isinstance(args[2], int):
            notes.dropped(
                "Convolution2D({}, {}, {})".format(*args), "Conv2D({}, ({}, {}))".format(*args)
            )
            args = (args[0], args[1:3], *args[3:])
        if "nb_filter" in kwargs or "nb_row" in kwargs:
            kwargs = renamed("Conv2D", kwargs, _CONVOLUTION, notes)
        return keras.layers.Conv2D(*args, **kwargs)

    for tree in filter(None, _trees()):
        tree.layers.Convolution2D = Convolution2D


def _old_checkpoint(notes: Notes) -> None:
    """Lets ModelCheckpoint take any file name; Keras 3 requires .keras."""
    owner = keras.callbacks.ModelCheckpoint
    original = owner.__init__

    @functools.wraps(original)
    def wrapper(self: Any, filepath: Any, *args: Any, **kwargs: Any) -> None:
        try:
            original(self, filepath, *args, **kwargs)
        except ValueError as error:
            if "filepath" not in str(error):
                raise
            ending = ".weights.h5" if kwargs.get("save_weights_only") else ".keras"
            notes.add(
                "dropped_name",
                f"In Keras 3 ModelCheckpoint cannot write {str(filepath)[-60:]!r}; end the name in "
                f"`{ending}`. Graded as if written so.",
            )
            original(self, f"{filepath}{ending}", *args, **kwargs)

    owner.__init__ = wrapper


def _old_model_arguments(notes: Notes) -> None:
    """Accepts Model(input=, output=) for Model(inputs=, outputs=)."""
    names = {"input": "inputs", "output": "outputs"}
    make, start = keras.Model.__new__, Functional.__init__

    def new(cls: type, *args: Any, **kwargs: Any) -> Any:
        if cls is keras.Model:
            kwargs = renamed("Model", kwargs, names, notes)
        return make(cls, *args, **kwargs)

    @functools.wraps(start)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        if type(self) is Functional and names.keys() & kwargs.keys():
            kwargs = {names.get(key, key): value for key, value in kwargs.items()}
        start(self, *args, **kwargs)

    keras.Model.__new__ = staticmethod(new)
    Functional.__init__ = init


def methods(notes: Notes) -> dict[str, Callable[..., Any]]:
    """Returns the methods of models that Keras 3 dropped, by name."""

    def predict_classes(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        notes.dropped("Model.predict_classes", "np.argmax(model.predict(x), axis=-1)")
        return np.argmax(self.predict(x, *args, **kwargs), -1)

    def predict_proba(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        notes.dropped("Model.predict_proba", "model.predict(x)")
        return self.predict(x, *args, **kwargs)

    def fit_generator(self: Any, generator: Any, *args: Any, **kwargs: Any) -> Any:
        notes.dropped("Model.fit_generator", "model.fit(generator, ...)")
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
        notes.dropped("Model.evaluate_generator", "model.evaluate(generator)")
        return self.evaluate(generator)

    def predict_generator(self: Any, generator: Any, *args: Any, **kwargs: Any) -> Any:
        notes.dropped("Model.predict_generator", "model.predict(generator)")
        steps = args[0] if args else kwargs.get("steps")
        return self.predict(generator, steps=None if steps is None else int(steps))

    def to_yaml(self: Any, **_: Any) -> str:
        notes.dropped("Model.to_yaml", "model.to_json()")
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
        self._notes.dropped(f"layer.{self._name}", f"layer.{self._today}")
        return shape
