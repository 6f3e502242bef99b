"""A browser and a report for the tests of the page.

They are skipped where there is no Chromium with its driver; `.ci/run` sets REPORT_BROWSER=required,
under which their absence is an error.
"""

import os
import shutil

import pytest

from tests.stages.report.page_in_browser import make, webdriver

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
LACKING = [
    name
    for name, found in (("chromium", CHROMIUM), ("chromedriver", DRIVER), ("selenium", webdriver))
    if found is None
]
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser of its own, with nothing in it."""
    if LACKING and os.environ.get("REPORT_BROWSER") != "required":
        pytest.skip(
            f"The page is not tested in a browser: {', '.join(LACKING)} not found. To have it "
            "tested: apt-get install chromium chromium-driver; pip install -e '.[test]'"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1280,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return make(tmp_path_factory.mktemp("full"))
