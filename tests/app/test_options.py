"""What the command line says of experiments, read and refused."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.app.pytest_plugin.options import add_options, read_options
from reference.errors import UserError


def _config(folder, *arguments):
    """A configuration of pytest's, as far as the options are read from one."""
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    given = parser.parse_known_args(list(arguments))
    return SimpleNamespace(
        getoption=lambda name: getattr(given, name[2:].replace("-", "_")),
        invocation_params=SimpleNamespace(dir=folder),
        rootpath=Path("root"),
    )


def _options(folder, *arguments):
    return read_options(_config(folder, *arguments))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "grid.toml").touch()
    (tmp_path / "letters").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "seeds"),
    [
        ((), 1),
        (("--recipe=gate",), 1),
        (("--recipe=documented",), 5),
        (("--recipe=documented", "--seeds=2"), 2),
        (("--seeds=3",), 3),
        # A class is graded by what is asked for, and no dearer than that.
        (("--recipe=documented", "--submission=x.py"), 1),
    ],
)
def test_claims_are_held_against_five_seeds(folder, arguments, seeds):
    assert _options(folder, *arguments).seeds == seeds


def test_paths_are_those_that_the_user_sees(folder):
    found = _options(folder, "--recipe=documented", "--grid=grid.toml", "--greek-test=letters")
    assert (found.grid, found.greek_test) == (folder / "grid.toml", folder / "letters")


def test_a_grid_goes_with_the_gate_too(folder):
    assert _options(folder, "--grid=grid.toml").grid == folder / "grid.toml"


def test_neither_is_wanted_by_itself(folder):
    found = _options(folder, "--recipe=documented")
    assert (found.grid, found.greek_test) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid=none.toml"], r"--grid .*none\.toml does not exist: expected a TOML file"),
        (["--grid=letters"], r"--grid .*letters is a folder: expected a TOML file"),
        (["--grid=grid.toml", "--submission=x.py"], "--grid applies to the project's own networks"),
        (["--grid=grid.toml", "--submissions=."], "--grid applies to the project's own networks"),
        (["--greek-test=letters"], "--greek-test .* add --recipe=documented"),
        (
            ["--greek-test=letters", "--recipe=documented", "--submission=x.py"],
            "--greek-test applies to the project's own networks: leave out --submission",
        ),
        (
            ["--greek-test=none", "--recipe=documented"],
            "--greek-test .*none does not exist: expected a folder",
        ),
        (
            ["--greek-test=grid.toml", "--recipe=documented"],
            r"--greek-test .*grid\.toml is not a folder: expected a folder",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused_with_what_to_do(folder, arguments, message):
    with pytest.raises(UserError, match=message):
        _options(folder, *arguments)
