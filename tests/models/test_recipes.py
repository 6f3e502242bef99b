"""Recipes: schedules, architectures, optimisers and methods as validated plain data."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from models import checks, schedules
from models.codes import joint_code as codes
from models.gans.infogan import InfoGAN
from models.gans.infogan_cr import InfoGANCR
from models.networks.convolutional import ContrastiveNetwork, ConvDiscriminator
from models.networks.deconvolutional import DeconvGenerator
from models.optimizers import recipes as optimizers

GENERATOR = DeconvGenerator(
    dense=(128,),
    base_channels=64,
    deconv=(64, 32, 32),
    dense_activation="relu",
    deconv_activation="leaky_relu",
    batch_norm=True,
    order="activation_norm",
    negative_slope=0.2,
)
DISCRIMINATOR = ConvDiscriminator(
    conv=(32, 32, 64, 64), dense=(128,), q_dense=(128,), norm="spectral", negative_slope=0.2
)
CONTRASTIVE = ContrastiveNetwork(
    conv=(32, 32, 64, 64), dense=(128,), norm="spectral", negative_slope=0.2
)
CODES = codes.JointCode((codes.UniformCodes(5), codes.UniformNoise(5)))


def infogan(**changes):
    arguments = {
        "codes": CODES,
        "generator": GENERATOR,
        "discriminator": DISCRIMINATOR,
        "generator_optimizer": optimizers.Adam(1e-3, 0.5),
        "discriminator_optimizer": optimizers.Adam(2e-3, 0.5),
        "info_weight": 0.05,
        "generator_steps": 2,
    }
    return InfoGAN(**{**arguments, **changes})


def infogan_cr(**changes):
    base = infogan()
    arguments = {
        **{field.name: getattr(base, field.name) for field in dataclasses.fields(base)},
        "name": "infogan_cr",
        "contrastive": CONTRASTIVE,
        "cr_optimizer": optimizers.Adam(2e-3, 0.5),
        "cr_weight": [(0, 0.0), (50_000, 3.0)],
        "gap": [(0, 1.9), (85_000, 0.0)],
    }
    return InfoGANCR(**{**arguments, **changes})


def test_recipes_import_neither_tensorflow_nor_keras():
    program = """
import sys
import numpy
from models import checks, schedules
from models.codes import joint_code as codes
from models.layers import augmentation
from models.methods import methods
from models.networks import convolutional, deconvolutional, dense, identity_families, residual
from models.networks import shape_classifier
from models.optimizers import recipes
joint = codes.JointCode((codes.UniformCodes(2), codes.GaussianNoise(3)))
joint.draw_group(numpy.random.default_rng(0), 4, 1)
assert len(methods()) >= 12
loaded = {"tensorflow", "keras", "gin"} & set(sys.modules)
sys.exit(f"imported {loaded}" if loaded else 0)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_schedule_of_a_number_is_constant():
    schedule = schedules.as_schedule(3)
    assert schedule.at(0) == schedule.at(10**9) == 3.0
    assert schedule.changes == ()
    assert schedules.as_schedule(schedule) is schedule


def test_schedule_changes_at_the_iteration_named():
    schedule = schedules.as_schedule([[0, 0], (10, 2.0), (15, 2), (20, 0.5)])
    assert [schedule.at(i) for i in (0, 9, 10, 19, 20, 99)] == [0.0, 0.0, 2.0, 2.0, 0.5, 0.5]
    assert schedule.changes == (10, 20)  # 2.0 to 2 is no change
    assert schedule == schedules.as_schedule(((0, 0.0), (10, 2.0), (20, 0.5)))
    assert json.loads(json.dumps(dataclasses.asdict(schedule)))["steps"][1] == [10, 2.0]


@pytest.mark.parametrize(
    "value",
    [[], [(1, 2.0)], [(0, 1.0), (0, 2.0)], [(0, 1.0), (5, 2.0), (4, 3.0)], [(0, 1.0, 2)]]
    + [[(0, "x")], [(0.5, 1.0)], "linear", None, float("nan"), True],
)
def test_schedule_refuses(value):
    with pytest.raises(ValueError, match="Received: "):
        schedules.as_schedule(value, "weight")


def test_errors_name_the_argument_what_it_should_be_and_what_it_was():
    with pytest.raises(ValueError, match=r"^beta_1: Expected .* Received: beta_1=1.0$"):
        optimizers.Adam(1e-3, 1.0)
    with pytest.raises(ValueError, match=r"^conv: Expected .*tuple.* Received: conv=\(32, 0\)$"):
        dataclasses.replace(DISCRIMINATOR, conv=(32, 0))


