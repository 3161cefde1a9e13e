"""The report in a real browser: offline, silent, readable at every width and in both schemes."""

from pathlib import Path

import pytest

from harness.report.render import render
from tests.support.browser import CONTRAST, WIDTHS, resize, show
from tests.support.report_html import poisoned
from tests.support.samples.evidence_results import with_evidence
from tests.support.samples.experiment_results import experiments
from tests.support.samples.progress_results import with_progress
from tests.support.samples.results import failing, sample

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

PAGES = ("complete", "documented", "failing", "hostile", "nothing")


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    results = {
        "complete": sample(),
        "documented": with_progress(
            with_evidence(sample(recipe="documented", seeds=3, dataset="digits", experiments=True))
        ),
        "failing": failing() | {"experiments": experiments(troubled=True)},
        "hostile": poisoned(with_progress(with_evidence(failing()))),
        "nothing": {"schema": 1, "subjects": [], "outcome": "interrupted"},
    }
    folder = tmp_path_factory.mktemp("pages")
    for name, document in results.items():
        (folder / f"{name}.html").write_text(render(document), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in results}


@pytest.mark.parametrize("name", PAGES)
def test_loads_from_disk_without_a_request_or_a_complaint(browser, pages, name):
    browser.get_log("browser")
    browser.get_log("performance")
    show(browser, pages[name])
    assert browser.get_log("browser") == []
    requests = [
        entry["message"]
        for entry in browser.get_log("performance")
        if "Network.requestWillBeSent" in entry["message"]
    ]
    assert requests
    assert [m for m in requests if '"url":"http' in m or '"url":"ws' in m] == []
    assert browser.execute_script("return document.compatMode") == "CSS1Compat"


@pytest.mark.parametrize("name", PAGES)
def test_page_never_scrolls_sideways(browser, pages, name):
    show(browser, pages[name])
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    for width in WIDTHS:
        resize(browser, width)
        inner, scroll = browser.execute_script(
            "return [innerWidth, document.scrollingElement.scrollWidth]"
        )
        assert inner == width
        assert scroll <= width


def test_charts_are_drawn_and_named(browser, pages):
    show(browser, pages["complete"], 390)
    charts = browser.execute_script(
        """return [...document.querySelectorAll('svg.chart')].map(c => {
            const box = c.getBoundingClientRect();
            const named = c.getAttribute('aria-labelledby').split(' ');
            return [box.width, box.height, c.querySelectorAll('path, use').length,
                    named.map(id => document.getElementById(id).textContent.trim())];
        })"""
    )
    assert len(charts) == 9
    for width, height, drawn, (title, description) in charts:
        assert 200 < width <= 374
        assert height > 100
        assert drawn > 8
        assert title
        assert len(description) > 40


def test_labels_in_charts_do_not_collide(browser, pages):
    for name in ("complete", "failing", "documented"):
        show(browser, pages[name], 1440)
        hits = browser.execute_script(
            """document.querySelectorAll('details').forEach(d => d.open = true);
            const hits = [];
            for (const chart of document.querySelectorAll('svg.chart')) {
              const words = [...chart.querySelectorAll('text')];
              const boxes = words.map(w => w.getBoundingClientRect());
              for (let i = 0; i < words.length; i++) for (let j = 0; j < i; j++) {
                const [a, b] = [boxes[i], boxes[j]];
                const w = Math.min(a.right, b.right) - Math.max(a.left, b.left);
                const h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
                if (w > 1 && h > 4) hits.push(words[i].textContent + ' / ' + words[j].textContent);
              }
            }
            return hits;"""
        )
        assert hits == [], name


@pytest.mark.parametrize("width", [390, 1320, 1440])
def test_words_in_drawings_are_never_tiny(browser, pages, width):
    show(browser, pages["documented"], width)
    small = browser.execute_script(
        """document.querySelectorAll('details').forEach(d => d.open = true);
        return [...document.querySelectorAll('svg.chart')].flatMap(chart => {
          const scale = chart.getBoundingClientRect().width / chart.viewBox.baseVal.width;
          return [...chart.querySelectorAll('text')].map(
            word => [word.textContent, scale * parseFloat(word.getAttribute('font-size'))]);
        }).filter(([, size]) => size < 10.95);"""
    )
    assert small == []


