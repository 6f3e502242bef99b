"""Recipes of the baselines, as gin/dsprites_baselines.gin makes them."""

import dataclasses
import json

import pytest

from models.codes import joint_code as codes
from models.gans.ib_gan import IBGAN
from models.networks.convolutional import ConvEncoder
from models.networks.dense import DenseEncoder, DenseGenerator, DenseNetwork
from models.vaes.beta_tcvae import BetaTCVAE
from models.vaes.hfvae import HFVAE
from pipeline.experiment import load_experiment

SETTINGS = {one.name: one for one in load_experiment(["gin/dsprites_baselines.gin"]).settings}
RECIPES = {name: setting.method for name, setting in SETTINGS.items()}
LATENTS = codes.JointCode((codes.GaussianCodes(10),))
DECODER = RECIPES["vae"].decoder
SHAPE = (64, 64, 1)


def test_the_published_settings():
    for name, recipe in RECIPES.items():
        is_factor_vae = name.startswith("factor_vae")
        assert SETTINGS[name].training.batch_size == (128 if is_factor_vae else 64)
        assert SETTINGS[name].training.iterations == (311040 if is_factor_vae else 300000)
        if name == "infogan":
            continue
        assert recipe.codes == LATENTS
        if name == "ib_gan":
            continue
        assert recipe.encoder.conv == (32, 32, 64, 64) and recipe.encoder.dense == (128,)
        assert not recipe.encoder.activates_dense
        assert recipe.decoder == DECODER and recipe.decoder.base_shape(SHAPE) == (4, 4, 64)
        assert recipe.decoder.dense == (128,) and recipe.decoder.deconv == (64, 32, 32)
        assert recipe.optimizer.learning_rate == 1e-4 and recipe.optimizer.beta_1 == 0.9
    assert (RECIPES["vae"].beta, RECIPES["vae"].name) == (1.0, "vae")
    assert (RECIPES["beta_vae"].beta, RECIPES["beta_vae"].name) == (4.0, "beta_vae")
    weights = [RECIPES[f"factor_vae-{weight}"].gamma for weight in (1, 10, 20, 40)]
    assert weights == [1.0, 10.0, 20.0, 40.0]
    judge = RECIPES["factor_vae-10"].discriminator_optimizer
    assert (judge.learning_rate, judge.beta_1, judge.beta_2) == (1e-4, 0.5, 0.9)
    assert RECIPES["factor_vae-10"].discriminator.dense == (1000,) * 5
    assert [RECIPES[f"dip_vae_{variant}"].variant for variant in ("i", "ii")] == ["i", "ii"]
    assert RECIPES["chyvae"].degrees_of_freedom == 200.0
    bottleneck = RECIPES["ib_gan"]
    assert (bottleneck.beta, bottleneck.source_dim) == (0.141, 16)
    assert bottleneck.generator_optimizer.learning_rate == 5e-5
    assert bottleneck.discriminator_optimizer.learning_rate == 1e-6
    assert bottleneck.noise_iterations == 100_000


@pytest.mark.parametrize("name", ["vae", "factor_vae", "hfvae", "ib_gan"])
def test_a_method_file_replaces_the_method_of_a_data_set(name):
    files = ["gin/cdsprites.gin", f"gin/parts/methods/{name}.gin", "gin/parts/budgets/smoke.gin"]
    (setting,) = load_experiment(files).settings
    assert setting.method.codes == LATENTS


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_json_and_have_no_milestones(name):
    recipe = RECIPES[name]
    assert json.loads(json.dumps(dataclasses.asdict(recipe)))["name"] == recipe.name
    assert recipe.milestones == () and recipe.snapshots == {}


@pytest.mark.parametrize("name", RECIPES)
def test_only_estimates_of_the_aggregate_posterior_need_the_size_of_the_data_set(name):
    recipe = RECIPES[name]
    assert recipe.needs_num_images == isinstance(recipe, BetaTCVAE | HFVAE)
    if recipe.needs_num_images:
        with pytest.raises(ValueError, match="num_images=None"):
            recipe.build(SHAPE, 1, 0)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("vae", {"beta": -1.0}),
        ("vae", {"codes": codes.JointCode((codes.UniformCodes(10),))}),
        ("vae", {"codes": codes.JointCode((codes.GaussianCodes(10, learned_std=True),))}),
        ("vae", {"codes": codes.JointCode((codes.GaussianCodes(10), codes.GaussianNoise(1)))}),
        ("vae", {"encoder": DECODER}),
        ("vae", {"decoder": dataclasses.replace(DECODER, output="tanh")}),
        ("vae", {"optimizer": 1e-4}),
        ("annealed_vae", {"capacity_iterations": 0}),
        ("factor_vae-10", {"discriminator": RECIPES["vae"].encoder}),
        ("beta_tcvae", {"estimator": "exact"}),
        ("dip_vae_i", {"variant": "iii"}),
        ("hfvae", {"group_sizes": (5, 6)}),
        ("hfvae", {"within_group_weight": -1.0}),
        ("chyvae", {"degrees_of_freedom": 11.0}),
        ("ib_gan", {"noise_iterations": 0}),
        ("ib_gan", {"source_dim": 0}),
    ],
)
def test_recipes_refuse(name, changes):
    with pytest.raises(ValueError, match="Expected"):
        dataclasses.replace(RECIPES[name], **changes)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (ConvEncoder, {"conv": (), "dense": (), "activates_dense": True}),
        (ConvEncoder, {"conv": (4,), "dense": (8,), "activates_dense": 1}),
        (DenseNetwork, {"dense": (0,), "negative_slope": 0.2}),
        (DenseNetwork, {"dense": (8,), "negative_slope": 2.0}),
        (DenseEncoder, {"dense": (0,)}),
        (DenseGenerator, {"dense": (8,), "activation": "sigmoid"}),
        (IBGAN, {**vars(RECIPES["ib_gan"]), "reconstructor": DECODER}),
    ],
)
def test_networks_refuse(kind, arguments):
    with pytest.raises(ValueError, match="Expected"):
        kind(**arguments)
