"""A report in a real browser: how it is opened, and what its tests read of it.

Tests that import this are skipped where there is no Chromium with its driver; `.ci/run` sets
REPORT_BROWSER=required, under which their absence is an error.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from pipeline.stages.report.options import ReportOptions
from pipeline.stages.report.writing import write_report
from tests.stages.report import synthetic_run

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select, WebDriverWait
except ImportError:
    webdriver = None

__all__ = ["By", "Keys", "Select", "WebDriverWait", "webdriver"]  # for the tests

LACKING = [
    name
    for name, found in (("chromium", CHROMIUM), ("chromedriver", DRIVER), ("selenium", webdriver))
    if found is None
]
if LACKING and os.environ.get("REPORT_BROWSER") != "required":
    pytest.skip(
        f"The page is not tested in a browser: {', '.join(LACKING)} not found. To have it tested: "
        "apt-get install chromium chromium-driver; pip install -e '.[test]'",
        allow_module_level=True,
    )

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip
OPTIONS = ReportOptions(traversal_frames=3)
NUM_MANY = 200
SECONDS_TO_OPEN = 2.0  # of the page's own thread
LARGEST = 15_000_000  # bytes
CONTRAST = 4.5  # WCAG 2.1 AA, text of ordinary size


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser of its own, with nothing in it."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1280,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def open_page(browser, root, *, width=1280, dark=False):
    """Open a report; return what the console said, and every address that was asked for."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get((Path(root) / "report" / "index.html").as_uri())
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return browser.get_log("browser"), asked


def check_quiet(browser, root, **look):
    console, asked = open_page(browser, root, **look)
    assert console == []
    page = (Path(root) / "report" / "index.html").as_uri()
    assert [url for url in asked if not url.startswith(("data:", "blob:")) and url != page] == []


def make(root, *, explore=True, **options):
    options.setdefault("codes", synthetic_run.TWO_CODES)
    synthetic_run.make_run(root, **options)
    if explore:
        synthetic_run.write_explorer(root)
    write_report(root, title="A <b>title</b>", options=OPTIONS)
    return root


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return make(tmp_path_factory.mktemp("full"))


def texts(browser, selector):
    return [one.text for one in browser.find_elements(By.CSS_SELECTOR, selector)]


def model_order(browser):
    return texts(browser, "#board tbody th a")


def column(browser, title):
    """Return the texts of a column of the table of all models."""
    heads = [text.split("\n")[0].rstrip(" ▲▼") for text in texts(browser, "#board thead th")]
    number = heads.index(title) + 1
    return [
        text.split("\n")[0] for text in texts(browser, f"#board tbody tr > :nth-child({number})")
    ]


def sort_by(browser, title):
    for button in browser.find_elements(By.CSS_SELECTOR, "#board thead button"):
        if button.text.rstrip(" ▲▼").startswith(title):
            browser.execute_script("arguments[0].click()", button)
            return
    raise AssertionError(title)
