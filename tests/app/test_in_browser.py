"""The local page in a real browser: moved by keys, an image given, files saved, loopback only."""

import base64
import io
import json
import threading
from urllib.parse import urlparse

import numpy as np
import pytest
from PIL import Image

from models.codes.joint_code import JointCode, UniformCodes, UniformNoise
from tests.linear_models import write_linear_model
from tests.stages.report.page_in_browser import (
    By,
    Keys,
    StaleElementReferenceException,
    WebDriverWait,
)

pytest.importorskip("panel", reason="the extra app is not installed: pip install -e '.[app]'")

from pipeline.app.server import make_server  # noqa: E402 - it needs Panel

pytestmark = pytest.mark.slow
# Bokeh's widgets live in shadow trees, which no selector crosses.
FIND_ALL = """
const found = [];
const walk = root => {
  for (const one of root.querySelectorAll("*")) {
    if (one.matches(arguments[0])) found.push(one);
    if (one.shadowRoot) walk(one.shadowRoot);
  }
};
walk(document);
return found;
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A served model: pixels of 2 x 2 show two codes and a noise."""
    import asyncio

    codes = JointCode((UniformCodes(2), UniformNoise(1)))
    root = tmp_path_factory.mktemp("models") / "plain"
    write_linear_model(root, codes, np.eye(3, 4) / 2, 2 * np.eye(4, 2), (2, 2, 1))
    started, servers = threading.Event(), []

    def run():
        asyncio.set_event_loop(asyncio.new_event_loop())
        servers.append(make_server({"plain": root}, "plain", 0))
        servers[0].start()
        started.set()
        servers[0].io_loop.start()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(60)
    yield f"http://127.0.0.1:{servers[0].port}/"
    servers[0].io_loop.add_callback(servers[0].io_loop.stop)
    thread.join(30)


def wait(browser):
    """Wait for what the page shows; an element that it has just replaced is looked for again."""
    return WebDriverWait(browser, 60, ignored_exceptions=[StaleElementReferenceException])


def find(browser, selector):
    return browser.execute_script(FIND_ALL, selector)


def wait_for(browser, selector, count=1):
    wait(browser).until(lambda _: len(find(browser, selector)) >= count)
    return find(browser, selector)


def picture(browser, alternative):
    """Return the picture that is described so, as numbers."""
    (image,) = wait_for(browser, f"img[alt^='{alternative}']")
    content = base64.b64decode(image.get_attribute("src").partition("base64,")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(int)


def corner(browser, column):
    return picture(browser, "Image of plain")[1, [1, -2][column]]


def open_page(browser, address, width=1280):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(address)
    wait_for(browser, "img[alt^='Image of plain']")


def test_a_model_is_touched_and_nobody_else_is_asked(browser, address, tmp_path):
    open_page(browser, address)
    handle = wait_for(browser, ".noUi-handle", 2)[0]
    handle.send_keys(Keys.HOME)
    wait(browser).until(lambda _: corner(browser, 0) == 0)
    handle.send_keys(Keys.END)
    wait(browser).until(lambda _: corner(browser, 0) == 255)
    Image.fromarray(np.array([[51, 204], [102, 0]], np.uint8)).save(tmp_path / "own.png")
    (file,) = wait_for(browser, "input[type=file]")
    file.send_keys(str(tmp_path / "own.png"))
    wait(browser).until(lambda _: abs(corner(browser, 0) - 51) <= 1)
    assert abs(corner(browser, 1) - 204) <= 1
    assert wait_for(browser, "img[alt^='Your image']")
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    (link,) = [one for one in find(browser, "a") if one.get_property("textContent") == "Save GIF"]
    browser.execute_script("arguments[0].click()", link)
    saved = tmp_path / "plain-traversals.gif"
    wait(browser).until(lambda _: saved.exists())
    assert saved.read_bytes().startswith(b"GIF89a")
    check_loopback(browser)


def check_loopback(browser):
    """Make sure that every request went to this machine, and that nothing went wrong."""
    hosts = set()
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = urlparse(message["params"]["request"]["url"])
        elif message["method"] == "Network.webSocketCreated":
            url = urlparse(message["params"]["url"])
        else:
            continue
        if url.scheme not in ("data", "blob", "about"):
            hosts.add(url.hostname)
    assert hosts == {"127.0.0.1"}
    assert [one for one in browser.get_log("browser") if one["level"] == "SEVERE"] == []


def test_the_page_fits_a_phone(browser, address):
    open_page(browser, address, width=390)
    script = "return document.documentElement.scrollWidth"
    assert browser.execute_script(script) <= 390
    assert all(image.get_attribute("alt") for image in find(browser, "img"))
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
