"""The explorer's images: which there are, in which order, and what the page is told of them."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from pipeline.runs.directory import RunDirectory
from pipeline.stages.report.content import make_report
from pipeline.stages.report.explorer import render, sheets
from pipeline.stages.report.explorer.plan import (
    MAX_SLIDERS,
    ExplorerPlan,
    choose_plan,
    num_images,
    sliders_of,
)
from pipeline.stages.report.options import ReportOptions
from tests.stages.report.synthetic_run import TWO_CODES, fake_generate, make_run, write_explorer


def config(*parts):
    return {"method": {"codes": {"type": "JointCode", "parts": list(parts)}}}


def uniform(dim):
    return {"type": "UniformCodes", "dim": dim, "low": -1.0, "high": 1.0, "kind": "uniform_codes"}


CLASSES = {"type": "CategoricalCode", "num_classes": 3, "kind": "categorical_code"}
NOISE = {"type": "GaussianNoise", "dim": 4, "kind": "gaussian_noise"}


def test_images_are_counted_by_hand():
    # 3 codes of 5 steps: 1 + 3 * 4 on lines, and 3 pairs of 4 * 4 in planes.
    assert num_images(3, 1, ExplorerPlan(1, 0, 5)) == 13 + 48
    assert num_images(3, 1, ExplorerPlan(1, 2, 5)) == 13 + 48 + 2 * 13
    assert num_images(1, 10, ExplorerPlan(0, 2, 9)) == 10 * 2 * 9
    assert num_images(0, 10, ExplorerPlan(0, 24, 1)) == 240


def test_the_best_plan_that_fits_is_taken():
    sliders = sliders_of(config(uniform(5), NOISE))
    assert choose_plan(sliders, 100.0, 1e9) == ExplorerPlan(3, 3, 9)
    small = choose_plan(sliders, 100.0, 5_000)
    assert small.num_planes == 0
    assert num_images(5, 1, small) * 100.0 <= 5_000
    assert choose_plan(sliders, 100.0, 100.0) is None


def test_what_moves_is_read_from_the_configuration():
    sliders = sliders_of(config(CLASSES, uniform(2), NOISE))
    assert (sliders.continuous, sliders.categorical) == ((1, 2), (0,))
    assert sliders.combinations == [(0,), (1,), (2,)]
    many = sliders_of(config(uniform(40)))
    assert len(many.continuous) == MAX_SLIDERS
    assert many.continuous[0] == 0 and many.continuous[-1] == 39
    assert sliders_of({}) is None
    assert sliders_of(config({"type": "EmpiricalCodes", "dim": 2}, NOISE)) is None
    assert sliders_of(config({"type": "of a later version", "dim": 2})) is None


def test_images_come_in_the_order_of_the_script():
    sliders = sliders_of(config(uniform(2), NOISE))
    plan = ExplorerPlan(1, 0, 3)
    anchors, levels = sliders.anchors(plan)
    assert levels.tolist() == [[1, 1]]
    latents = sliders.latents(anchors[0], levels[0], (), plan, plane=True)
    assert latents[:, :2].tolist() == [
        [0, 0],
        [-1, 0], [1, 0],
        [0, -1], [0, 1],
        [-1, -1], [-1, 1], [1, -1], [1, 1],
    ]  # fmt: skip
    assert (latents[:, 2:] == anchors[0, 2:]).all()  # the noise stays
    assert len(sliders.latents(anchors[0], levels[0], (), plan, plane=False)) == 5


def test_anchors_stand_on_steps_and_differ_in_noise():
    sliders = sliders_of(config(CLASSES, uniform(2), NOISE))
    plan = ExplorerPlan(0, 4, 9)
    anchors, levels = sliders.anchors(plan)
    steps = np.linspace(-1, 1, 9)
    np.testing.assert_allclose(anchors[:, 3:5], steps[levels], atol=1e-7)
    assert levels[0].tolist() == [4, 4]
    assert len(np.unique(anchors[:, 5:], axis=0)) == 4
    of_class = sliders.latents(anchors[1], levels[1], (2,), plan, plane=False)
    assert (of_class[:, :3] == [0, 0, 1]).all()


def test_sheets_hold_their_tiles():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(sheets.encode_sheet(images, lossless=True))) as picture:
        sheet = np.asarray(picture)
    assert sheets.num_columns(5) == 3
    assert sheet.shape == (2 * 4, 3 * 6, 3)
    for number, image in enumerate(images):
        row, column = divmod(number, 3)
        assert (sheet[row * 4 : row * 4 + 4, column * 6 : column * 6 + 6] == image).all()


def test_large_images_are_made_smaller_and_small_ones_stay():
    images = np.full((2, 128, 64, 1), 7, np.uint8)
    assert sheets.shrink(images, 64).shape == (2, 64, 32, 1)
    assert (sheets.shrink(images, 64) == 7).all()
    assert sheets.shrink(images, 200) is images


@pytest.fixture
def explored(tmp_path):
    make_run(tmp_path, codes=TWO_CODES)
    write_explorer(tmp_path)
    return make_report(RunDirectory(tmp_path), "t", ReportOptions())


def test_images_are_read_while_they_fit_what_is_planned(explored):
    found = render.read_explorer(explored)
    assert list(found) == ["cr-1", "cr-0", "plain-0"]  # by rank
    first = found["cr-1"]
    assert [slider["name"] for slider in first["sliders"]] == ["uniform 1", "uniform 2"]
    assert first["sliders"][0]["values"] == np.linspace(-1, 1, 9).tolist()
    assert len(first["sheets"]) == len(first["anchors"]) == 6
    planned = next(render.plans(explored))
    planned.path.write_bytes(planned.path.read_bytes()[:-50])
    assert list(render.read_explorer(explored)) == ["cr-0", "plain-0"]
    assert render.read_images(planned.path, "of another plan") is None


def test_a_smaller_page_has_fewer_images_and_0_has_none(explored):
    def planned_with(megabytes):
        options = ReportOptions(explorer_megabytes=megabytes)
        return list(render.plans(dataclasses.replace(explored, options=options)))

    def count(planned):
        sliders = planned.sliders
        return num_images(len(sliders.continuous), len(sliders.combinations), planned.plan)

    usual, small = planned_with(6.0), planned_with(0.03)
    assert [one.model_id for one in usual] == ["cr-1", "cr-0", "plain-0"]
    assert count(small[0]) < count(usual[0])
    assert planned_with(0) == []


def test_the_same_model_gives_the_same_images(explored):
    planned = next(render.plans(explored))
    drawn = [render.draw_images(fake_generate, planned)["sheets"] for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_the_plane_opens_on_the_codes_that_change_the_images_most(explored):
    sliders = sliders_of(config(uniform(4), NOISE))
    planned = dataclasses.replace(
        next(render.plans(explored)), sliders=sliders, plan=ExplorerPlan(1, 1, 3)
    )

    def no_more_than_first(latents):
        return (latents[:, :1, np.newaxis, np.newaxis] + 1) / 2

    def second_and_fourth_most(latents):
        return (latents[:, :4] @ [[0.1], [0.9], [0.2], [0.8]])[..., None, None] / 4 + 0.5

    anchors, levels = sliders.anchors(planned.plan)
    latents = sliders.latents(anchors[0], levels[0], (), planned.plan, plane=True)
    images = (255 * no_more_than_first(latents)).astype(np.uint8)
    moved = sliders.changes(images, planned.plan)  # from the middle to both ends
    assert moved[0] == pytest.approx(127.5, abs=1) and (moved[1:] == 0).all()
    assert render.draw_images(no_more_than_first, planned)["axes"] == [0, 1]
    assert render.draw_images(second_and_fourth_most, planned)["axes"] == [1, 3]
