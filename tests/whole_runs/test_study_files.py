"""Studies of Lin et al. 2020 beside their table: what a file asks, and two steps of it."""

import dataclasses

import numpy as np
import pytest

from pipeline.experiment import load_experiment

SMOKE = "gin/parts/budgets/smoke.gin"
FILES = (
    "teapots_rotation",
    "teapots_light",
    "teapots_schedules",
    "dsprites_regularisers",
    "regulariser_study",
    "beta_tcvae_dsprites",
    "dsprites_laptop_comparison",
)
PLAIN = ("infogan_modified", "beta_vae", "factor_vae")  # run by the files of the baselines


def settings(name, *changes):
    return {one.name: one for one in load_experiment([f"gin/{name}.gin"], changes).settings}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_two_steps_of_every_method(name, cache):
    changes = ["ALPHA_FROM = 1", "GAP_FROM = 2", "BATCH_SIZE = 64"]
    experiment = load_experiment([f"gin/{name}.gin", SMOKE], changes)
    experiment.dataset.prepare(cache)
    dataset = experiment.dataset.open(cache)
    images = dataset.train_images(np.arange(4))
    methods = {setting.method.name: setting.method for setting in experiment.settings}
    for method in (one for name, one in methods.items() if name not in PLAIN):
        model = method.build(dataset.image_shape, dataset.max_value, 0, dataset.num_images)
        for iteration in range(2):
            model.begin_segment(iteration)
            results = model.train_step(images)
        assert np.isfinite([float(value) for value in results.values()]).all(), method.name


@pytest.mark.parametrize(
    ("name", "variant", "factors"),
    [
        ("teapots_rotation", "rotation", 3),
        ("teapots_light", "rotation_and_light", 5),
    ],
)
def test_the_variants_of_the_teapots(name, variant, factors):
    experiment = load_experiment([f"gin/{name}.gin"])
    method, published = experiment.settings[0].method, settings("teapots")["infogan_cr"].method
    assert experiment.dataset.variant == variant and experiment.dataset.num_images == 200_000
    assert method.codes.num_codes == factors and method.codes.latent_dim == factors + 5
    for same in ("info_weight", "cr_weight", "gap", "generator", "discriminator", "contrastive"):
        assert getattr(method, same) == getattr(published, same), same


@pytest.mark.parametrize("budget", [[], ["gin/parts/budgets/laptop.gin"], [SMOKE]])
def test_the_schedules_of_the_teapots_differ_in_one_thing_each(budget):
    experiment = load_experiment(["gin/teapots_schedules.gin", *budget])
    methods = {one.name: one.method for one in experiment.settings}
    published = methods["progressive"]
    alpha_on, gap_falls = published.cr_weight.changes[0], published.gap.changes[0]
    assert published.gap.values == (1.9, 0.0) and alpha_on < gap_falls
    for name, gap in (("gap-0", 0.0), ("gap-1.9", 1.9)):
        assert methods[name].gap.values == (gap,)
        assert methods[name].cr_weight == published.cr_weight
    assert methods["alpha_from_start"].cr_weight.steps == ((0, 3.0),)
    assert methods["alpha_from_start"].gap == published.gap
    assert methods["alpha_late"].cr_weight.steps == ((0, 0.0), (gap_falls, 3.0))
    assert methods["alpha_late"].gap == methods["gap-0"].gap


def test_beta_tcvae_as_published():
    """Chen et al. 2018, appendix: networks, batch, rate, epochs."""
    (one,) = settings("beta_tcvae_dsprites").values()
    method = one.method
    assert method.encoder.dense == (1200, 1200) and method.encoder.negative_slope == 0.0
    assert method.decoder.dense == (1200, 1200, 1200) and method.decoder.activation == "tanh"
    assert method.optimizer.learning_rate == 1e-3 and method.estimator == "weighted"
    assert method.beta == 6.0 and method.codes.latent_dim == 10
    assert one.training.batch_size == 2048 and one.training.iterations == 737_280 // 2048 * 50


