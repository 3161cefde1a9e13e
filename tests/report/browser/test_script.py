"""The report's script in a real browser: what it adds, and that nothing is lost without it."""

import pytest

from harness.report.render import render
from tests.support.browser import show
from tests.support.samples.evidence_results import with_evidence
from tests.support.samples.results import sample

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render(with_evidence(sample(seeds=2, experiments=True))), encoding="utf-8")
    return path


NAMES = "return [...document.querySelectorAll('.networks tbody th a')].map(e => e.innerText)"
PRESS = """
const head = [...document.querySelectorAll('.networks thead th')]
  .find(e => e.textContent.includes(arguments[0]));
head.querySelector('button').click();
return head.getAttribute('aria-sort');
"""
PAIRS = (
    "return [...document.querySelectorAll('.pair')].filter(e => e.checkVisibility()).map(e => e.id)"
)


def test_tables_are_sorted_by_a_button_both_ways(browser, page):
    show(browser, page, 1440)
    before = browser.execute_script(NAMES)
    assert browser.execute_script(PRESS, "Test accuracy") == "descending"
    best = browser.execute_script(NAMES)
    assert best == ["deep_cnn", "functional_cnn", "sequential_cnn", "mlp_256_128", "mlp_64_32"]
    assert browser.execute_script(PRESS, "Test accuracy") == "ascending"
    assert browser.execute_script(NAMES) == best[::-1]
    assert browser.execute_script(PRESS, "Network") == "ascending"
    by_name = ["deep_cnn", "functional_cnn", "mlp_64_32", "mlp_256_128", "sequential_cnn"]
    assert browser.execute_script(NAMES) == by_name != before
    sorted_heads = "return document.querySelectorAll('.networks [aria-sort]').length"
    assert browser.execute_script(sorted_heads) == 1
    # Equal gates: the order of before is kept.
    browser.execute_script(PRESS, "Gate")
    order = ["deep_cnn", "functional_cnn", "sequential_cnn", "mlp_64_32", "mlp_256_128"]
    assert browser.execute_script(NAMES) == order


def test_a_sort_button_is_reached_and_pressed_by_keyboard(browser, page):
    from selenium.webdriver.common.keys import Keys

    show(browser, page, 1440)
    button = browser.find_element("css selector", ".networks thead th:nth-child(6) button")
    assert button.accessible_name == "Sort by Parameters"
    button.send_keys(Keys.ENTER)
    assert browser.execute_script(NAMES)[0] == "sequential_cnn"


def test_two_lists_choose_the_pair(browser, page):
    from selenium.webdriver.support.ui import Select

    show(browser, page, 1440)
    assert browser.execute_script(PAIRS) == ["pair-functional_cnn--deep_cnn"]
    first, second = (Select(e) for e in browser.find_elements("css selector", ".choice select"))
    second.select_by_visible_text("mlp_64_32")
    assert browser.execute_script(PAIRS) == ["pair-functional_cnn--mlp_64_32"]
    first.select_by_visible_text("mlp_64_32")  # the same twice: the other one moves
    assert first.first_selected_option.text != second.first_selected_option.text
    assert len(browser.execute_script(PAIRS)) == 1
    browser.find_element("css selector", ".choice button").click()
    assert len(browser.execute_script(PAIRS)) == 10


@pytest.mark.parametrize(
    "anchor",
    [
        "net-mlp_64_32-seed-1",
        "net-deep_cnn-check-test_structure-py-test_params",
        "pair-mlp_256_128--mlp_64_32",
    ],
)
def test_a_link_opens_what_it_leads_to(browser, page, anchor):
    show(browser, page, 1440)
    seen = f"return document.getElementById({anchor!r}).checkVisibility()"
    assert browser.execute_script(seen) is False
    browser.execute_async_script(
        f"addEventListener('hashchange', () => arguments[0]()); location.hash = {anchor!r}"
    )
    assert browser.execute_script(seen) is True


def test_without_the_script_everything_is_there_and_nothing_is_dead(browser, page):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, page)
        shot = browser.execute_cdp_cmd("DOMSnapshot.captureSnapshot", {"computedStyles": []})
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    strings, document = shot["strings"], shot["documents"][0]
    names = [strings[index] for index in document["nodes"]["nodeName"]]
    assert not {"BUTTON", "SELECT"} & set(names)
    words = " ".join(" ".join(strings[k] for k in document["layout"]["text"] if k >= 0).split())
    for first, second in (("functional_cnn", "deep_cnn"), ("mlp_256_128", "mlp_64_32")):
        assert f"{first} and {second}" in words


def test_the_policy_lets_nothing_else_run(browser, page, tmp_path):
    """Markup that should never get in, put in by hand: it does not run."""
    text = page.read_text(encoding="utf-8")
    bad = "<script>window.bad = 1</script><img src=x onerror='window.bad = 1'>"
    spoilt = tmp_path / "spoilt.html"
    spoilt.write_text(text.replace("<h1>", bad + "<h1>", 1), encoding="utf-8")
    show(browser, spoilt)
    assert browser.execute_script("return window.bad") is None
    assert browser.find_elements("css selector", ".choice select")  # ours does
    browser.get_log("browser")
