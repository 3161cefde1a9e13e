"""The plugin that pytest.ini names: declares the options before anything else is looked at.

Until they are declared, pytest takes the value in `--submissions class/` for a path to collect
from, and runs the conftest.py that it finds there.
"""

import pytest

from harness.options import add_options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the option group "grading"."""
    add_options(parser)
