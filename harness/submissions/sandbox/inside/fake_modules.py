"""Replaces modules that a script may use beside Keras and that are not installed.

Plots, progress bars and notebooks do nothing here; each module that was not there is named in a
note. A module that would change the network is not replaced: its import fails.
"""

import builtins
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Self

from harness.submissions.sandbox.inside import fake_tables
from harness.submissions.sandbox.inside.notes import Notes

# None of these can change which network is fitted.
HARMLESS = frozenset({
    "IPython", "ann_visualizer", "bokeh", "colorama", "cv2", "google", "graphviz", "ipywidgets",
    "keras_sequential_ascii", "livelossplot", "mlflow", "mlxtend", "neptune", "nvidia_smi",
    "pandas", "pandas_profiling", "plotly", "prettytable", "psutil", "pydot", "pydotplus",
    "scikitplot", "seaborn", "skimage", "streamlit", "tabulate", "tensorboard",
    "tensorboardcolab", "tensorflow_datasets", "torchsummary", "tqdm", "visualkeras", "wandb",
})  # fmt: skip
# Where `from x import *` should give something.
_STARRED = {"tqdm": ["tqdm", "trange"]}


class Anything:
    """Accepts every use and does nothing."""

    def __init__(self, name: str = "stand-in") -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and isinstance(args[0], type(lambda: None)):
            return args[0]  # a decorator
        return Anything(self._name)

    def __mro_entries__(self, bases: object) -> tuple[type, ...]:
        return (object,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, key: object) -> Any:
        return self

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__[name] = value

    def __float__(self) -> float:
        return 0.0

    def __repr__(self) -> str:
        return f"<{self._name}: not available>"


class Tqdm(Anything):
    """A progress bar that shows nothing: gives what it is given."""

    def __init__(self, iterable: Iterable[Any] = (), *_: Any, **__: Any) -> None:
        super().__init__("tqdm")
        self.__dict__["_iterable"] = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self._iterable)

    @staticmethod
    def pandas(*_: Any, **__: Any) -> None:
        """Does nothing: pandas is not installed."""


def _trange(*args: int, **_: Any) -> Tqdm:
    return Tqdm(range(*args))


class StandIn(ModuleType):
    """A module that is not installed: has every name."""

    def __init__(self, name: str, known: dict[str, object]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__version__ = "1.0"
        self.__all__ = _STARRED.get(name.partition(".")[0], [])
        vars(self).update(known)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(f"{self.__name__}.{name}")


class StandIns(MetaPathFinder, Loader):
    """Finds the replaced modules; asked after all other finders."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname.partition(".")[0] not in HARMLESS or not self._notes.source.imports():
            return None  # libraries that look for others should know that they are not there
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        top = spec.name.partition(".")[0]
        if top not in {*fake_tables.ANSWERED, "tqdm"}:
            shown = "google.colab" if top == "google" else top
            text = f"{shown} is not available here; what the script does with it was left out."
            self._notes.add("stand_in", text)
        return StandIn(spec.name, _known(top))

    def exec_module(self, module: ModuleType) -> None:
        pass


def _known(top: str) -> dict[str, object]:
    if top == "tqdm":
        return {"tqdm": Tqdm, "trange": _trange, "tqdm_notebook": Tqdm, "tnrange": _trange}
    if top == "IPython":
        return {"display": _nothing, "get_ipython": lambda: Anything("IPython")}
    if top in fake_tables.ANSWERED:
        return fake_tables.ANSWERED[top]()
    return {}


def _nothing(*_: Any, **__: Any) -> None:
    pass


def install(notes: Notes) -> None:
    """Puts the finder last, and makes keyboard, screen and notebook harmless."""
    sys.meta_path.append(StandIns(notes))
    names: dict[str, Callable[..., Any]] = {
        "input": lambda *_: "",
        "display": _nothing,
        "get_ipython": lambda: Anything("IPython"),
    }
    for name, answer in names.items():
        setattr(builtins, name, answer)
    os.environ["MPLBACKEND"] = "Agg"
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        vars(pyplot)["show"] = vars(pyplot)["pause"] = _nothing
    utils = [sys.modules.get(f"{tree}.utils") for tree in ("keras", "keras._tf_keras.keras")]
    for module in filter(None, utils):
        vars(module)["plot_model"] = vars(module)["model_to_dot"] = _nothing
