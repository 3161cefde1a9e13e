"""Answers imports of modules and names that Keras 3 dropped.

The tables say what to write instead and which module or object takes its place; names are below
`keras`, and the same rows serve `tensorflow.keras` and `tensorflow.python.keras`. Each answer
leaves a note of kind "dropped_name". Where nothing takes its place, the import fails with an
ImportError that says what to write instead.
"""

import importlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from harness.submissions.sandbox.inside.notes import Notes


@dataclass(frozen=True)
class Dropped:
    """A name that Keras 3 dropped.

    Attributes:
        write: what to write instead, as code.
        targets: modules that have its names now, or one "module:name"; empty where it has no
            replacement.
    """

    write: str
    targets: tuple[str, ...] = ()

    @property
    def safe(self) -> bool:
        return bool(self.targets)


def _from(module: str, *names: str) -> Dropped:
    """Returns the row of a module whose names are in another one today."""
    return Dropped(f"from {module} import {', '.join(names)}", (module,))


def _renamed(target: str) -> Dropped:
    """Returns the row of a name that is called otherwise today, as in "layers:LSTM"."""
    return Dropped(f"keras.{target.replace(':', '.')}", (f"keras.{target}",))


_ENGINE = ("keras", "keras.layers", "keras.models")
_WRAPPERS = "harness.submissions.sandbox.inside.keras2_wrappers"
_NOTHING = Dropped("nothing", (f"{_WRAPPERS}:nothing",))

MODULES: Mapping[str, Dropped] = {
    "utils.np_utils": _from("keras.utils", "to_categorical"),
    "utils.vis_utils": _from("keras.utils", "plot_model"),
    "utils.visualize_util": _from("keras.utils", "plot_model"),
    "utils.generic_utils": Dropped("from keras import utils", ("keras.utils",)),
    "utils.data_utils": _from("keras.utils", "get_file"),
    "utils.all_utils": Dropped("from keras import utils", ("keras.utils",)),
    "utils.training_utils": Dropped("from keras import utils", ("keras.utils",)),
    "layers.core": _from("keras.layers", "Dense", "Dropout", "Flatten", "Activation"),
    "layers.convolutional": _from("keras.layers", "Conv2D", "MaxPooling2D"),
    "layers.pooling": _from("keras.layers", "MaxPooling2D"),
    "layers.normalization": _from("keras.layers", "BatchNormalization"),
    "layers.normalization.batch_normalization": _from("keras.layers", "BatchNormalization"),
    "layers.advanced_activations": _from("keras.layers", "LeakyReLU"),
    "layers.merge": _from("keras.layers", "Concatenate", "Add"),
    "layers.embeddings": _from("keras.layers", "Embedding"),
    "layers.recurrent": _from("keras.layers", "LSTM"),
    "layers.noise": _from("keras.layers", "GaussianNoise"),
    "layers.wrappers": _from("keras.layers", "TimeDistributed"),
    "layers.regularization": _from("keras.layers", "Dropout"),
    "layers.reshaping": _from("keras.layers", "Flatten"),
    "layers.experimental": _from("keras.layers", "Rescaling"),
    "layers.experimental.preprocessing": _from("keras.layers", "Rescaling"),
    "engine": Dropped("from keras import Input, Model", _ENGINE),
    "engine.topology": Dropped("from keras.layers import Input, Layer", _ENGINE),
    "engine.input_layer": Dropped("from keras import Input", _ENGINE),
    "engine.base_layer": Dropped("from keras.layers import Layer", _ENGINE),
    "engine.training": Dropped("from keras import Model", _ENGINE),
    "engine.sequential": Dropped("from keras import Sequential", _ENGINE),
    "engine.functional": Dropped("from keras import Model", _ENGINE),
    "optimizers.legacy": _from("keras.optimizers", "Adam"),
    "optimizers.experimental": _from("keras.optimizers", "Adam"),
    "optimizers.adam_v2": _from("keras.optimizers", "Adam"),
    "optimizers.gradient_descent_v2": _from("keras.optimizers", "SGD"),
    "optimizer_v2": Dropped("from keras import optimizers", ("keras.optimizers",)),
    "optimizer_v2.adam": _from("keras.optimizers", "Adam"),
    "optimizer_v2.gradient_descent": _from("keras.optimizers", "SGD"),
    "optimizer_v2.rmsprop": _from("keras.optimizers", "RMSprop"),
    "callbacks.callbacks": _from("keras.callbacks", "EarlyStopping"),
    "callbacks.tensorboard_v1": _from("keras.callbacks", "TensorBoard"),
    "objectives": Dropped("from keras import losses", ("keras.losses",)),
    "initializations": Dropped("from keras import initializers", ("keras.initializers",)),
    "backend.tensorflow_backend": Dropped("from keras import backend", ("keras.backend",)),
    "saving.save": _from("keras.models", "load_model", "save_model"),
    "wrappers.scikit_learn": Dropped("from scikeras.wrappers import KerasClassifier", (_WRAPPERS,)),
    "applications.keras_applications": Dropped("from keras import applications"),
}  # fmt: skip


