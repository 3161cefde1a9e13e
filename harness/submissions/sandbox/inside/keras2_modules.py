"""Answers imports of modules that Keras 3 dropped, and attributes that its modules had.

Each answer is a note in the end. What cannot be carried on with is an ImportError that says what
to write instead.
"""

import importlib
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from harness.submissions.sandbox.inside.keras2_names import (
    MODULES,
    NAMES,
    OTHER_MODULES,
    Dropped,
    gone,
)
from harness.submissions.sandbox.inside.notes import Notes

_TODAY = "keras._tf_keras.keras"
# The spellings of Keras, the longest first.
_PREFIXES = ("tensorflow.python.keras", "tensorflow.keras", _TODAY, "keras")
_PRIVATE = "tensorflow.python.keras"
# Modules of today that had more names once.
_PARENTS = ("", "utils", "layers", "optimizers", "callbacks", "preprocessing",
            "preprocessing.image", "backend", "models", "wrappers", "applications")  # fmt: skip


class OldModule(ModuleType):
    """A module that is gone: has the names of those that took its place."""

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
    """Finds them, before anything else is asked."""

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