def test_checks_do_not_take_booleans_for_numbers():
    for check in (checks.integer, checks.number, checks.positive_number):
        with pytest.raises(ValueError, match="flagged=True"):
            check("flagged", True)
    with pytest.raises(ValueError, match="on=1"):
        checks.flag("on", 1)


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        (GENERATOR, {"order": None}),  # batch norm needs a place
        (GENERATOR, {"negative_slope": None}),  # leaky ReLU needs a slope
        (GENERATOR, {"output": "linear"}),
        (GENERATOR, {"kernel_size": 4.0}),
        (DISCRIMINATOR, {"norm": "batch"}),
        (DISCRIMINATOR, {"norm": "instance"}),
        (DISCRIMINATOR, {"conv": ()}),
        (CONTRASTIVE, {"order": "norm"}),
        (CONTRASTIVE, {"centred_input": "yes"}),
    ],
)
def test_architectures_refuse(recipe, changes):
    with pytest.raises(ValueError, match="Expected"):
        dataclasses.replace(recipe, **changes)


def test_generator_refuses_images_that_its_doublings_cannot_make():
    with pytest.raises(ValueError, match="multiples of 16"):
        GENERATOR.base_shape((28, 28, 1))


def test_milestones_and_snapshot_of_the_progressive_schedule():
    recipe = infogan_cr()
    assert recipe.milestones == (50_000, 85_000)
    assert recipe.snapshots == {50_000: ("before_cr", "infogan_modified")}
    assert infogan().milestones == ()
    assert infogan().snapshots == {}


def test_gap_changes_matter_only_while_alpha_is_above_zero():
    early = infogan_cr(gap=[(0, 1.9), (10, 1.0), (60_000, 0.0)])
    assert early.milestones == (50_000, 60_000)
    switching = infogan_cr(cr_weight=[(0, 0.0), (5, 1.0), (7, 2.0), (9, 0.0), (11, 1.0)], gap=0)
    assert switching.milestones == (5, 9, 11)
    assert list(switching.snapshots) == [5]


def test_no_snapshot_when_alpha_never_leaves_zero_later():
    for weight in (1.0, 0.0, [(0, 1.0), (5, 0.0), (9, 1.0)]):
        assert infogan_cr(cr_weight=weight, gap=0).snapshots == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"info_weight": -0.1},
        {"info_weight": [(0, 1.0), (5, -1.0)]},
        {"cr_weight": -1.0},
        {"gap": 2.1},
        {"gap": [(0, 1.0), (5, -0.5)]},
        {"generator_steps": 0},
        {"codes": codes.JointCode((codes.UniformCodes(1), codes.UniformNoise(5)))},
        {"codes": codes.JointCode((codes.EmpiricalCodes(5),))},  # gap 1.9 is not defined for it
        {"contrastive": DISCRIMINATOR},
        {"cr_optimizer": 1e-3},
        {"fresh_codes": True},
        {"name": "infogan cr"},
    ],
)
def test_methods_refuse(changes):
    with pytest.raises(ValueError, match="Expected"):
        infogan_cr(**changes)


def test_recipes_are_json_and_different_kinds_differ():
    assert json.loads(json.dumps(dataclasses.asdict(infogan_cr())))["name"] == "infogan_cr"
    uniform = dataclasses.asdict(codes.UniformNoise(5))
    assert uniform != dataclasses.asdict(codes.UniformCodes(5))
    gaussian = dataclasses.asdict(codes.GaussianNoise(5))
    assert gaussian != dataclasses.asdict(codes.GaussianCodes(5))


def test_recipes_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        infogan().generator_steps = 3
    assert np.unique([hash(infogan()), hash(infogan())]).size == 1


def test_a_weight_of_discrete_codes_needs_codes_of_both_kinds():
    both = codes.JointCode((codes.UniformCodes(1), codes.CategoricalCode(3)))
    recipe = infogan(codes=both, discrete_info_weight=[(0, 1.0), (5, 2.0)])
    assert recipe.discrete_info_weight.at(5) == 2.0
    with pytest.raises(ValueError, match="discrete_info_weight: Expected None"):
        infogan(discrete_info_weight=1.0)
    with pytest.raises(ValueError, match="discrete_info_weight"):
        infogan(codes=both, discrete_info_weight=-1.0)


def test_fields_that_came_later_change_no_description_until_they_are_used():
    from pipeline.recipes import describe

    assert "discrete_info_weight" not in describe(infogan())
    assert "log_std_bounds" not in describe(codes.UniformCodes(3))
    assert describe(codes.UniformCodes(3, learned_std=True))["log_std_bounds"] == [-4.0, 1.0]
