"""Attacks on what runs the checks: files that Python or pytest take from wherever they lie."""

from functools import partial

from tests.security.attack import (
    FAILED,
    HONEST,
    HONEST_SOURCE,
    WRONG,
    WRONG_SOURCE,
    Attack,
    at_import,
    code,
    module,
)

_row = partial(module, "runner")

_MARKED = code(
    """
    import pathlib
    for folder in ("@PROJECT@", "@STORE@", "@REPORT@", "@HOME@", "@TEMP@"):
        try:
            pathlib.Path(folder, "@MARK@").write_text("was here")
        except OSError:
            pass
    """
)

_ALL_GREEN = _MARKED + code(
    """
    import pytest

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(item, call):
        report = (yield).get_result()
        report.outcome, report.longrepr = "passed", None
    """
)

_SHADOW = _MARKED + 'raise SystemExit("a shadow was imported")\n'

_GREEN = '{"schema": 1, "subjects": [{"id": "me", "score": 100, "max_score": 100}]}'

RUNNER: tuple[Attack, ...] = (
    _row(
        "hostile_conftest",
        "pytest should take a conftest.py that turns every failure into a pass.",
        WRONG_SOURCE,
        {WRONG},
        files={"conftest.py": _ALL_GREEN, "checks/conftest.py": _ALL_GREEN},
    ),
    _row(
        "pytest_settings",
        "pytest should take its settings from the submission.",
        WRONG_SOURCE,
        {WRONG},
        files={
            "pytest.ini": "[pytest]\naddopts = -p evil --collect-only\npython_files = nothing.py\n",
            "setup.cfg": "[tool:pytest]\naddopts = --collect-only\n",
            "tox.ini": "[pytest]\naddopts = --collect-only\n",
            "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--collect-only"\n',
            "evil.py": _ALL_GREEN,
        },
    ),
    _row(
        "pytest_plugin",
        "pytest should load a plugin that claims to be installed.",
        WRONG_SOURCE,
        {WRONG},
        files={
            "evil.py": _ALL_GREEN,
            "evil-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n",
            "evil-1.0.dist-info/entry_points.txt": "[pytest11]\nevil = evil\n",
        },
    ),
    _row(
        "its_own_checks",
        "The submission's own tests should be collected instead of the grader's.",
        WRONG_SOURCE,
        {WRONG},
        files={
            "checks/test_structure.py": "def test_layers():\n    pass\n",
            "test_model.py": _MARKED + "def test_pass():\n    pass\n",
        },
    ),
    _row(
        "its_own_results",
        "The submission's own results and rubric should be taken for the grader's.",
        WRONG_SOURCE,
        {WRONG},
        files={
            "results.json": _GREEN,
            "reports/latest/results.json": _GREEN,
            "grades.csv": "id,score\nme,100\n",
            "reference/rubric.toml": "max_score = 100\n",
            "reference/facts/mlp_64_32.toml": 'document = "mine"\n',
            "gradescope/me.json": '{"score": 100}',
        },
    ),
    _row(
        "site_customize",
        "Python imports sitecustomize and usercustomize whenever it starts.",
        WRONG_SOURCE,
        {WRONG},
        files={
            "sitecustomize.py": _MARKED,
            "usercustomize.py": _MARKED,
            "evil.pth": "import sitecustomize\n",
        },
    ),
    _row(
        "python_settings",
        "Variables that make the next Python run code of the submission.",
        at_import(
            """
            import os
            os.environ["PYTHONSTARTUP"] = os.path.abspath("sitecustomize.py")
            os.environ["PYTHONPATH"] = os.getcwd()
            os.environ["PYTHONINSPECT"] = "1"
            os.environ["LD_PRELOAD"] = os.path.abspath("evil.so")
            """,
            WRONG_SOURCE,
        ),
        {WRONG},
        files={"sitecustomize.py": _MARKED, "evil.so": b"\x7fELF"},
    ),
    _row(
        "shadowed_libraries",
        "Modules called like libraries should be imported by the grader.",
        HONEST_SOURCE,
        {HONEST},
        files={
            f"{name}.py": _SHADOW
            for name in ("numpy", "keras", "tensorflow", "json", "os", "h5py", "pytest", "typing")
        },
    ),
    _row(
        "shadowed_harness",
        "Packages called like the grader's own should be imported by it.",
        HONEST_SOURCE,
        {HONEST},
        files={
            "harness/__init__.py": _SHADOW,
            "harness/submissions/__init__.py": _SHADOW,
            "harness/submissions/sandbox/inside/__init__.py": _SHADOW,
            "harness/submissions/sandbox/inside/open.py": _SHADOW,
            "harness/submissions/sandbox/inside/capture.py": _SHADOW,
            "reference/__init__.py": _SHADOW,
            "models/mlp_64_32.py": _SHADOW,
        },
    ),
    _row(
        "shadow_late",
        "Unloads the grader's modules, so that the next import takes the submission's.",
        at_import(
            """
            import os, sys
            sys.path.insert(0, os.getcwd())
            for name in list(sys.modules):
                if name.split(".")[0] in ("harness", "json"):
                    del sys.modules[name]
            """
        ),
        {HONEST, FAILED},
        files={"harness/__init__.py": _SHADOW, "json.py": _SHADOW},
    ),
    Attack(
        name="an_option_as_a_name",
        kind="runner",
        why="A file name that looks like an option should be taken for one.",
        files={"--rubric=evil.py": HONEST_SOURCE.encode()},
        main="--rubric=evil.py",
        ends=frozenset({HONEST, FAILED}),
    ),
)
