"""axe-core, run on the page that a browser shows."""

from functools import cache
from importlib import resources

# The package brings the script along; what it has for Playwright is not used.
PACKAGE = "axe_playwright_python"
GRAVE = {"serious", "critical"}

# Contrast is slow to judge: of elements that are alike in colours and size, one is. A chart
# is an image with a title; what it is drawn of is nothing to assistive technology.
RUN = """
const done = arguments[arguments.length - 1];
const contrast = ['color-contrast'];
const look = e => {
  const s = getComputedStyle(e);
  let ground = '';
  for (let p = e; p; p = p.parentElement) {
    const own = getComputedStyle(p);
    if (own.opacity !== '1' || own.backgroundImage !== 'none') ground += own.opacity + p.className;
    if (own.backgroundColor !== 'rgba(0, 0, 0, 0)') { ground += own.backgroundColor; break; }
  }
  return [s.color, s.fontSize, s.fontWeight, ground].join();
};
const kinds = new Map();
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || e.closest('svg') || !e.getClientRects().length) continue;
  if (!kinds.has(look(e))) kinds.set(look(e), e);
}
const options = {resultTypes: ['violations'], preload: false};
const said = found => found.violations.map(v =>
  [v.impact, v.id, v.nodes.length, ...v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))]);
(async () => {
  const colours = await axe.run(
    {include: [...kinds.values()]}, {...options, runOnly: {type: 'rule', values: contrast}});
  if (!arguments[0]) return done([kinds.size, colours.passes.length, said(colours)]);
  const outside = {include: [document.documentElement], exclude: ['svg.chart > g']};
  const rest = await axe.run(outside, {...options, rules: {'color-contrast': {enabled: false}}});
  done([kinds.size, rest.passes.length, said(colours).concat(said(rest))]);
})().catch(error => done([0, 0, [['critical', 'axe did not run: ' + error, 0]]]));
"""


@cache
def script() -> str:
    return (resources.files(PACKAGE) / "axe.min.js").read_text(encoding="utf-8")


def grave(browser, *, all_rules: bool = True) -> list[list]:
    """Returns what is serious or critical: impact, rule, how often, examples.

    Args:
        all_rules: else the contrast alone, which depends on the colour scheme.
    """
    browser.set_script_timeout(120)
    browser.execute_script(script())
    kinds, passed, found = browser.execute_async_script(RUN, all_rules)
    assert found or (kinds > 10 and passed), "axe found nothing to look at"
    return [one for one in found if one[0] in GRAVE]
