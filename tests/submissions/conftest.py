"""What the mutants and the rewrites share: networks that are trained once."""

import pytest

from tests.support.check_runner import CheckRunner


@pytest.fixture(scope="session")
def runner(tmp_path_factory):
    """The session's one runner of checks: what is trained for one test serves them all."""
    started = CheckRunner(tmp_path_factory.mktemp("check_runner"))
    yield started
    started.close()
