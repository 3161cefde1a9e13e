"""What is asked of the machine before anything begins."""

import re
import sys

import pytest

from harness.system import machine, versions
from reference.errors import UserError


def test_a_missing_package_is_named_with_the_python_that_lacks_it(monkeypatch):
    have = dict.fromkeys(versions.required(), "1") | {"keras": None}
    monkeypatch.setattr(versions, "installed", have.get)
    words = f"^keras is not installed for {re.escape(sys.executable)}\\. .*requirements\\.txt"
    with pytest.raises(UserError, match=words):
        machine.require_installed()


def test_all_that_is_missing_is_named_at_once(monkeypatch):
    monkeypatch.setattr(versions, "installed", {"numpy": "2"}.get)
    with pytest.raises(UserError, match=r"^tensorflow, keras, scikit-learn, .* are not installed"):
        machine.require_installed()


def test_what_is_installed_is_not_complained_of():
    machine.require_installed()
