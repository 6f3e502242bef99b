"""The latent explorer in a real browser: sliders, planes, swaps and classes."""

import json

import numpy as np

from pipeline.stages.report.writing import write_report
from tests.stages.report.page_in_browser import (
    OPTIONS,
    By,
    Keys,
    Select,
    WebDriverWait,
    check_quiet,
    make,
    open_page,
)


def grey(browser, pane):
    """Return the grey of the image that a pane of the explorer shows."""
    script = """const canvas = document.querySelectorAll(".pane .picture")[arguments[0]];
    return canvas.getContext("2d").getImageData(4, 4, 1, 1).data[0];"""
    return browser.execute_script(script, pane)


def wait_for_grey(browser, pane, expected):
    WebDriverWait(browser, 20).until(lambda _: abs(grey(browser, pane) - expected) <= 6)


def set_slider(browser, pane, slider, level):
    script = """const pane = document.querySelectorAll(".pane")[arguments[0]];
    const input = pane.querySelectorAll("input[type=range]")[arguments[1]];
    input.value = arguments[2];
    input.dispatchEvent(new Event("input", { bubbles: true }));"""
    browser.execute_script(script, pane, slider, level)


def test_sliders_show_the_image_of_their_codes(browser, full):
    """Every image of the synthetic generator has the grey of the sum of its codes."""
    open_page(browser, full)
    panes = browser.find_elements(By.CSS_SELECTOR, ".pane")
    assert len(panes) == 2
    names = [
        Select(pane.find_element(By.TAG_NAME, "select")).first_selected_option for pane in panes
    ]
    assert [name.text for name in names] == ["cr-1", "cr-0"]
    wait_for_grey(browser, 0, 127)
    set_slider(browser, 0, 0, 8)  # the last of nine steps: the code is 1
    wait_for_grey(browser, 0, 191)
    set_slider(browser, 0, 1, 8)
    wait_for_grey(browser, 0, 255)
    set_slider(browser, 0, 0, 0)
    wait_for_grey(browser, 0, 127)
    set_slider(browser, 0, 1, 0)
    wait_for_grey(browser, 0, 0)
    label = browser.find_element(By.CSS_SELECTOR, ".pane .picture").get_attribute("aria-label")
    assert label == "Image of cr-1: uniform 1 −1.00, uniform 2 −1.00"
    assert abs(grey(browser, 1) - 127) <= 6  # the other model stays where it is
    browser.find_element(By.ID, "linked").click()
    set_slider(browser, 0, 0, 8)
    wait_for_grey(browser, 0, 127)
    wait_for_grey(browser, 1, 191)


def test_every_image_of_every_anchor_is_the_right_one(browser, full):
    """The order of the images in their sheets is the same in Python and in the page's script."""
    open_page(browser, full)
    data = json.loads(
        browser.execute_script("return document.getElementById('explorer-data').textContent")
    )
    model = data["models"]["cr-1"]
    radios = browser.find_elements(By.CSS_SELECTOR, ".pane:first-child fieldset input")
    assert len(radios) == len(model["anchors"])
    for radio, anchor in zip(radios, model["anchors"], strict=True):
        browser.execute_script("arguments[0].click()", radio)
        values = [slider["values"] for slider in model["sliders"]]
        levels = list(anchor["levels"])
        for slider in (0, 1):
            for level in (0, 3, model["steps"] - 1):
                moved = list(anchor["levels"])
                if anchor["plane"]:
                    moved = levels
                moved[slider] = level
                set_slider(browser, 0, slider, level)
                total = sum(own[step] for own, step in zip(values, moved, strict=True))
                wait_for_grey(browser, 0, min(255, max(0, 255 * (0.5 + total / 4))))


def test_it_says_where_the_other_codes_stay(browser, full):
    open_page(browser, full)
    told = browser.find_element(By.CSS_SELECTOR, ".pane .fixed")
    assert '"middle" (uniform 1 0.00, uniform 2 0.00); two codes leave it' in told.text
    data = browser.execute_script("return document.getElementById('explorer-data').textContent")
    model = json.loads(data)["models"]["cr-1"]
    last = len(model["anchors"]) - 1
    radios = browser.find_elements(By.CSS_SELECTOR, ".pane:first-child fieldset input")
    browser.execute_script("arguments[0].click()", radios[last])
    pairs = zip(model["sliders"], model["anchors"][last]["levels"], strict=True)
    codes = [f"{one['name']} {one['values'][level]:.2f}".replace("-", "−") for one, level in pairs]
    assert f'"draw {last}" ({", ".join(codes)}); one code leaves it' in told.text


def test_the_plane_moves_with_the_arrow_keys(browser, full):
    open_page(browser, full)
    wait_for_grey(browser, 0, 127)
    plane = browser.find_element(By.CSS_SELECTOR, ".plane canvas")
    plane.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    wait_for_grey(browser, 0, 127 + 2 * 16)


def test_identities_are_swapped(browser, tmp_path):
    """The synthetic swap of s of image c and z of image r is of one grey, 20 r + 2 c."""
    make(tmp_path, ids=("cr-0", "plain-0"), failed=None, select=False, codes=None, explore=False)
    grid = np.add.outer(20 * np.arange(4), 2 * np.arange(4)).astype(np.uint8)
    for name in ("cr-0", "plain-0"):
        path = tmp_path / "models" / name / "traversals.npz"
        with np.load(path) as content:
            arrays = dict(content)
        shown = np.broadcast_to(grid[..., None, None, None], (4, 4, 8, 8, 1))
        np.savez(path, identity_swap_seen=shown, **arrays)
    write_report(tmp_path, title="t", options=OPTIONS)
    check_quiet(browser, tmp_path)
    wait_for_grey(browser, 0, 22)
    buttons = browser.find_elements(By.CSS_SELECTOR, ".pane:first-child .tiles button")
    assert len(buttons) == 6
    browser.execute_script("arguments[0].click()", buttons[2])  # s of the third image
    wait_for_grey(browser, 0, 26)
    browser.find_element(By.ID, "linked").click()
    browser.execute_script("arguments[0].click()", buttons[5])  # z of the third image
    wait_for_grey(browser, 0, 66)
    wait_for_grey(browser, 1, 66)
    assert buttons[5].get_attribute("aria-pressed") == "true"


def test_classes_are_chosen_and_z_is_drawn(browser, tmp_path):
    """The synthetic generator adds its first two columns: class 0 and 1 are light, others not."""
    codes = {
        "type": "JointCode",
        "parts": [
            {"type": "CategoricalCode", "num_classes": 3, "kind": "categorical_code"},
            {"type": "GaussianNoise", "dim": 2, "kind": "gaussian_noise"},
        ],
    }
    make(tmp_path, ids=("cr-0",), failed=None, select=False, codes=codes)
    check_quiet(browser, tmp_path)
    wait_for_grey(browser, 0, 191)
    classes = browser.find_elements(By.CSS_SELECTOR, ".pane .classes input")
    assert len(classes) == 3
    browser.execute_script("arguments[0].click()", classes[2])
    wait_for_grey(browser, 0, 127)
    drawn = browser.find_element(By.CSS_SELECTOR, ".pane output")
    assert drawn.text.startswith("draw 1 of")
    browser.find_element(By.CSS_SELECTOR, "button.draw").click()
    assert drawn.text.startswith("draw 2 of")
    assert "categorical 1 2" in browser.find_element(
        By.CSS_SELECTOR, ".pane .picture"
    ).get_attribute("aria-label")