NAMES: Mapping[str, Dropped] = {
    "utils.multi_gpu_model": Dropped("the model itself", (f"{_WRAPPERS}:same",)),
    "utils.plot": _renamed("utils:plot_model"),
    "utils.visualize_util.plot": _renamed("utils:plot_model"),
    "optimizers.adam": _renamed("optimizers:Adam"),
    "optimizers.sgd": _renamed("optimizers:SGD"),
    "optimizers.rmsprop": _renamed("optimizers:RMSprop"),
    "optimizers.adadelta": _renamed("optimizers:Adadelta"),
    "preprocessing.image.ImageDataGenerator": Dropped(
        "layers such as keras.layers.RandomRotation in front of the network",
        ("keras.src.legacy.preprocessing.image:ImageDataGenerator",),
    ),
    "layers.CuDNNLSTM": _renamed("layers:LSTM"),
    "layers.CuDNNGRU": _renamed("layers:GRU"),
    "layers.Deconvolution2D": _renamed("layers:Conv2DTranspose"),
    "layers.ThresholdedReLU": Dropped(
        "keras.layers.ReLU(threshold=1.0)", ("keras.src.legacy.layers:ThresholdedReLU",)
    ),
    "backend.set_image_dim_ordering": Dropped(
        "keras.config.set_image_data_format", (f"{_WRAPPERS}:set_image_dim_ordering",)
    ),
    "backend.image_dim_ordering": Dropped(
        "keras.config.image_data_format", (f"{_WRAPPERS}:image_dim_ordering",)
    ),
    "backend.set_session": _NOTHING,
    "backend.get_session": _NOTHING,
    "backend.set_learning_phase": _NOTHING,
    "layers.Merge": Dropped("keras.layers.Concatenate() or keras.layers.Add() of the branches"),
    "layers.MaxoutDense": Dropped("keras.layers.Dense and keras.layers.Maximum"),
    "layers.Highway": Dropped("the Functional API"),
    "layers.AtrousConvolution2D": Dropped("keras.layers.Conv2D(..., dilation_rate=2)"),
    "layers.LocallyConnected2D": Dropped("keras.layers.Conv2D"),
    "models.Graph": Dropped("keras.Model(inputs, outputs)"),
}


# Outside Keras: names of modules, with the text after "write".
OTHER_MODULES: Mapping[str, Dropped] = {
    "tensorflow.contrib": Dropped("tensorflow.keras, or the package that took its place"),
    "tensorflow.examples": Dropped("keras.datasets.mnist.load_data()"),
    "sklearn.cross_validation": _from("sklearn.model_selection", "train_test_split"),
    "sklearn.grid_search": _from("sklearn.model_selection", "GridSearchCV"),
}


_SESSIONS = (
    "TensorFlow 2 has no sessions and placeholders; write the network with keras.layers and train "
    "it with model.compile() and model.fit()."
)


_OPTIMIZER = "Write keras.optimizers.Adam(learning_rate=0.001) in model.compile()."


# Advice by the text of an error; no replacement exists for any of these.
_HINTS = (
    (r"has no attribute '(Session|InteractiveSession|placeholder|global_variables_initializer)'",
     _SESSIONS),
    (r"tf\.placeholder\(\) is not compatible|`Session\.run`|disable_eager_execution", _SESSIONS),
    (r"has no attribute '(\w*)Optimizer'", _OPTIMIZER),
    (r"has no attribute 'contrib'|No module named 'tensorflow\.contrib", "Write tf.keras instead."),
    (r"has no attribute 'get_variable'|has no attribute 'variable_scope'", _SESSIONS),
    (r"from 'sklearn\.externals'", "It is gone since scikit-learn 0.23; write `import joblib`."),
    (r"module 'numpy' has no attribute '(bool|int|float|object)'",
     "NumPy 1.24 dropped it; write Python's own name without `np.`."),
)  # fmt: skip


def hint(message: str) -> str:
    """Returns advice about an error that an old name led to, or ""."""
    advice = next((advice for pattern, advice in _HINTS if re.search(pattern, message)), None)
    if advice is None and (missing := re.search(r"No module named '([\w.]+)'", message)):
        advice = (
            f"{missing[1]} is not available here; the grader runs Keras, TensorFlow, NumPy, "
            "scikit-learn and Matplotlib. A module of your own has to be handed in as well."
        )
    return "" if advice is None else f" {advice}"


def gone(name: str, row: Dropped, since: str = "Keras 3") -> str:
    """Returns the note about a replaced name, or the message about one without a replacement."""
    text = f"{name} is gone since {since}; write `{row.write}`."
    return f"{text} Graded as if written so." if row.safe else text


