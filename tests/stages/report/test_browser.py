"""The page in a real browser: what it does, for eyes, keyboards and screen readers."""

import pytest

from metrics import CATALOGUE
from pipeline.cli import main
from pipeline.runs import tables
from pipeline.stages.report.writing import write_report
from tests.stages.report import synthetic_run
from tests.stages.report.page_in_browser import (
    CONTRAST,
    LARGEST,
    NUM_COLUMNS,
    NUM_MANY,
    OPTIONS,
    SECONDS_TO_OPEN,
    By,
    Keys,
    Select,
    WebDriverWait,
    check_quiet,
    column,
    make,
    model_order,
    open_page,
    sort_by,
    texts,
    webdriver,
)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_it_opens_quietly_and_fits(browser, full, width, dark):
    check_quiet(browser, full, width=width, dark=dark)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_models_are_sorted_filtered_and_pinned(browser, full):
    open_page(browser, full)
    assert model_order(browser)[0] == "cr-1"  # by rank
    sort_by(browser, "FactorVAE")
    assert model_order(browser)[:2] == ["cr-1", "cr-0"]
    assert column(browser, "FactorVAE ↑") == ["0.900", "0.600", "0.500", "0.500", "0.250", "–"]
    assert model_order(browser)[-1] == "plain-1"  # a failed model has no score: last either way
    sort_by(browser, "FactorVAE")
    assert model_order(browser)[0] == "cr-0@before_cr"
    assert model_order(browser)[-1] == "plain-1"
    Select(browser.find_element(By.ID, "board-setting")).select_by_value("plain")
    assert set(model_order(browser)) == {"plain-0", "plain-1"}
    Select(browser.find_element(By.ID, "board-setting")).select_by_value("")
    search = browser.find_element(By.ID, "board-search")
    search.send_keys("cr-1")
    assert set(model_order(browser)) == {"cr-1", "cr-1@before_cr"}
    browser.find_element(By.CSS_SELECTOR, '[aria-label="Pin cr-1"]').click()
    search.clear()
    search.send_keys("plain")
    assert model_order(browser)[0] == "cr-1"
    assert "1 pinned" in browser.find_element(By.ID, "board-count").text
    browser.find_element(By.ID, "board-clear").click()
    assert set(model_order(browser)) == {"plain-0", "plain-1"}
    Select(browser.find_element(By.ID, "board-method")).select_by_value("infogan")
    search.clear()
    search.send_keys(Keys.BACKSPACE)
    assert not any("@" in name for name in model_order(browser))


def test_informative_codes_stand_beside_each_model(browser, full):
    open_page(browser, full)
    assert column(browser, "Informative codes") == ["2", "1", "0", "–", "–", "–"]
    sort_by(browser, "Informative codes")
    assert model_order(browser)[:3] == ["plain-0", "cr-0", "cr-1"]
    assert "0 to 2 of each model" in browser.find_element(By.ID, "selection").text
    facts = browser.find_element(By.CSS_SELECTOR, "#model-part .facts").text
    assert "Informative codes\n2" in facts


def test_links_to_files_say_that_they_do_not_travel_with_the_page(browser, full):
    """Every file that a link of the page names is there, and every such link has its warning."""
    open_page(browser, full)
    script = """return [...document.querySelectorAll("a[href]")]
      .filter((one) => !one.getAttribute("href").startsWith("#"))
      .map((one) => [one.getAttribute("href"), one.title]);"""
    links = browser.execute_script(script)
    assert len(links) > 10
    for address, title in links:
        assert (full / "report" / address).exists(), address
        assert "where the page is alone" in title, address


def test_intervals_and_metrics_are_shown_when_they_are_asked_for(browser, full):
    open_page(browser, full)
    assert "0.775 – 1.025" in browser.find_element(By.ID, "board").text
    browser.find_element(By.ID, "board-intervals").click()
    assert "0.775 – 1.025" not in browser.find_element(By.ID, "board").text
    browser.find_element(By.CSS_SELECTOR, "#board-metrics summary").click()
    (box,) = [
        label
        for label in browser.find_elements(By.CSS_SELECTOR, "#board-metrics label")
        if label.text.startswith("MIG")
    ]
    before = len(texts(browser, "#board thead th"))
    box.click()
    assert len(texts(browser, "#board thead th")) == before - 1


