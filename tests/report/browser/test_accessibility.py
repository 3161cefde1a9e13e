"""axe-core finds nothing serious or critical, on any kind of page, in either colour scheme."""

import json
from pathlib import Path

import pytest

from harness.report.render import render, write
from tests.support import axe
from tests.support.browser import show
from tests.support.samples import class_results
from tests.support.samples.evidence_results import with_evidence
from tests.support.samples.progress_results import progressed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

PAGES = {
    "five networks": "five.html",
    "class": "index.html",
    "submission": "submissions/alan-turing.html",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("axe")
    everything = with_evidence(progressed(seeds=5))
    (place / "five.html").write_text(render(everything), encoding="utf-8")
    results = json.dumps(class_results.classroom())
    (place / "results.json").write_text(results, encoding="utf-8")
    write(place / "results.json")
    return place


def test_five_networks_take_less_than_a_megabyte(folder):
    assert 300_000 < (folder / "five.html").stat().st_size < 1_000_000


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_grave(browser, folder, name):
    for scheme in ("light", "dark"):
        show(browser, folder / PAGES[name], 1280, scheme)
        browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert axe.grave(browser, all_rules=scheme == "light") == [], scheme


def test_axe_sees_what_is_wrong(browser, folder):
    show(browser, folder / PAGES["submission"], 1280, "dark")
    browser.execute_script(
        """document.body.insertAdjacentHTML('beforeend',
            '<img src="data:,"><p style="color: #555; background: #444">pale</p>')"""
    )
    rules = {(impact, rule) for impact, rule, *_ in axe.grave(browser)}
    assert {("critical", "image-alt"), ("serious", "color-contrast")} <= rules
