"""Starts the browser that the tests of the report share, and shows pages in it."""

import os
import shutil
from pathlib import Path

import pytest

INSTALL = (
    "{} was not found, but the report is tested in a real browser. Install it with "
    "`apt-get install chromium chromium-driver` (Debian) or put it on PATH."
)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WIDTHS = (320, 390, 600, 768, 1024, 1440)


# Every element with words of its own: what WCAG's contrast formula says of it and its ground.
CONTRAST = """
const linear = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const parse = s => (s.match(/[\\d.]+/g) || []).map(Number);
const shine = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const ground = e => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c;
  }
  return null;
};
const low = [];
let seen = 0;
for (const e of document.querySelectorAll('body *')) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
  if (e.closest('title, desc, .skip') || !e.getClientRects().length) continue;
  const style = getComputedStyle(e);
  const colour = parse(e.tagName === 'text' ? style.fill : style.color);
  const [a, b] = [shine(colour), shine(ground(e))].sort((x, y) => y - x);
  seen += 1;
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) low.push(`${e.tagName}.${e.className} ${ratio.toFixed(2)}`);
}
return [seen, low];
"""


def program(variable: str, *names: str) -> str:
    for name in (os.environ.get(variable), *names):
        if name and (found := shutil.which(name)):
            return found
    pytest.fail(INSTALL.format(names[0]))


def open_browser(profile: Path):
    try:
        from selenium import webdriver
    except ImportError:
        pytest.fail("selenium is not installed. Install it with `pip install selenium`.")
    options = webdriver.ChromeOptions()
    options.binary_location = program("CHROMIUM", "chromium", "chromium-browser", "google-chrome")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(program("CHROMEDRIVER", "chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.execute_cdp_cmd("Network.enable", {})
    return driver


def resize(browser, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600},
    )


def show(browser, page: Path, width: int = 1024, scheme: str = "light", media: str = "") -> None:
    resize(browser, width)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.get(page.as_uri())