@pytest.mark.parametrize("name", ["dsprites_regularisers", "regulariser_study"])
def test_arms_differ_in_their_regulariser_only(name):
    arms = settings(name)
    plain = next(one for one in arms if arms[one].method.name == "infogan_modified")
    for arm in ("tc_infogan", "infogan_cr"):
        for same in ("codes", "generator", "discriminator", "info_weight", "generator_steps"):
            assert getattr(arms[arm].method, same) == getattr(arms[plain].method, same), same
        for player in ("generator", "discriminator"):
            optimizers = [getattr(arms[one].method, f"{player}_optimizer") for one in (arm, plain)]
            assert optimizers[0] == optimizers[1]
        assert arms[arm].training == arms[plain].training
    assert arms["tc_infogan"].method.tc_weight.values == (1.0,)
    vae, other = arms["factor_vae"], arms["factor_vae_cr"]
    assert vae.training == other.training and vae.method.contrast is None
    contrast = other.method.contrast
    assert (
        contrast.cr_weight.values == (0.0, 20.0) and contrast.gap == arms["infogan_cr"].method.gap
    )
    if name == "regulariser_study":
        small = settings("selection_study")["infogan_cr-2"].method
        for network in ("generator", "discriminator", "contrastive"):
            assert getattr(arms["infogan_cr"].method, network) == getattr(small, network)
        assert contrast.contrastive == small.contrastive
    fields = set(vars(vae.method)) - {"contrast", "name"}
    assert all(getattr(vae.method, one) == getattr(other.method, one) for one in fields)


def measured(name):
    files = ["gin/dsprites.gin", f"gin/parts/measured/{name}.gin"]
    return load_experiment(files).settings[0]


SAME_ON_LAPTOPS = ("generator", "discriminator", "contrastive", "discriminator_optimizer")


def test_the_shape_class_is_added_to_five_codes():
    ours, continuous = (measured(f"dsprites_{one}").method for one in ("shape_class", "five_codes"))
    classes, *rest = ours.codes.parts
    assert classes.num_classes == 3 and tuple(rest) == continuous.codes.parts
    (reading,) = ours.readings
    assert reading.codes == ("categorical_1",)
    assert reading.view.spread == 0.08 and reading.changes.turn == 0.5
    for same in SAME_ON_LAPTOPS:
        assert getattr(ours, same) == getattr(continuous, same), same
    assert ours.info_weights[ours.info_weight] == (1,) and ours.gap.values == (1.9,)


def test_the_laptop_has_a_code_for_each_factor():
    (one,) = settings("dsprites_laptop").values()
    ours, of_classes = one.method, measured("dsprites_shape_class").method
    assert ours.codes.names_of_parts == (
        ("categorical_1",),
        ("uniform_1",),
        ("uniform_2", "uniform_3", "uniform_4"),
    )
    classes, rotation = ours.readings
    assert (classes,) == of_classes.readings
    assert rotation.codes == ("uniform_1",)
    assert rotation.view == classes.view and rotation.changes is None
    weights = [weight.values for weight in ours.info_weights]
    assert weights == [(0.0, 0.3), (3.0,), (1.0,)]
    for same in SAME_ON_LAPTOPS:
        assert getattr(ours, same) == getattr(of_classes, same), same
    assert one.training.batch_size == 32 and ours.gap.values == (1.9,)


def test_discs_as_published_but_for_one_code_that_no_turn_changes():
    published = settings("cdsprites")["infogan_cr"].method
    files = ["gin/cdsprites.gin", "gin/parts/measured/cdsprites_turned.gin"]
    one = load_experiment(files).settings[0]
    ours = one.method
    assert ours.codes == published.codes and ours.codes.code_dim == 2
    assert (ours.gap, ours.cr_weight.values) == (published.gap, published.cr_weight.values)
    (reading,) = ours.readings
    assert reading.codes == ("uniform_1",) and reading.view is None
    assert reading.changes.turn == 0.5 and ours.info_weight.values == (1.0,)
    assert one.training.batch_size == 30


def test_what_the_laptop_is_compared_with():
    ours = measured("dsprites_five_codes")
    arms = settings("dsprites_laptop_comparison")
    infogan, dense = arms["infogan"].method, arms["infogan_cr-dense"].method
    for same in ("codes", "generator", "discriminator", "info_weight", "generator_optimizer"):
        assert getattr(infogan, same) == getattr(ours.method, same), same
    for same in ("discriminator", "contrastive", "info_weight", "cr_weight", "gap"):
        assert getattr(dense, same) == getattr(ours.method, same), same
    published = settings("dsprites")["infogan_cr"].method.generator
    half = {"dense": (64,), "base_channels": 32, "deconv": (32, 16, 16)}
    assert dense.generator == dataclasses.replace(published, **half)
    vae, other = arms["factor_vae-10"].method, arms["factor_vae-40"].method
    assert (vae.gamma, other.gamma) == (10.0, 40.0)
    assert dataclasses.replace(other, gamma=10.0) == vae
    decoder = settings("dsprites_baselines")["factor_vae-10"].method.decoder
    assert vae.decoder == dataclasses.replace(decoder, **half)
