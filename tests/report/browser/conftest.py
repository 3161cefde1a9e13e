"""The browser that all tests of this folder share."""

import pytest

from tests.support.browser import open_browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """The session's one browser; what a test shows is all that it leaves to the next."""
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()