# Imports ----------------------------------------------------------------------------------------

_TODAY = "keras._tf_keras.keras"
# The spellings of Keras, the longest first.
_PREFIXES = ("tensorflow.python.keras", "tensorflow.keras", _TODAY, "keras")
_PRIVATE = "tensorflow.python.keras"
# Modules of today that had more names once.
_PARENTS = ("", "utils", "layers", "optimizers", "callbacks", "preprocessing",
            "preprocessing.image", "backend", "models", "wrappers", "applications")  # fmt: skip


class OldModule(ModuleType):
    """A dropped module: has the names of the modules that replace it."""

    def __init__(self, name: str, old: str, targets: Iterable[ModuleType], notes: Notes) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._old, self._targets, self._notes = old, tuple(targets), notes
        names = {each for target in self._targets for each in dir(target)}
        self.__all__ = sorted(each for each in names if not each.startswith("_"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self._old}.{name}"
        if full in NAMES:
            return _object(f"keras.{full}", NAMES[full], self._notes)
        for target in self._targets:
            if hasattr(target, name):
                return getattr(target, name)
        if full in MODULES:
            return importlib.import_module(f"{self.__name__}.{name}")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


class OldModules(MetaPathFinder, Loader):
    """Finds dropped modules, before any other finder is asked."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._made: dict[str, ModuleType] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        del path, target
        module = self._answer(fullname)
        if module is None:
            return None
        self._made[fullname] = module
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._made.pop(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass

    def _answer(self, fullname: str) -> ModuleType | None:
        if fullname in OTHER_MODULES:
            return self._old(fullname, fullname, OTHER_MODULES[fullname], "its newer releases")
        prefix = next((p for p in _PREFIXES if fullname == p or fullname.startswith(p + ".")), None)
        if prefix is None:
            return None
        rest = fullname[len(prefix) :].removeprefix(".")
        if rest in MODULES:
            return self._old(fullname, rest, MODULES[rest], "Keras 3")
        if prefix == _PRIVATE and self._notes.source.imports():
            return self._private(fullname, rest)
        return None

    def _old(self, fullname: str, old: str, row: Dropped, since: str) -> ModuleType:
        text = gone(fullname, row, since)
        if not row.safe:
            raise ModuleNotFoundError(text, name=fullname)
        self._notes.add("dropped_name", text)
        targets = [importlib.import_module(target) for target in row.targets]
        return OldModule(fullname, old, targets, self._notes)

    def _private(self, fullname: str, rest: str) -> ModuleType | None:
        today = f"{_TODAY}.{rest}".rstrip(".")
        try:
            target = importlib.import_module(today)
        except ImportError:
            return None
        public = f"tensorflow.keras.{rest}".rstrip(".")
        text = gone(fullname, Dropped(public, (today,)), "TensorFlow 2.16")
        self._notes.add("dropped_name", text)
        return OldModule(fullname, rest, [target], self._notes)


def install(notes: Notes) -> None:
    """Puts the finder first, and gives today's modules the attributes that they had."""
    for name in [name for name in sys.modules if name.startswith(_PRIVATE)]:
        del sys.modules[name]
    sys.meta_path.insert(0, OldModules(notes))
    for tree in ("keras", _TODAY):
        for parent in _PARENTS:
            module = sys.modules.get(f"{tree}.{parent}".rstrip("."))
            if module is not None:
                _extend(module, parent, tree, notes)


def _extend(module: ModuleType, parent: str, tree: str, notes: Notes) -> None:
    shown = "tensorflow.keras" if tree == _TODAY else "keras"

    def attribute(name: str) -> Any:
        full = f"{parent}.{name}".lstrip(".")
        if full in NAMES:
            return _object(f"{shown}.{full}", NAMES[full], notes)
        if full in MODULES:
            return importlib.import_module(f"{shown}.{full}")
        if parent == "backend" and not name.startswith("_"):
            legacy = sys.modules.get(f"{_TODAY}.backend")
            if legacy is not None and name in vars(legacy):
                today = Dropped(f"keras.ops.{name}", (legacy.__name__,))
                notes.add("dropped_name", gone(f"{shown}.{full}", today))
                return getattr(legacy, name)
        raise AttributeError(
            f"module {f'{shown}.{parent}'.rstrip('.')!r} has no attribute {name!r}"
        )

    vars(module)["__getattr__"] = attribute
    # `legacy` exists still, to say that it is gone.
    if parent == "optimizers":
        vars(module).pop("legacy", None)
        for name in (f"{module.__name__}.legacy", f"{shown}.optimizers.legacy"):
            sys.modules.pop(name, None)


def _object(name: str, row: Dropped, notes: Notes) -> Any:
    text = gone(name, row)
    if not row.safe:
        raise ImportError(text)
    notes.add("dropped_name", text)
    module, _, attribute = row.targets[0].partition(":")
    return getattr(importlib.import_module(module), attribute)
