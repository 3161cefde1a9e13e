"""What is asked of the machine before anything begins."""

import re
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from harness import environment
from reference.errors import UserError


def test_a_missing_package_is_named_with_the_python_that_lacks_it(monkeypatch):
    def version(package):
        if package == "keras":
            raise PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(environment, "version", version)
    words = f"^keras is not installed for {re.escape(sys.executable)}\\. .*requirements\\.txt"
    with pytest.raises(UserError, match=words):
        environment.require_installed()


def test_what_is_installed_is_not_complained_of():
    environment.require_installed()
