"""Which libraries each part may use, what no trusted code may call, and that modules import alone.

Which package may import which other is in pyproject.toml, for import-linter.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from harness.system.directories import PROJECT_ROOT

TEST_MODULE = "tests.data.test_idx"  # what no other test may import
PACKAGES = ("models", "reference", "harness", "checks", "tests")
STANDARD = frozenset(sys.stdlib_module_names)


@dataclass(frozen=True)
class Rule:
    """What the files that match a pattern may import.

    Attributes:
        allowed: modules, ours or other people's, each with those inside it; `standard` adds
            Python's own.
    """

    pattern: str
    allowed: frozenset[str]
    standard: bool = True


def _rule(pattern: str, *allowed: str, standard: bool = True) -> Rule:
    return Rule(pattern, frozenset(allowed), standard)


# What any trusted module may use beside the standard library and our own.
COMMON = ("harness", "reference", "numpy", "scipy", "pytest", "rich", "jinja2", "matplotlib")
# What the sandbox has; `harness` here is `sandbox.inside` alone, as import-linter sees to.
SANDBOX = ("harness", "numpy", "keras", "h5py", "sklearn", "matplotlib")
INSIDE = "harness/submissions/sandbox/inside/"

# Which libraries a module may use. What it may import of our own is in pyproject.toml, for
# import-linter. The first match holds.
RULES = (
    _rule("models/*.py", "keras", standard=False),
    _rule("reference/*.py", "reference", "numpy"),
    # The engine and the sandboxed side compute with Keras; nothing else does but the benchmarks.
    _rule("harness/network/engine/*.py", *COMMON, "tensorflow", "keras"),
    _rule(f"{INSIDE}keras2_names.py", *SANDBOX, "a module by a computed name"),
    _rule(f"{INSIDE}open.py", *SANDBOX, "a module by a computed name"),
    _rule(f"{INSIDE}*.py", *SANDBOX),
    # It opens files that our own worker has just written.
    _rule("harness/jobs/kinds/verify.py", *COMMON, "keras"),
    # The processes that benchmarks are timed in; PyTorch is a peer, and optional.
    _rule("harness/benchmarks/keras_tasks.py", *COMMON, "tensorflow", "keras"),
    _rule("harness/benchmarks/torch_tasks.py", "harness", "reference", "numpy", "torch"),
    # The digits lie inside scikit-learn, and so does the client of OpenML; letters are pictures.
    _rule("harness/data/*.py", *COMMON, "sklearn", "PIL"),
    _rule("harness/network/splits.py", *COMMON, "sklearn"),
    # Plain files from plain data: nothing but the standard library.
    _rule("harness/report/exports/*.py", "harness", "reference"),
    # The model of results.json.
    _rule("harness/report/schema/*.py", "harness", "reference", "pydantic", "pydantic_core"),
    _rule("harness/report/*.py", *COMMON, "markupsafe"),
    # Pictures that people bring are opened there.
    _rule("harness/app/predict/*.py", *COMMON, "PIL"),
    _rule("harness/evaluation/results/*.py", *COMMON, "pydantic"),
    _rule("harness/statistics/*.py", "harness", "numpy", "scipy"),
    # Sent to machines that have nothing of this project.
    _rule("harness/jobs/cluster/dask_worker.py", "distributed"),
    _rule("harness/jobs/cluster/*.py", *COMMON, "dask", "distributed"),
    # What requirement files say, and what of it is installed.
    _rule("harness/system/versions.py", "harness", "reference", "packaging"),
    _rule("harness/*.py", *COMMON),
    _rule("checks/*.py", "checks", "harness", "reference", "numpy", "pytest"),
    _rule("conftest.py", "harness", "reference", "pytest"),
)

# These run code that came as data, in the sandbox, which is the place for it; and one opens files
# that our own worker has just written.
SANDBOXED = (f"{INSIDE}*.py",)
OPENS_OUR_OWN = {"harness/jobs/kinds/verify.py": frozenset({"load_model"})}
BANNED_NAMES = frozenset({
    "load_model", "from_config", "model_from_json", "clone_model", "load_weights",
    "deserialize_keras_object", "enable_unsafe_deserialization",
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve",
})  # fmt: skip
BANNED_CALLS = frozenset({"eval", "exec"})
BANNED_ATTRIBUTES = frozenset({("os", "system"), ("os", "popen")})
BANNED_ARGUMENTS = frozenset({("shell", True), ("allow_pickle", True), ("safe_mode", False)})


def violations(path: str, source: str) -> list[str]:
    """Returns what a module does that its place does not allow, as "line: what"."""
    tree = ast.parse(source, path)
    found = list(_imports(path, tree))
    if not path.startswith("tests/") and not any(fnmatch(path, name) for name in SANDBOXED):
        found += _calls(tree, BANNED_NAMES - OPENS_OUR_OWN.get(path, frozenset()))
    return found


def _imports(path: str, tree: ast.AST) -> Iterator[str]:
    if path.startswith("tests/"):
        yield from _test_modules(tree)
        return
    rule = next((rule for rule in RULES if fnmatch(path, rule.pattern)), None)
    if rule is None:
        yield "0: no rule says what this file may import"
        return
    for line, name in _imported(tree):
        parents = {name.rsplit(".", count)[0] for count in range(name.count(".") + 1)}
        standard = rule.standard and name.split(".")[0] in STANDARD
        if not standard and not parents & rule.allowed:
            yield f"{line}: imports {name}"


def _test_modules(tree: ast.AST) -> Iterator[str]:
    """The test modules that a file under tests/ imports, even in the text of a program."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                imported = [alias.name for alias in names]
            case ast.ImportFrom(str(module), names):
                imported = [f"{module}.{alias.name}" for alias in names]
            case ast.Constant(str(text)):
                imported = re.findall(r"(?:from|import) ([\w.]+)", text)
            case _:
                continue
        for name in imported:
            if found := re.match(r"tests\.(\w+\.)*?test_\w+", name):
                yield f"{node.lineno}: imports the test module {found[0]}"


