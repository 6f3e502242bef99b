"""The contrastive regulariser on VAEs: its loss by hand, alpha 0, who helps whom, fresh starts."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from models.codes import joint_code as codes
from models.layers.frozen import Frozen
from pipeline.recipes import describe
from tests.models.test_vae_models import CONTRAST, IMAGES, RECIPES, names
from tests.models.training_steps import moved, train, values

VAES = [name for name, recipe in RECIPES.items() if recipe.has_posterior]


def build(name="beta_vae", seed=3, **changes):
    """A model with the contrastive regulariser, some of whose fields are changed."""
    contrast = dataclasses.replace(CONTRAST, **changes)
    return dataclasses.replace(RECIPES[name], contrast=contrast).build((8, 8, 1), 1, seed, 600)


def plain(name="beta_vae"):
    return dataclasses.replace(RECIPES[name], contrast=None).build((8, 8, 1), 1, 3, 600)


def known_judge(model):
    """Let H say the same of every pair: logits 0, log 2, log 3, log 4."""
    head = model.contrastive.network.layers[-1]
    head.kernel.assign(tf.zeros_like(head.kernel))
    head.bias.assign(np.log([1.0, 2.0, 3.0, 4.0]))


def test_the_loss_of_a_known_judge_by_hand():
    model = build(cr_weight=[(0, 3.0), (1, 5.0)])
    known_judge(model)
    pair = [tf.zeros((4, 8, 8, 1)), tf.ones((4, 8, 8, 1))]
    index = tf.constant([0, 1, 3, 3])
    expected = -np.log([0.1, 0.2, 0.4, 0.4]).mean()  # H gives the codes .1, .2, .3 and .4
    compare = Frozen(model.contrastive.network)
    received = model.contrastive.regularise(pair, index, compare)
    np.testing.assert_allclose(received, 3.0 * expected, rtol=1e-6)
    model.iteration.assign(1)
    received = model.contrastive.regularise(pair, index, compare)
    np.testing.assert_allclose(received, 5.0 * expected, rtol=1e-6)
    taught = model.contrastive.update(pair, index)
    np.testing.assert_allclose(taught["cr_loss"], expected, rtol=1e-6)
    np.testing.assert_allclose(taught["cr_accuracy"], 0.5)  # it names the last code


def test_the_decoder_goes_down_the_objective_and_alpha_times_the_loss():
    model = build(cr_weight=2.0)
    lowered = {}
    minimize = model.minimize
    model.minimize = lambda player, tape, loss: (
        lowered.update({player: float(loss)}),
        minimize(player, tape, loss),
    )
    images = model.unit_range(IMAGES)
    objective, _, _ = model.objective(images)
    first, second, index = model.contrastive.draw_pairs(images)
    pair = [model.decoder(latents) for latents in (first, second)]
    model.contrastive.update = lambda *given: {}  # H stays as it is
    weighted = model.contrastive.regularise(pair, index, Frozen(model.contrastive.network))
    model.update_autoencoder(images)
    np.testing.assert_allclose(lowered["autoencoder"], objective + weighted, rtol=1e-6)
    assert abs(float(weighted)) > 1.0


@pytest.mark.parametrize("name", ["beta_vae", "factor_vae", "chyvae"])
def test_at_weight_zero_it_is_the_plain_method_to_the_bit(name):
    regularised, other = build(name, cr_weight=[(0, 0.0), (2, 1.0)]), plain(name)
    initial = values(regularised)
    for _ in range(2):
        assert train(regularised, IMAGES, 1) == train(other, IMAGES, 1)
    assert [one.name for one in regularised.metrics] == [one.name for one in other.metrics]
    for key, value in values(other).items():
        np.testing.assert_array_equal(regularised.state[key], value, err_msg=key)
    for key in names(regularised, "contrastive"):
        np.testing.assert_array_equal(regularised.state[key], initial[key], err_msg=key)
    results = train(regularised, IMAGES, 1)
    assert {"cr_loss", "cr_accuracy"} <= set(results)


def test_the_decoder_helps_and_the_encoder_does_not():
    regularised, other = build(), plain()
    train(regularised, IMAGES, 1), train(other, IMAGES, 1)
    after = values(regularised)
    changed = {key for key, value in values(other).items() if (after[key] != value).any()}
    # Of Adam's first step only the sign of a gradient can be seen in a weight.
    momenta = {key for key in after if "_generator_" in key and key.endswith("_momentum")}
    assert len(momenta) == len(names(other, "decoder/"))
    assert momenta <= changed
    assert not changed & names(other, "posterior/")


def test_h_moves_its_own_variables_only():
    model = build()
    images = model.unit_range(IMAGES)
    first, second, index = model.contrastive.draw_pairs(images)
    pair = [model.decoder(latents, training=True) for latents in (first, second)]
    before = values(model)
    model.contrastive.update(pair, index)
    own = names(model, "contrastive")
    assert moved(before, model) == {key for key in own if "vector" not in key}
    before = values(model)
    model.update_autoencoder(images)
    others = names(model, "posterior/", "decoder/", "autoencoder_optimizer/")
    assert moved(before, model) == others | own


def test_h_starts_afresh_when_the_gap_changes():
    model = build(gap=[(0, 1.9), (2, 0.0)])
    assert model.recipe.milestones == (2,) and model.recipe.snapshots == {}
    train(model, IMAGES, 2)
    before = values(model)
    model.begin_segment(2)
    fresh = moved(before, model)
    assert (
        fresh <= names(model, "contrastive") and "contrastive/contrastive_dense_1/kernel" in fresh
    )
    before = values(model)
    model.begin_segment(2)
    assert not moved(before, model)
    assert plain().recipe.milestones == ()


@pytest.mark.parametrize("name", VAES)
def test_every_vae_takes_it(name):
    results = train(build(name), IMAGES, 2)
    assert set(results) >= {"cr_loss", "cr_accuracy", "reconstruction_loss"}
    assert np.isfinite(list(results.values())).all()


def test_compiled_iterations_through_the_change_of_phase():
    model = build(cr_weight=[(0, 0.0), (1, 3.0)])
    data = tf.data.Dataset.from_tensors(IMAGES)
    histories = []
    for iteration in range(2):
        model.begin_segment(iteration)
        histories.append(model.fit(data, verbose=0).history)
    assert set(histories[1]) - set(histories[0]) == {"cr_loss", "cr_accuracy"}
    assert np.isfinite([history[-1] for history in histories[1].values()]).all()


def test_without_it_descriptions_are_what_they_were():
    assert "contrast" not in describe(RECIPES["beta_vae"])
    assert describe(RECIPES["factor_vae_cr"])["contrast"]["type"] == "ContrastiveRegulariser"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"contrast": "yes"}, "contrast: Expected an instance"),
        ({"contrast": CONTRAST, "codes": codes.JointCode((codes.GaussianCodes(1),))}, "two"),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(RECIPES["beta_vae"], **changes)
