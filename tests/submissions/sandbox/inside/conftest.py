"""The process in which all tests of this folder open submissions."""

import pytest

from tests.support.open_script import shared_host


@pytest.fixture(scope="session")
def host():
    return shared_host()
