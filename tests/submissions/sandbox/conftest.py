"""The sandbox that all tests of this folder share: its server takes seconds to start."""

import pytest

from harness.submissions.sandbox.client import Sandbox
from harness.submissions.sandbox.isolation import strongest
from tests.support.sandbox import assert_serves


@pytest.fixture(scope="session")
def lasting_sandbox(tmp_path_factory):
    sandbox = Sandbox(strongest(), tmp_path_factory.mktemp("sandbox") / "log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_SECRET", "42")
        assert_serves(sandbox)
    yield sandbox
    sandbox.stop()


@pytest.fixture
def extractor(lasting_sandbox):
    """The same server, which must still be there when the test is over."""
    server = lasting_sandbox._server
    yield lasting_sandbox
    if lasting_sandbox.isolation.private:
        assert lasting_sandbox._server is server, "the server had to be replaced"
        assert server is not None
        assert server.alive
