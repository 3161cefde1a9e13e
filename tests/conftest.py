"""Which tests run in one process, when several processes share the work (`--dist=loadgroup`).

Tests of one file stay together. So do files that need the same thing which takes seconds to start,
by a mark `xdist_group` of their module: the second file finds it started. These and the other slow
files go first: short ones fill the end, so that no process waits long for another.

xdist 3.8 with pytest 9 spreads the tests of a group over all processes, hence a scheduler here. It
runs in the process that collects nothing, so it reads the mark in the file's text.
"""

import re
from functools import cache

import pytest
from xdist.scheduler import LoadFileScheduling

from harness.system.directories import PROJECT_ROOT

_GROUP = re.compile(r'xdist_group\("(\w+)"\)')

# The longest first.
GROUPS = (
    "engine",  # TensorFlow, imported (`tests.support.engine`)
    "training",  # trained networks (`tests.support.check_runner`)
    "capture",  # the sandboxed side, imported (`tests.support.open_script`)
    "sandbox",  # a sandbox, started (`tests.support.sandbox`)
    "browser",  # a browser (`tests.support.browser`)
    "guide",  # a copy of the project in which the guides' commands ran
)


@pytest.fixture(scope="session")
def two_engines():
    """Two processes with TensorFlow; its import takes seconds, so all tests share them."""
    from tests.support.engine import Engine

    engines = Engine(), Engine()
    yield engines
    for engine in engines:
        engine.close()


@pytest.fixture(scope="session")
def engine(two_engines):
    return two_engines[0]


@cache
def group(file: str) -> str:
    """Returns the group of a test file, or the file's own name."""
    mark = _GROUP.search((PROJECT_ROOT / file).read_text(encoding="utf-8"))
    return mark.group(1) if mark and not file.endswith("conftest.py") else file


class Scheduling(LoadFileScheduling):
    """`--dist=loadfile`, with the files of a group as one."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling | None:
    return Scheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> int:
        name = group(item.nodeid.partition("::")[0])
        return GROUPS.index(name) if name in GROUPS else len(GROUPS) + (item.path not in slow)

    items.sort(key=rank)