def test_values_lie_under_the_pointer_and_under_the_arrow_keys(browser, full):
    open_page(browser, full)
    canvas = browser.find_element(By.CSS_SELECTOR, '[data-stem="centrality_against_score"] .canvas')
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    canvas.send_keys(Keys.ARROW_RIGHT)
    tooltip = browser.find_element(By.ID, "tooltip")
    assert tooltip.text == "cr-1: FactorVAE 0.900 (0.775 to 1.025), centrality 0.600"
    ring = browser.find_element(By.CSS_SELECTOR, ".here")
    canvas.send_keys(Keys.ESCAPE)
    assert not tooltip.is_displayed()
    canvas.send_keys(Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    ring = browser.find_element(By.CSS_SELECTOR, ".here")
    text = tooltip.text
    webdriver.ActionChains(browser).move_to_element(ring).perform()
    assert tooltip.text == text
    cells = browser.find_element(By.CSS_SELECTOR, '[data-stem="similarity_matrix"] .canvas')
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", cells)
    cells.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert tooltip.text == "cr-1\ncr-0: 0.700"


def test_plots_are_saved(browser, full):
    """What a click would save: an SVG that stands alone, and the pixels of a PNG."""
    open_page(browser, full)
    catch = """window.saved = [];
    HTMLAnchorElement.prototype.click = function () {
      window.saved.push([this.download, this.href]);
    };"""
    browser.execute_script(catch)
    figure = browser.find_element(By.CSS_SELECTOR, '[data-stem="training_curves"]')
    for kind in ("svg", "png"):
        button = figure.find_element(By.CSS_SELECTOR, f'[data-save="{kind}"]')
        browser.execute_script("arguments[0].click()", button)
    WebDriverWait(browser, 20).until(
        lambda _: browser.execute_script("return window.saved.length") == 2
    )
    saved = dict(browser.execute_script("return window.saved"))
    assert set(saved) == {"training_curves.svg", "training_curves.png"}
    assert saved["training_curves.svg"].startswith("data:image/svg+xml")
    assert "var(--" not in saved["training_curves.svg"].replace("%28", "(")
    assert saved["training_curves.png"].startswith("data:image/png;base64,")
    assert len(saved["training_curves.png"]) > 10_000


def test_each_model_has_its_part(browser, full):
    open_page(browser, full)
    part = browser.find_element(By.ID, "model-part")
    assert "cr-1" in part.text and "0.900" in part.text and "method.cr_weight" in part.text
    Select(browser.find_element(By.ID, "model-choice")).select_by_value("plain-1")
    assert "the loss is <not> a number" in part.text and "It was not scored." in part.text
    (link,) = [
        one for one in browser.find_elements(By.CSS_SELECTOR, "#board a") if one.text == "cr-0"
    ]
    browser.execute_script("arguments[0].click()", link)
    assert browser.find_element(By.CSS_SELECTOR, "#model-part h3").text == "cr-0"


def test_the_keyboard_alone_is_enough(browser, full):
    """Tab reaches every control in order, and each shows that it has the focus."""
    open_page(browser, full)
    wanted = "button, select, input, summary, a[href], [tabindex='0']"
    count = browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter((one) => "
        "one.checkVisibility()).length",
        wanted,
    )
    reached = set()
    body = browser.find_element(By.TAG_NAME, "body")
    for _ in range(count + 20):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        found = browser.execute_script(
            """const one = document.activeElement;
            if (one === document.body) return null;
            const style = getComputedStyle(one);
            const shown = style.outlineStyle !== "none" ||
              getComputedStyle(one.nextElementSibling || one).outlineStyle !== "none";
            return [one.tagName + "|" + (one.id || one.getAttribute("aria-label") ||
              one.textContent.slice(0, 40)), shown];"""
        )
        if found is None:
            break
        reached.add(found[0])
        assert found[1], f"{found[0]} does not show the focus"
    assert body
    names = "\n".join(reached)
    for control in (
        "board-search",
        "board-setting",
        "theme",
        "model-choice",
        "Save SVG",
        "Pin cr-1",
    ):
        assert control in names, control
    for control in ("uniform 1", "Plane of two codes", "FactorVAE", "Latent explorer"):
        assert control in names, control


def test_everything_has_a_name_for_screen_readers(browser, full):
    open_page(browser, full)
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    controls = {"button", "link", "combobox", "slider", "checkbox", "radio", "searchbox", "image"}
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node["ignored"]
        and node["role"]["value"] in controls
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    assert {node["role"]["value"] for node in tree} >= controls - {"image"}
    levels = [
        int(tag[1])
        for tag in browser.execute_script(
            "return [...document.querySelectorAll('h1, h2, h3')].map((one) => one.tagName)"
        )
    ]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


@pytest.mark.parametrize("dark", [False, True])
def test_texts_stand_out_from_what_is_behind_them(browser, full, dark):
    open_page(browser, full, dark=dark)
    script = """
    const parse = (text) => {
      const numbers = text.match(/[\\d.]+/g).map(Number);
      return [numbers.slice(0, 3), numbers.length > 3 ? numbers[3] : 1];
    };
    const luminance = (rgb) => {
      const [r, g, b] = rgb.map((one) => {
        const share = one / 255;
        return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      for (let one = element; one; one = one.parentElement) {
        const [rgb, alpha] = parse(getComputedStyle(one).backgroundColor);
        if (alpha > 0.99) return rgb;
      }
      return [255, 255, 255];
    };
    const found = [];
    for (const element of document.querySelectorAll("main *, header *")) {
      if (element.closest("svg, script, canvas, option") || !element.checkVisibility()) continue;
      const own = [...element.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
      if (!own) continue;
      const pair = [parse(getComputedStyle(element).color)[0], behind(element)].map(luminance);
      const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
      if (ratio < arguments[0]) {
        found.push([element.tagName, element.textContent.slice(0, 30), ratio]);
      }
    }
    return found;"""
    assert browser.execute_script(script, CONTRAST) == []


def test_names_are_never_read_as_html(browser, tmp_path):
    """A setting may not be called so, but labels, data sets and reasons of failures may."""
    root = synthetic_run.make_run(tmp_path, codes=synthetic_run.TWO_CODES)
    evil = '<img src=x onerror="document.title=1"></script><b>'
    for path, columns in (
        (root / "models.csv", tables.MODEL_COLUMNS),
        (root / "scores.csv", tables.SCORE_COLUMNS),
    ):
        table = tables.read_table(path, columns)
        for name in {"setting", "dataset", "reason", "method"} & set(columns):
            table[name] = table[name].map(lambda text: text and text + evil)
        tables.write_table(path, table, columns)
    write_report(root, title=evil, options=OPTIONS)
    check_quiet(browser, root)
    assert browser.find_elements(By.CSS_SELECTOR, 'img[src="x"]') == []
    assert browser.title == evil
    assert "cr" + evil in texts(browser, "#board tbody td")


@pytest.mark.parametrize(
    "options",
    [
        {"labels": False},
        {"ids": ("cr-0",), "failed": None, "select": False},
        {"ids": (), "select": False, "explore": False},
    ],
    ids=["without labels", "one model", "only a failed model"],
)
def test_runs_that_lack_something_open_quietly(browser, tmp_path, options):
    root = make(tmp_path, **options)
    check_quiet(browser, root)
    assert texts(browser, "h2")[0] == "What was run"


@pytest.mark.slow
def test_two_hundred_models_open_at_once(browser, tmp_path, monkeypatch):
    ids = [f"s{number % 20}-{number}" for number in range(NUM_MANY)]
    values = {name: (number * 37 % NUM_MANY) / NUM_MANY for number, name in enumerate(ids)}
    monkeypatch.setattr(synthetic_run, "VALUES", values)
    further = [key for key in CATALOGUE.keys if key not in ("factor_vae", "mig", "dhsic")]
    root = make(
        tmp_path,
        ids=tuple(ids),
        failed=None,
        select=False,
        further_metrics=further[: NUM_COLUMNS - 3],
    )
    page = root / "report" / "index.html"
    assert page.stat().st_size < LARGEST
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    check_quiet(browser, root)
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    seconds = {metric["name"]: metric["value"] for metric in metrics}["TaskDuration"]
    assert seconds < SECONDS_TO_OPEN
    assert len(model_order(browser)) == NUM_MANY
    shown = [float(text) for text in column(browser, "FactorVAE ↑")]
    assert shown == sorted(shown, reverse=True)  # where there is no ranking, by the main metric
    sort_by(browser, "FactorVAE")
    assert [float(text) for text in column(browser, "FactorVAE ↑")] == sorted(shown)
    boxes = browser.find_elements(By.CSS_SELECTOR, "#board-metrics input")
    assert len(boxes) == NUM_COLUMNS
    script = "for (const box of arguments[0]) if (!box.checked) box.click();"
    browser.execute_script(script, boxes)
    cells = "return document.querySelectorAll('#board tbody td').length"
    assert browser.execute_script(cells) >= NUM_MANY * NUM_COLUMNS


def test_several_runs_on_one_page(browser, full, tmp_path):
    other = make(tmp_path / "other", explore=False)
    page = tmp_path / "both.html"
    assert main(["compare", str(full), str(other), "--page", str(page), "--quiet"]) == 0
    check_quiet(browser, page)
    assert set(column(browser, "Run")) == {str(full), str(other)}
    assert len(model_order(browser)) == 2 * 6
    sort_by(browser, "FactorVAE")
    assert model_order(browser)[:2] == ["cr-1", "cr-1"]
    pins = browser.find_elements(By.CSS_SELECTOR, "#board tbody input")
    browser.execute_script("arguments[0].click()", pins[3])
    assert "1 pinned" in browser.find_element(By.ID, "board-count").text
    browser.find_element(By.ID, "board-search").send_keys(str(other))
    assert set(column(browser, "Run")[1:]) == {str(other)}
    browser.find_element(By.CSS_SELECTOR, "#board tbody th a").click()
    assert browser.current_url.endswith("/report/index.html#model=cr-0")
