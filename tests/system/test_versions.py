"""What requirements.txt and requirements.lock say, and what a run says of them."""

import re
import tomllib
import warnings
from hashlib import sha256
from itertools import product

import pytest
from packaging.specifiers import SpecifierSet

from harness.report.schema import results as schema
from harness.report.sections import environment
from harness.system import versions
from harness.system.directories import PROJECT_ROOT
from reference.errors import UserError
from tests.architecture import requirements_map
from tests.support.samples.results import sample

PYTHONS = ("3.11", "3.12", "3.13")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def _file(name):
    return versions.parsed((PROJECT_ROOT / name).read_text(encoding="utf-8"), name)


def _entries():
    """Of each entry of the lock file: its text, without comments."""
    text = (PROJECT_ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


# The lock file -----------------------------------------------------------------------------------


def test_every_entry_has_a_hash():
    assert [entry for entry in _entries() if not HASH.search(entry)] == []
    assert len(_entries()) == len(_file("requirements.lock"))


def test_every_entry_is_one_exact_version():
    pins = [[pin.operator for pin in entry.specifier] for entry in _file("requirements.lock")]
    assert pins == [["=="]] * len(pins)


def test_the_lock_names_no_place_that_packages_come_from():
    text = (PROJECT_ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.findall(r"https?:|file:|--(?:extra-)?index|--find-links|--trusted", text) == []


@pytest.mark.parametrize(("python", "machine"), list(product(PYTHONS, ("x86_64", "aarch64"))))
def test_the_lock_satisfies_the_requirements(python, machine):
    here = {
        "python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux",
        "platform_machine": machine, "platform_system": "Linux", "os_name": "posix",
    }  # fmt: skip
    locked = {}
    for entry in _file("requirements.lock"):
        if entry.marker is None or entry.marker.evaluate(here):
            (pin,) = entry.specifier
            assert entry.name not in locked
            locked[entry.name] = pin.version
    wrong = [
        str(wanted)
        for wanted in _file("requirements.txt")
        if not wanted.specifier.contains(locked.get(wanted.name, "0"), prereleases=True)
    ]
    assert wrong == []


def test_every_requirement_has_a_lower_end_and_tests_that_use_it():
    wanted = _file("requirements.txt")
    assert [str(one) for one in wanted if ">=" not in {s.operator for s in one.specifier}] == []
    assert set(requirements_map.TESTS) == {one.name for one in wanted}
    assert [name for name in requirements_map.files() if not (PROJECT_ROOT / name).is_file()] == []


def test_the_pythons_are_those_that_tensorflow_is_made_for():
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    allowed = SpecifierSet(project["requires-python"])
    assert [v for v in ("3.10.0", "3.11.0", "3.12.9", "3.13.9", "3.14.0") if v in allowed] == [
        "3.11.0", "3.12.9", "3.13.9",
    ]  # fmt: skip


# Reading them ------------------------------------------------------------------------------------


def test_options_hashes_and_comments_are_no_requirements():
    text = (
        "# all\n-r other.txt\n\nnumpy>=2.2,<3   # why\n"
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n"
        "    --hash=sha256:00 \\\n    --hash=sha256:11\n    # via click\n"
    )
    numpy, colorama = versions.parsed(text, "x.txt")
    assert (numpy.name, str(numpy.specifier), numpy.marker) == ("numpy", "<3,>=2.2", None)
    assert str(colorama.specifier) == "==0.4.6"
    assert str(colorama.marker) == 'sys_platform == "win32"'


def test_what_is_no_requirement_is_named_with_its_file():
    with pytest.raises(UserError, match=r"x\.txt: `<<<<<<< HEAD` is not a requirement, such as"):
        versions.parsed("numpy\n<<<<<<< HEAD\n", "x.txt")


def test_a_lock_file_without_exact_versions_is_refused():
    with pytest.raises(UserError, match=r"requirements\.lock: `numpy>=2` is not an exact version"):
        versions.differences(versions.parsed("numpy>=2", "x"))


def test_missing_requirements_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "REQUIREMENTS", tmp_path / "requirements.txt")
    versions.required.cache_clear()
    with pytest.raises(UserError, match=r"requirements\.txt cannot be read: No such file"):
        versions.required()


# What a run says ---------------------------------------------------------------------------------


@pytest.fixture
def described(tmp_path, monkeypatch):
    """Describes an environment that has these packages, by this lock file."""

    def describe(have, lock=None):
        monkeypatch.setattr(versions, "required", lambda: ("numpy", "keras"))
        monkeypatch.setattr(versions, "installed", have.get)
        monkeypatch.setattr(versions, "LOCK", tmp_path / "requirements.lock")
        if lock is not None:
            versions.LOCK.write_text(lock, encoding="utf-8")
        return versions.describe()

    return describe


LOCK = (
    "keras==3.15.1 --hash=sha256:00\nnumpy==2.4.6 --hash=sha256:00\nsix==1.17.0 --hash=sha256:00\n"
    "colorama==0.4.6 ; sys_platform == 'win32' --hash=sha256:00\n"
)


def test_an_environment_is_as_locked(described):
    have = {"numpy": "2.4.6", "keras": "3.15.1", "six": "1.17", "torch": "2.13.0"}
    found = described(have, LOCK)
    assert found["packages"] == {"numpy": "2.4.6", "keras": "3.15.1"}
    assert found["lock"] == {
        "file": "requirements.lock", "sha256": sha256(LOCK.encode()).hexdigest(), "packages": 3,
        "differences": [],
    }  # fmt: skip


def test_what_differs_from_the_lock_is_listed(described):
    have = {"numpy": "2.5.5", "keras": "3.15.1+local"}
    assert described(have, LOCK)["lock"]["differences"] == [
        {"package": "keras", "locked": "3.15.1", "installed": "3.15.1+local"},
        {"package": "numpy", "locked": "2.4.6", "installed": "2.5.5"},
        {"package": "six", "locked": "1.17.0", "installed": None},
    ]


def test_without_a_lock_file_nothing_is_said_of_it(described):
    assert described({"numpy": "2.5.5"}) == {"packages": {"numpy": "2.5.5"}, "lock": None}


def _card(**given):
    results = sample()
    results["environment"] |= given
    return dict(environment.environment(schema.checked(results)))


def test_the_report_shows_the_versions_and_whether_they_are_locked(described):
    have = {"numpy": "2.4.6", "keras": "3.15.1", "six": "1.17.0"}
    card = _card(**described(have, LOCK))
    assert card["Packages"] == "keras\N{NO-BREAK SPACE}3.15.1, numpy\N{NO-BREAK SPACE}2.4.6"
    assert re.fullmatch(
        r"as locked: the packages are those of requirements\.lock \(SHA-256 \w{12}…\)",
        card["Lock file"],
    )
    assert "TensorFlow" not in card


def test_the_report_shows_what_differs(described):
    card = _card(**described({"numpy": "2.5.5", "keras": "3.15.1"}, LOCK))
    assert card["Lock file"].endswith(
        "…): numpy 2.5.5 (locked: 2.4.6), six is not installed (locked: 1.17.0)"
    )
    assert card["Lock file"].startswith("not as locked in requirements.lock (SHA-256 ")


def test_the_report_says_that_there_was_no_lock_file(described):
    card = _card(**described({"numpy": "2.5.5"}))
    assert card["Lock file"].startswith("none")


def test_older_results_show_the_three_versions_that_they_have():
    card = _card()
    assert (card["TensorFlow"], card["Keras"], card["NumPy"]) == ("2.21.0", "3.15.1", "2.4.6")
    assert not {"Packages", "Lock file"} & set(card)


def test_a_long_list_is_cut():
    differ = [{"package": f"p{n}", "locked": "1", "installed": "2"} for n in range(200)]
    card = _card(packages={"numpy": "2"}, lock={"differences": differ})
    assert card["Lock file"].startswith("not as locked in the lock file: p0 2 (locked: 1), p1")
    assert card["Lock file"].endswith("p23 2 (locked: 1) and 176 more")


# Warnings ----------------------------------------------------------------------------------------

FUTURE = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


@pytest.mark.parametrize("category", FUTURE)
def test_what_others_say_of_their_future_fails_nothing(category):
    with warnings.catch_warnings(record=True) as seen:
        warnings.warn_explicit("old", category, "x.py", 1, module="elsewhere.harness")
    assert [one.category for one in seen] == [category]


@pytest.mark.parametrize("category", FUTURE)
@pytest.mark.parametrize(
    "module", ["harness.report.charts.svg", "reference.facts", "conftest", __name__]
)
def test_what_is_said_of_a_call_of_ours_is_an_error(category, module):
    with pytest.raises(category):
        warnings.warn_explicit("old", category, "x.py", 1, module=module)


def test_other_warnings_are_errors_wherever_they_come_from():
    with pytest.raises(RuntimeWarning):
        warnings.warn_explicit("odd", RuntimeWarning, "x.py", 1, module="elsewhere")
