"""Finds the network of a module that fits none: returned by a function, or left as an object."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras

from harness.submissions.sandbox.inside import describe
from harness.submissions.sandbox.inside.capture import Captures

FUNCTIONS = ("build", "build_model", "create_model", "make_model", "get_model")


class NoNetwork(Exception):
    """A module that gives no network; the stage and the text say why, for its author."""

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(message)
        self.stage = stage


def network_of(names: Mapping[str, object], main: str, captures: Captures) -> None:
    """Captures the network that a module's functions or objects give.

    Raises:
        NoNetwork: they give no network.
    """
    function = _function(names)
    if function is not None:
        name, make = function
        _keep(_call(name, make, captures), f"{name}()", captures)
        return
    models = _models(names)
    if "model" in models:
        _keep(models["model"], "model", captures)
    elif len(models) == 1:
        [(name, model)] = models.items()
        _keep(model, name, captures)
    elif models:
        listed = ", ".join(sorted(models)[:8])
        raise NoNetwork(
            "interface",
            f"{main} holds several networks ({listed}); call the one to be graded `model`",
        )
    else:
        raise NoNetwork(
            "interface",
            f"{main} defines no function build() (nor build_model(), create_model(), make_model(), "
            "get_model()), leaves no keras.Model called `model`, and fits none",
        )


def object_of(names: Mapping[str, object], captures: Captures) -> None:
    """Captures the object `model` of a script that did not come to its end, if it is one."""
    model = _models(names).get("model")
    if model is not None and describe.is_built(model):
        _keep(model, "model", captures)


def _function(names: Mapping[str, object]) -> tuple[str, Callable[..., Any]] | None:
    """Returns the first function that takes no arguments, else the first, whose error says more."""
    known = [(name, made) for name in FUNCTIONS if inspect.isroutine(made := names.get(name))]
    return next((each for each in known if _needs_nothing(each[1])), known[0] if known else None)


def _needs_nothing(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True


def _models(names: Mapping[str, object]) -> dict[str, keras.Model]:
    found: dict[str, keras.Model] = {}
    for name, value in list(names.items()):
        if isinstance(value, keras.Model) and not any(value is other for other in found.values()):
            found[name] = value
    model = names.get("model")
    return {**found, "model": model} if isinstance(model, keras.Model) else found


def _call(name: str, make: Callable[..., Any], captures: Captures) -> keras.Model:
    try:
        model = make()
    except BaseException as error:
        said = captures.notes.source.describe(error)
        raise NoNetwork("build", f"{name}() raised {said}") from error
    if not isinstance(model, keras.Model):
        kind = type(model).__name__
        raise NoNetwork("interface", f"{name}() returned {kind}, but should return a keras.Model")
    return model


def _keep(model: keras.Model, origin: str, captures: Captures) -> None:
    what = f"{origin} returned a model" if origin.endswith("()") else f"{origin} is a model"
    try:
        describe.build_for(model, None, captures.notes)
    except Exception as error:
        said = captures.notes.source.describe(error)
        raise NoNetwork("build", f"{what} that cannot be built: {said}") from error
    if not describe.is_built(model):
        raise NoNetwork(
            "interface",
            f"{what} whose input shape is not known: begin it with keras.Input((28, 28, 1))",
        )
    try:
        captures.add(model, origin, None, describe.compiled_recipe(model))
    except describe.Indescribable as error:
        raise NoNetwork("interface", str(error)) from error
