"""The site of the documentation in a real browser: it asks nobody but itself, and fits a phone."""

import json
import re

import pytest

from tests.stages.report.page_in_browser import By, WebDriverWait

pytestmark = pytest.mark.slow

LOOKS = (("index.html", 1280), ("index.html", 390), ("experiments.html", 390))
LOOKS += (("api/models.gans.html", 1280), ("api/models.gans.html", 390))
# What a browser loads by itself; not the links that a reader follows.
LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']?(?:https?:)?//"
    r"|<link[^>]*rel=[\"']?(?:stylesheet|preload|preconnect|prefetch)[^>]*href=[\"']?(?:https?:)?//"
)


def test_no_page_loads_anything_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    assert [page.name for page in pages if LOADED.search(page.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(("page", "width"), LOOKS)
def test_pages_open_quietly_and_fit(browser, address, page, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(address + page)
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert asked and [url for url in asked if not url.startswith((address, "data:"))] == []
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_the_search_finds_a_word_of_the_glossary(browser, address):
    size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(address + "index.html")
    browser.find_element(By.CSS_SELECTOR, "input.md-search__input").send_keys("medoid")
    found = ".md-search-result__item a"
    WebDriverWait(browser, 20).until(lambda _: browser.find_elements(By.CSS_SELECTOR, found))
    links = [one.get_attribute("href") for one in browser.find_elements(By.CSS_SELECTOR, found)]
    assert any("selection" in link or "glossary" in link for link in links)
