"""A report in a real browser: how it is opened, and what its tests read of it."""

import json
from pathlib import Path

from pipeline.stages.report.options import ReportOptions
from pipeline.stages.report.writing import write_report
from tests.stages.report import synthetic_run

try:
    from selenium import webdriver
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select, WebDriverWait
except ImportError:
    By = Keys = Select = StaleElementReferenceException = WebDriverWait = webdriver = None

__all__ = [
    "By",
    "Keys",
    "Select",
    "StaleElementReferenceException",
    "WebDriverWait",
    "webdriver",
]  # for the tests

OPTIONS = ReportOptions(traversal_frames=3)
NUM_MANY = 200  # models
NUM_COLUMNS = 40  # metrics
SECONDS_TO_OPEN = 2.0  # of the page's own thread
LARGEST = 15_000_000  # bytes
CONTRAST = 4.5  # WCAG 2.1 AA, text of ordinary size


def open_page(browser, root, *, width=1280, dark=False):
    """Open a report, or a page; return what the console said, and every address asked for."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(address(root))
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return browser.get_log("browser"), asked


def address(root):
    return (Path(root) / "report" / "index.html" if Path(root).is_dir() else Path(root)).as_uri()


def check_quiet(browser, root, **look):
    console, asked = open_page(browser, root, **look)
    assert console == []
    page = address(root)
    assert [url for url in asked if not url.startswith(("data:", "blob:")) and url != page] == []


def make(root, *, explore=True, **options):
    options.setdefault("codes", synthetic_run.TWO_CODES)
    synthetic_run.make_run(root, **options)
    if explore:
        synthetic_run.write_explorer(root)
    write_report(root, title="A <b>title</b>", options=OPTIONS)
    return root


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
