"""Which tests run in one process, when several processes share the work (`--dist=loadgroup`).

Tests of one file stay together. So do files that need the same thing which takes seconds to start,
by a mark `xdist_group` of their module: the second file finds it started. These and the other slow
files go first: short ones fill the end, so that no process waits long for another.
"""

import pytest

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> int:
        group = item.get_closest_marker("xdist_group").args[0]
        return GROUPS.index(group) if group in GROUPS else len(GROUPS) + (item.path not in slow)

    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
    items.sort(key=rank)