def _imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every import, at whatever depth, and those by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "" if node.level == 0 else "a relative module"
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
            for argument in node.args[:1]:
                known = isinstance(argument, ast.Constant)
                yield node.lineno, str(argument.value) if known else "a module by a computed name"


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _calls(tree: ast.AST, banned: frozenset[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        for name in _names(node):
            if banned.intersection(name.split(".")):
                yield f"{node.lineno}: names {name}"
        if isinstance(node, ast.Name) and node.id in BANNED_CALLS:
            yield f"{node.lineno}: names {node.id}"
        match node:
            case ast.Attribute(ast.Name(module), name) if (module, name) in BANNED_ATTRIBUTES:
                yield f"{node.lineno}: names {module}.{name}"
            case ast.keyword(name, ast.Constant(value)) if (name, value) in BANNED_ARGUMENTS:
                yield f"{node.lineno}: passes {name}={value}"
            case _:
                pass


def _names(node: ast.AST) -> Iterator[str]:
    """The names that a node speaks of, `getattr(x, "name")` included."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            yield name
        case ast.ImportFrom(module=str(name)):
            yield name
        case ast.Constant(value=str(name)) if name.isidentifier():
            yield name
        case _:
            pass


def _modules() -> list[str]:
    files = [
        *PROJECT_ROOT.glob("*.py"),
        *(f for name in PACKAGES for f in (PROJECT_ROOT / name).rglob("*.py")),
    ]
    return sorted(file.relative_to(PROJECT_ROOT).as_posix() for file in files)


def test_there_are_modules_to_look_at():
    tops = {module.split("/")[0] for module in _modules()}
    assert tops == {*PACKAGES, "conftest.py"}


@pytest.mark.parametrize("module", _modules())
def test_a_module_keeps_to_its_place(module):
    assert violations(module, (PROJECT_ROOT / module).read_text(encoding="utf-8")) == []


def test_no_rule_is_idle():
    patterns = {rule.pattern for rule in RULES}
    used = {
        next(rule.pattern for rule in RULES if fnmatch(module, rule.pattern))
        for module in _modules()
        if not module.startswith("tests/")
    }
    assert patterns <= used


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("models/x.py", "import numpy as np", "1: imports numpy"),
        ("models/x.py", "import os", "1: imports os"),
        ("models/x.py", "import tensorflow as tf", "1: imports tensorflow"),
        ("models/x.py", "from reference import facts", "1: imports reference"),
        ("models/x.py", "from . import deep_cnn", "1: imports a relative module"),
        ("reference/x.py", "import keras", "1: imports keras"),
        ("reference/x.py", "def f():\n    import scipy.stats", "2: imports scipy.stats"),
        ("reference/x.py", "from harness import spec", "1: imports harness"),
        ("reference/twin/x.py", "import tensorflow", "1: imports tensorflow"),
        ("harness/x.py", "import models.deep_cnn", "1: imports models.deep_cnn"),
        ("harness/x.py", "from tests import support", "1: imports tests"),
        ("harness/x.py", "from checks import test_build", "1: imports checks"),
        ("harness/x.py", "if 1:\n    from keras import layers", "2: imports keras"),
        ("harness/x.py", "import tensorflow.nn", "1: imports tensorflow.nn"),
        ("harness/x.py", "import_module('keras')", "1: imports keras"),
        ("harness/x.py", "__import__('models.x')", "1: imports models.x"),
        ("harness/x.py", "import_module(name)", "1: imports a module by a computed name"),
        ("harness/submissions/sandbox/client.py", "import keras", "1: imports keras"),
        ("harness/submissions/sandbox/inside/x.py", "import tensorflow", "1: imports tensorflow"),
        (
            "harness/submissions/sandbox/inside/x.py",
            "from reference import facts",
            "1: imports reference",
        ),
        ("harness/network/engine/x.py", "import models", "1: imports models"),
        ("harness/report/x.py", "import sklearn", "1: imports sklearn"),
        ("harness/report/exports/x.py", "import jinja2", "1: imports jinja2"),
        ("harness/report/x.py", "import pydantic", "1: imports pydantic"),
        ("harness/statistics/x.py", "import pandas", "1: imports pandas"),
        ("harness/jobs/cluster/dask_worker.py", "from harness import jobs", "1: imports harness"),
        ("harness/jobs/cluster/x.py", "import cloudpickle", "1: imports cloudpickle"),
        ("harness/app/grading/session.py", "import distributed", "1: imports distributed"),
        ("harness/benchmarks/runner.py", "import tensorflow", "1: imports tensorflow"),
        ("harness/benchmarks/suite.py", "import torch", "1: imports torch"),
        ("harness/benchmarks/keras_tasks.py", "import torch", "1: imports torch"),
        ("harness/benchmarks/torch_tasks.py", "import keras", "1: imports keras"),
        ("checks/x.py", "import keras", "1: imports keras"),
        ("harness/submissions/sandbox/inside/x.py", "import reference", "1: imports reference"),
        (
            "harness/submissions/sandbox/inside/x.py",
            "import_module(name)",
            "1: imports a module by a computed name",
        ),
        ("checks/x.py", "import models", "1: imports models"),
        ("conftest.py", "import numpy", "1: imports numpy"),
        ("new/x.py", "", "0: no rule says what this file may import"),
        ("harness/x.py", "keras.saving.load_model(p)", "1: names load_model"),
        ("harness/x.py", "getattr(keras.saving, 'load_model')", "1: names load_model"),
        ("harness/x.py", "from a import load_model", "1: names load_model"),
        ("harness/x.py", "Dense.from_config(c)", "1: names from_config"),
        ("harness/x.py", "model_from_json(t)", "1: names model_from_json"),
        ("harness/x.py", "clone_model(m)", "1: names clone_model"),
        ("harness/network/engine/x.py", "m.load_weights(p)", "1: names load_weights"),
        ("harness/submissions/sandbox/client.py", "m.load_weights(p)", "1: names load_weights"),
        ("harness/x.py", "import pickle", "1: names pickle"),
        ("harness/jobs/kinds/verify.py", "import pickle", "1: names pickle"),
        ("harness/x.py", "from pickle import loads", "1: names pickle"),
        ("harness/x.py", "import dill", "1: names dill"),
        ("harness/x.py", "eval('1')", "1: names eval"),
        ("checks/x.py", "run = exec", "1: names exec"),
        ("harness/x.py", "subprocess.run('ls', shell=True)", "1: passes shell=True"),
        ("harness/x.py", "np.load(p, allow_pickle=True)", "1: passes allow_pickle=True"),
        ("harness/x.py", "os.system('ls')", "1: names os.system"),
        ("tests/x.py", f"import {TEST_MODULE}", f"1: imports the test module {TEST_MODULE}"),
        ("tests/x.py", f"from {TEST_MODULE} import c", f"1: imports the test module {TEST_MODULE}"),
        ("tests/x.py", "from tests import a, test_b", "1: imports the test module tests.test_b"),
        ("tests/x.py", f"'import {TEST_MODULE}'", f"1: imports the test module {TEST_MODULE}"),
    ],
)
def test_a_violation_is_seen(path, source, expected):
    assert expected in violations(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("models/x.py", "import keras\nfrom keras import layers"),
        ("reference/x.py", "import json\nimport numpy as np\nfrom reference import errors"),
        ("harness/x.py", "import re\nre.compile('x')\nnp.load(p, allow_pickle=False)"),
        ("harness/x.py", '"""Nobody calls load_model here."""'),
        (
            "harness/submissions/sandbox/inside/x.py",
            "import keras\nexec(code)\nkeras.saving.load_model(p)",
        ),
        (
            "harness/submissions/sandbox/inside/x.py",
            "from harness.submissions.sandbox.inside import open\nimport numpy.random",
        ),
        ("harness/jobs/kinds/verify.py", "import keras\nkeras.saving.load_model(p)"),
        ("harness/network/engine/x.py", "import tensorflow as tf"),
        (
            "harness/submissions/sandbox/inside/x.py",
            "from harness.submissions.sandbox.inside import notes\nimport keras",
        ),
        ("tests/x.py", "import keras, sklearn, models.deep_cnn\nexec('1')"),
        (
            "tests/x.py",
            "from tests.support import report_html\nfrom checks.test_recipe import test_x",
        ),
    ],
)
def test_what_is_allowed_is_not_reported(path, source):
    assert violations(path, source) == []


# Contracts ----------------------------------------------------------------------------------------

PLANTED = {
    "harness/system/directories.py": "from harness.data import idx",
    "harness/statistics/gate.py": "from harness.system import hashing",
    "harness/report/page.py": "from harness.evaluation import gates",
    "harness/evaluation/gates.py": "from harness.report.text import formatting",
    "harness/jobs/planning.py": "from harness.submissions import opened",
    "harness/experiments/context.py": "from harness.benchmarks import suite",
    "harness/submissions/opened.py": "from harness.network.engine import train",
    "harness/submissions/sandbox/client.py": "from harness.submissions.sandbox.inside import open",
    "harness/submissions/sandbox/inside/open.py": "from reference import facts",
    "harness/app/calibrate.py": "import models.deep_cnn",
    "harness/jobs/store/store.py": "from harness.jobs import runner",
    "reference/facts.py": "from harness.system import hashing",
}


def _lint_imports(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    for name in ("harness", "reference", "models"):
        shutil.copytree(
            PROJECT_ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(PROJECT_ROOT / "pyproject.toml", folder)
    assert _lint_imports(folder).returncode == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("module", PLANTED)
def test_an_import_against_the_direction_is_refused(copied, module):
    file = copied / module
    source = file.read_text(encoding="utf-8")
    file.write_text(f"{source}\n{PLANTED[module]}\n", encoding="utf-8")
    done = _lint_imports(copied)
    file.write_text(source, encoding="utf-8")
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


# Importing ----------------------------------------------------------------------------------------

# Imports each module in a fork that has none of the project's, and says which could not be.
ALONE = """
import sys, traceback
# What takes long to import, once for all of them.
import h5py, jinja2, keras, matplotlib.pyplot, numpy, PIL.Image, scipy.stats, tensorflow
import pytest, rich.progress, sklearn.datasets
for name in sys.stdin.read().split():
    for loaded in [module for module in sys.modules if module.startswith(("harness", "reference"))]:
        del sys.modules[loaded]
    try:
        __import__(name)
    except BaseException:
        traceback.print_exc()
        print(name)
"""


@pytest.mark.slow
def test_every_module_can_be_imported_alone():
    ran_when_imported = {"harness.calibrate", "harness.kaggle", "harness.predict"}
    names = [
        name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for name in _modules()
        if name.startswith(("harness/", "reference/"))
    ]
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        input=" ".join(name for name in names if name not in ran_when_imported),
        cwd=PROJECT_ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [], done.stderr


# Collecting ---------------------------------------------------------------------------------------

HEAVY = (
    "dask",
    "distributed",
    "tensorflow",
    "keras",
    "sklearn",
    "scipy.stats",
    "matplotlib",
    "h5py",
)

SPY = """
import sys

def pytest_unconfigure():
    with open(__file__ + ".seen", "w") as file:
        file.write("\\n".join(sys.modules))
"""


def _collected(folder: Path, *also: str) -> list[str]:
    """Returns the modules that collecting the checks imports."""
    (folder / "spy.py").write_text("\n".join([*also, SPY]), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "spy", "checks/"]
    done = subprocess.run(
        command,
        cwd=PROJECT_ROOT,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_structure.py::test_layers[sequential_cnn]" in done.stdout
    return (folder / "spy.py.seen").read_text(encoding="utf-8").splitlines()


def test_collecting_the_checks_imports_nothing_heavy(tmp_path):
    assert sorted(set(HEAVY).intersection(_collected(tmp_path))) == []


@pytest.mark.slow
def test_a_heavy_import_while_collecting_would_be_seen(tmp_path):
    assert "scipy.stats" in _collected(tmp_path, "import scipy.stats")
