"""The page without a browser: widgets are moved, pictures and files are read."""

import io

import numpy as np
import pytest
from PIL import Image

from models.codes.joint_code import (
    CategoricalCode,
    EmpiricalCodes,
    GaussianCodes,
    JointCode,
    UniformCodes,
    UniformNoise,
)
from pipeline.app.loaded_model import load_model
from pipeline.cli import main
from tests.linear_models import write_linear_model

pn = pytest.importorskip("panel", reason="the extra app is not installed: pip install -e '.[app]'")

from pipeline.app.controls import NUM_SHOWN, Controls  # noqa: E402 - they need Panel
from pipeline.app.page import ModelPage  # noqa: E402
from pipeline.app.server import make_page, make_server  # noqa: E402


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Pixels of 2 x 2: class 1, a code, noise, nothing."""
    codes = JointCode((CategoricalCode(2), UniformCodes(1), UniformNoise(1)))
    generator = np.array([[-0.5, 0, 0, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0.5, 0]])
    encoder = np.array([[-1, 1, 0], [0, 0, 2], [0, 0, 0], [0, 0, 0]])
    real = np.array([[[[255], [51]], [[204], [128]]]], np.uint8)
    root = tmp_path_factory.mktemp("models") / "mixed"
    return write_linear_model(root, codes, generator, encoder, (2, 2, 1), real=real)


def pixels(content):
    """Return the grey of each quarter of a picture."""
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(int)
    height, width = picture.shape
    return [
        int(picture[row * height // 4, column * width // 4]) for row in (1, 3) for column in (1, 3)
    ]


def widgets(view, kind, name=None):
    return [one for one in view.select(kind) if name is None or one.label == name]


def test_controls_show_the_image_of_their_codes(mixed):
    page = ModelPage(load_model(mixed))
    view = page.view()
    (buttons,) = widgets(view, pn.widgets.RadioButtonGroup)
    (slider,) = widgets(view, pn.widgets.FloatSlider, "uniform 1")
    (noise,) = widgets(view, pn.widgets.FloatSlider, "noise 1")
    buttons.value, slider.value, noise.value = 1, 1.0, -1.0
    assert pixels(page.image.content) == pixels(page.image_file()) == [255, 255, 0, 128]
    buttons.value = 0
    assert pixels(page.image.content) == [0, 255, 0, 128]
    (renew,) = widgets(view, pn.widgets.Button, "New noise")
    renew.clicks += 1
    assert pixels(page.image.content)[:2] == [0, 255] and noise.value != -1.0


def test_an_own_image_moves_the_controls(mixed):
    page = ModelPage(load_model(mixed))
    view = page.view()
    (slider,) = widgets(view, pn.widgets.FloatSlider, "uniform 1")
    (buttons,) = widgets(view, pn.widgets.RadioButtonGroup)
    content = io.BytesIO()
    Image.fromarray(np.array([[0, 204], [51, 128]], np.uint8)).save(content, format="PNG")
    page.own.choice.file.param.update(filename="own.png", value=content.getvalue())
    assert slider.value == pytest.approx(0.6, abs=0.01) and buttons.value == 0
    np.testing.assert_allclose(pixels(page.image.content), [0, 204, 51, 128], atol=3)
    (take,) = widgets(view, pn.widgets.Button, "Take this one")
    take.clicks += 1
    assert slider.value == pytest.approx(-0.6, abs=0.01) and buttons.value == 1
    page.own.choice.file.param.update(filename="own.txt", value=b"no image")
    assert "own.txt" in page.own.choice.note.view.object
    assert slider.value == pytest.approx(-0.6, abs=0.01)


def test_files_are_what_they_are_called(mixed):
    page = ModelPage(load_model(mixed))
    assert Image.open(io.BytesIO(page.image_file())).size == (2, 2)
    assert Image.open(io.BytesIO(page.strips_file())).format == "PNG"
    animation = Image.open(io.BytesIO(page.animation_file()))
    assert animation.format == "GIF" and animation.n_frames == 20
    before = page.samples.content
    page.redraw()
    assert page.samples.content != before and page.samples_file().startswith(b"\x89PNG")


def test_swaps_are_shown_where_there_is_s_and_z(mixed, tmp_path):
    codes = JointCode((EmpiricalCodes(1), GaussianCodes(1)))
    real = np.array([[[[10], [20]]], [[[110], [220]]]], np.uint8)
    root = write_linear_model(
        tmp_path / "b", codes, np.eye(2) / 2, 2 * np.eye(2), (1, 2, 1), encoded=np.eye(2), real=real
    )
    page = ModelPage(load_model(root))
    picture = np.asarray(Image.open(io.BytesIO(page.swap.pictures.content)))[-1, :, 0]
    assert picture[[10, 100, 142, 230]].tolist() == [10, 20, 110, 220]
    assert picture[[274, 360, 406, 500]].tolist() == [10, 220, 110, 20]
    assert ModelPage(load_model(mixed)).swap is None


def test_many_codes_are_shown_in_turns(tmp_path):
    codes = JointCode((UniformCodes(30),))
    eye = np.eye(30)
    model = load_model(write_linear_model(tmp_path / "d", codes, eye, eye, (5, 6, 1)))
    moves = []
    controls = Controls(model, np.linspace(-1, 1, 30), moves.append)
    view = controls.view()
    (pages,) = widgets(view, pn.widgets.Select)
    assert len(widgets(view, pn.widgets.FloatSlider)) == NUM_SHOWN and not moves
    pages.value = 24
    sliders = widgets(view, pn.widgets.FloatSlider)
    assert [one.label for one in sliders] == [f"uniform {number}" for number in range(25, 31)]
    sliders[-1].value = 0.25
    assert controls.latent[29] == 0.25 and controls.latent[0] == -1.0 and moves == [False]


def test_the_page_has_the_other_models_and_says_what_is_wrong(mixed, tmp_path):
    view = make_page({"mixed": mixed, "gone": tmp_path / "gone"}, "mixed")
    (models,) = widgets(view, pn.widgets.Select, "Model")
    assert models.options == ["mixed", "gone"]
    assert view.server_doc(title="t").roots  # every widget is one that Bokeh takes
    models.value = "gone"
    assert any("holds no model" in str(one.object) for one in view.select(pn.pane.Markdown))


def test_a_taken_port_and_an_unknown_model_end_in_one_line(mixed, capsys):
    server = make_server({"mixed": mixed}, "mixed", 0)
    try:
        arguments = ["explore", str(mixed), "--port", str(server.port), "--no-browser"]
        assert main(arguments) == 2
    finally:
        server.stop()
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and f"--port {server.port + 1}, or --port 0" in error
    assert main(["explore", str(mixed), "other"]) == 2
    assert "Expected one of: mixed." in capsys.readouterr().err


def test_without_panel_the_command_to_install_it_is_said(mixed, capsys, monkeypatch):
    monkeypatch.setattr("pipeline.cli.commands.explore.LIBRARY", "no_such_library")
    assert main(["explore", str(mixed)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "pip install -e '.[app]'" in error
