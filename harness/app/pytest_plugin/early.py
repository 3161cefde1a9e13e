"""The plugin that pytest.ini names: before anything else is looked at, it declares the options.

Until they are declared, pytest takes the value in `--submissions class/` for a path to collect
from, and runs the conftest.py that it finds there. It also looks at what pytest itself would not
bear: closed streams, a full disk behind them, and a Python without assertions.
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
            "Python was told to optimise (-O, -OO or PYTHONOPTIMIZE), which leaves out assertions, "
            "and the sentences that checks are known by. Expected neither: `unset PYTHONOPTIMIZE`, "
            "and leave out -O."
        )


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Says at the end that the output is not whole: nobody may take half of it for all."""
    sys.stdout.flush()
    failure = getattr(sys.stdout, "failure", None)
    session = config.pluginmanager.get_plugin("session")
    if failure is None or session is None:
        return
    sys.stderr.write(
        f"ERROR: the output of this command cannot be written: {described(failure)}. Make room, "
        "or send it elsewhere. The report does not depend on it.\n"
    )
    session.exitstatus = pytest.ExitCode.USAGE_ERROR
