"""The pages of a class in a real browser: offline, silent, readable at every width and scheme."""

import json
from pathlib import Path

import pytest

from harness.report.render import write
from tests.support.browser import CONTRAST, WIDTHS, resize, show
from tests.support.report_html import poisoned
from tests.support.samples import class_results

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

PAGES = {
    "class": "index.html",
    "wrong": "submissions/zoe.html",
    "rebuilt": "submissions/long.html",
    "unopened": "submissions/loop.html",
    "noted": "submissions/grace-hopper.html",
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    found = {}
    for name, results in (
        ("", class_results.classroom()),
        ("hostile ", poisoned(class_results.classroom())),
        ("large ", class_results.large(60)),
    ):
        folder = tmp_path_factory.mktemp("pages")
        for subject, ident in zip(
            results["subjects"],
            [subject["id"] for subject in class_results.classroom()["subjects"]],
            strict=False,
        ):
            subject["id"] = ident
        (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
        write(folder / "results.json")
        found |= {f"{name}{page}": folder / place for page, place in PAGES.items()}
    return {name: path for name, path in found.items() if path.exists()}


NAMES = [*PAGES, *(f"hostile {name}" for name in PAGES), "large class"]


def test_every_page_is_there(pages):
    assert set(NAMES) <= set(pages)


@pytest.mark.parametrize("name", NAMES)
def test_loads_from_disk_without_a_request_or_a_complaint(browser, pages, name):
    browser.get_log("browser")
    browser.get_log("performance")
    show(browser, pages[name])
    assert browser.get_log("browser") == []
    sent = [e["message"] for e in browser.get_log("performance")]
    sent = [message for message in sent if "Network.requestWillBeSent" in message]
    assert sent
    assert [m for m in sent if '"url":"http' in m or '"url":"ws' in m] == []
    assert browser.execute_script("return document.compatMode") == "CSS1Compat"
    assert browser.execute_script("return document.scripts.length") == 0


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_cut_off_or_written_over_its_neighbour(browser, pages, name, width):
    show(browser, pages[name], width)
    wide = browser.execute_script(
        """return [...document.querySelectorAll('h1, h2, h3, p, li, td, th, dd, caption')]
            .filter(e => e.checkVisibility() && !e.closest('.scroll, thead'))
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1
                      || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1
                         && getComputedStyle(e).display !== 'inline')
            .map(e => e.closest('section, header').id + ' ' + e.tagName + '.' + e.className)"""
    )
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", list(PAGES))
def test_all_text_has_contrast(browser, pages, name, scheme):
    show(browser, pages[name], 1440, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    seen, low = browser.execute_script(CONTRAST)
    assert seen > 80
    assert low == []


@pytest.mark.parametrize("name", ["class", "wrong", "large class"])
def test_labels_in_drawings_do_not_collide(browser, pages, name):
    show(browser, pages[name], 1440)
    drawings, hits = browser.execute_script(
        """const hits = [];
        const charts = [...document.querySelectorAll('svg.chart')];
        for (const chart of charts) {
          const words = [...chart.querySelectorAll('text')];
          const boxes = words.map(w => w.getBoundingClientRect());
          for (let i = 0; i < words.length; i++) for (let j = 0; j < i; j++) {
            const [a, b] = [boxes[i], boxes[j]];
            const w = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (w > 1 && h > 4) hits.push(words[i].textContent + ' / ' + words[j].textContent);
          }
        }
        return [charts.length, hits];"""
    )
    assert drawings == 1
    assert hits == []


def test_a_learner_sees_the_score_and_the_first_fault_without_scrolling(browser, pages):
    """844 pixels high, as a phone is."""
    show(browser, pages["wrong"], 390)
    bottoms = browser.execute_script(
        """return ['.total .figure', '#fix h2', '.findings .cause'].map(
            s => document.querySelector(s).getBoundingClientRect().top)"""
    )
    assert all(0 < top < 844 for top in bottoms)


def test_a_link_leads_to_the_page_and_back(browser, pages):
    show(browser, pages["class"], 390)
    browser.find_element("link text", "Alan Turing").click()
    assert browser.find_element("tag name", "h1").text == "Alan Turing"
    browser.find_element("partial link text", "All 14 submissions").click()
    assert browser.find_element("tag name", "h1").text.startswith("14 submissions")


def test_readable_without_javascript(browser, pages):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, pages["class"], 390)
        shot = browser.execute_cdp_cmd("DOMSnapshot.captureSnapshot", {"computedStyles": []})
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    laid_out = shot["documents"][0]["layout"]["text"]
    seen = " ".join(shot["strings"][index] for index in laid_out if index >= 0)
    for expected in ("Grace Hopper", "ran out of time", "3 submissions", "median 96"):
        assert expected in seen


def test_a_name_is_only_text(browser, pages):
    show(browser, pages["class"])
    names = [e.text for e in browser.find_elements("css selector", ".people tbody th")]
    assert names[1] == "<script>alert(1)</script>"
    assert names[2] == '=HYPERLINK("http://example.com";"click")'
    assert len(names) == 14


def test_print_shows_what_is_folded_away(browser, pages):
    seen = "return document.querySelector('details .checks').checkVisibility()"
    show(browser, pages["unopened"])
    assert browser.execute_script(seen) is False
    show(browser, pages["unopened"], media="print")
    assert browser.execute_script(seen) is True


def test_keyboard_reaches_the_skip_link(browser, pages):
    from selenium.webdriver.common.keys import Keys

    for name in ("class", "wrong"):
        show(browser, pages[name], 390)
        browser.find_element("tag name", "body").send_keys(Keys.TAB)
        focused = "return document.activeElement.className"
        assert browser.execute_script(focused) == "skip"
