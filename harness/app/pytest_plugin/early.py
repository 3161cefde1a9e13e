"""The plugin that pytest.ini names: declares the options before pytest looks for conftest files.

Otherwise pytest would treat the value in `--submissions class/` as a path to collect from, and run
the conftest.py there. It also handles closed streams, a full disk behind stdout, and a Python
without assertions.
"""

import sys

import pytest

from harness.app.pytest_plugin.options import add_options
from harness.system import standard_streams
from harness.system.directories import described

standard_streams.open_closed()
sys.stdout = standard_streams.forgive(sys.stdout)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the option group "grading"."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    if sys.flags.optimize:
        raise pytest.UsageError(
            "Python runs optimised (-O, -OO or PYTHONOPTIMIZE), without the assertions and "
            "docstrings of the checks. Leave out -O, and run `unset PYTHONOPTIMIZE`."
        )


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Reports on stderr if the output could not be written completely."""
    sys.stdout.flush()
    failure = getattr(sys.stdout, "failure", None)
    session = config.pluginmanager.get_plugin("session")
    if failure is None or session is None:
        return
    sys.stderr.write(
        f"ERROR: the output of this command cannot be written: {described(failure)}. Free some "
        "space, or redirect the output. The report is not affected.\n"
    )
    session.exitstatus = pytest.ExitCode.USAGE_ERROR
