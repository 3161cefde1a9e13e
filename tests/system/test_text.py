"""Numbers as text."""

import pytest

from harness.system.text import percent


@pytest.mark.parametrize(
    ("fraction", "digits", "expected"),
    [(0.9857, 2, "98.57 %"), (1, 2, "100.00 %"), (0.5, 0, "50 %"), (0.74, 1, "74.0 %")],
)
def test_a_fraction_is_a_percentage(fraction, digits, expected):
    assert percent(fraction, digits) == expected


def test_an_absent_number_is_not_a_zero():
    assert percent(None) == "–"
    assert percent(0.0) == "0.00 %"