def test_five_networks_are_never_four_and_one(browser, pages):
    for width, columns in ((390, 1), (1000, 3), (1290, 3), (1320, 5), (1440, 5)):
        show(browser, pages["documented"], width)
        rows = browser.execute_script(
            """return ['#curves', '#history', '#calibration'].map(section => {
              const tops = [...document.querySelectorAll(`${section} .multiples > figure`)]
                .map(e => e.getBoundingClientRect().top);
              return tops.filter(top => top === tops[0]).length;
            })"""
        )
        assert rows == [columns] * 3, width


def test_no_name_of_a_network_is_broken_on_a_phone(browser, pages):
    show(browser, pages["complete"], 390)
    lines = browser.execute_script(
        """return [...document.querySelectorAll('.strip h3 bdi')]
        .map(e => e.getClientRects().length)"""
    )
    assert lines == [1] * 5


def test_paper_cuts_nothing_off(browser, pages):
    """A4 less its margins is 695 CSS pixels wide; what is folded away is printed too."""
    for name in ("complete", "failing", "documented"):
        show(browser, pages[name], 695, media="print")
        wide = browser.execute_script(
            """document.querySelectorAll('details').forEach(d => d.open = true);
            return [...document.querySelectorAll('body *')].filter(e =>
              e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.unseen, .marks'))
              .map(e => `${e.localName}.${e.className.baseVal ?? e.className}`);"""
        )
        assert wide == [], name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["complete", "failing", "documented"])
def test_all_text_has_contrast(browser, pages, name, scheme):
    show(browser, pages[name], 1440, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    seen, low = browser.execute_script(CONTRAST)
    assert seen > 800
    assert low == []


def test_dark_scheme_is_dark_and_print_is_not(browser, pages):
    ground = "return getComputedStyle(document.body).backgroundColor"
    show(browser, pages["complete"], scheme="dark")
    assert browser.execute_script(ground) == "rgb(22, 23, 25)"
    show(browser, pages["complete"], scheme="dark", media="print")
    assert browser.execute_script(ground) == "rgb(255, 254, 250)"


def test_print_shows_what_is_folded_away(browser, pages):
    seen = "return document.querySelector('details .checks').checkVisibility()"
    show(browser, pages["complete"])
    assert browser.execute_script(seen) is False
    show(browser, pages["complete"], media="print")
    assert browser.execute_script(seen) is True


def test_readable_without_javascript(browser, pages):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, pages["failing"])
        shot = browser.execute_cdp_cmd("DOMSnapshot.captureSnapshot", {"computedStyles": []})
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    laid_out = shot["documents"][0]["layout"]["text"]
    words = " ".join(shot["strings"][index] for index in laid_out if index >= 0)
    for expected in (
        "What to look at first",
        "conv1: (26, 26, 33)",
        "not reproduced",
        "validation",
    ):
        assert expected in words


def test_keyboard_reaches_the_skip_link_and_the_scrolling_tables(browser, pages):
    from selenium.webdriver.common.keys import Keys

    show(browser, pages["complete"], 390)
    browser.find_element("tag name", "body").send_keys(Keys.TAB)
    focused = (
        "const e = document.activeElement; return [e.className, e.getBoundingClientRect().left]"
    )
    name, left = browser.execute_script(focused)
    assert name == "skip"
    assert left >= 0
    hidden = browser.execute_script(
        """return [...document.querySelectorAll('.scroll')].filter(
            e => e.scrollWidth > e.clientWidth && e.tabIndex !== 0).length"""
    )
    assert hidden == 0


def test_digits_are_right_side_up_in_both_schemes(browser, pages):
    """Ink is dark on the light page and light on the dark one."""
    look = "return getComputedStyle(document.querySelector('.gallery img')).filter"
    show(browser, pages["complete"], scheme="light")
    assert browser.execute_script(look) == "invert(1)"
    show(browser, pages["complete"], scheme="dark")
    assert browser.execute_script(look) == "none"


def test_hostile_names_run_nothing_and_keep_the_layout(browser, pages):
    show(browser, pages["hostile"], 1440)
    assert browser.execute_script("return document.scripts.length") == 1
    assert browser.execute_script("return document.querySelectorAll('svg.chart').length") > 0
    wide = browser.execute_script(
        """return [...document.querySelectorAll('.strip h3, h1, h2, .lead, dd, q, caption')]
            .filter(e => e.getBoundingClientRect().right > innerWidth)
            .map(e => e.tagName + ' ' + e.closest('section, header').id)"""
    )
    assert wide == []
