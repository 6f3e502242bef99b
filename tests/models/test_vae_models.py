"""Baselines in training: who moves what, which draws, exact resumption, exports."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.codes import joint_code as codes
from models.contrastive_regulariser import ContrastiveRegulariser
from models.gans.ib_gan import IBGAN
from models.losses import variational as vae_objectives
from models.networks.convolutional import ContrastiveNetwork, ConvEncoder
from models.networks.deconvolutional import DeconvGenerator
from models.networks.dense import DenseNetwork
from models.optimizers import recipes as optimizers
from models.vaes.annealed_vae import AnnealedVAE
from models.vaes.beta_tcvae import BetaTCVAE
from models.vaes.chyvae import CHyVAE, covariances
from models.vaes.dip_vae import DIPVAE
from models.vaes.factor_vae import FactorVAE
from models.vaes.hfvae import HFVAE
from models.vaes.vae import VAE
from tests.models import training_steps
from tests.models.training_steps import moved, train, values

IMAGES = np.random.default_rng(0).integers(0, 2, (6, 8, 8, 1), dtype=np.uint8)
ADAM = optimizers.Adam(1e-2, 0.9)
ENCODER = ConvEncoder(conv=(4, 6), dense=(8,), activates_dense=False)
DECODER = DeconvGenerator(
    dense=(8,),
    base_channels=6,
    deconv=(5,),
    dense_activation="relu",
    deconv_activation="relu",
    batch_norm=False,
    initial_std=None,
)
PERCEPTRON = DenseNetwork(dense=(8, 8), negative_slope=0.2)
CODES = codes.JointCode((codes.GaussianCodes(4),))
CONTRAST = ContrastiveRegulariser(
    contrastive=ContrastiveNetwork(conv=(4, 6), dense=(8,), norm="spectral", negative_slope=0.2),
    cr_optimizer=ADAM,
    cr_weight=3.0,
    gap=[(0, 1.9), (2, 0.0)],
)
AUTOENCODER = {"codes": CODES, "encoder": ENCODER, "decoder": DECODER, "optimizer": ADAM}
RECIPES = {
    recipe.name: recipe
    for recipe in (
        VAE(**AUTOENCODER, beta=4.0),
        AnnealedVAE(**AUTOENCODER, gamma=10.0, max_capacity=6.0, capacity_iterations=3),
        FactorVAE(
            **AUTOENCODER, gamma=10.0, discriminator=PERCEPTRON, discriminator_optimizer=ADAM
        ),
        FactorVAE(
            **AUTOENCODER,
            gamma=10.0,
            discriminator=PERCEPTRON,
            discriminator_optimizer=ADAM,
            contrast=CONTRAST,
            name="factor_vae_cr",
        ),
        BetaTCVAE(**AUTOENCODER, beta=4.0, estimator="weighted"),
        BetaTCVAE(**AUTOENCODER, beta=4.0, estimator="stratified", name="beta_tcvae_stratified"),
        DIPVAE(**AUTOENCODER, variant="i", off_diagonal_weight=10.0, diagonal_weight=100.0),
        DIPVAE(
            **AUTOENCODER,
            variant="ii",
            off_diagonal_weight=10.0,
            diagonal_weight=10.0,
            name="dip_vae_ii",
        ),
        HFVAE(
            **AUTOENCODER,
            group_sizes=(2, 2),
            mutual_information_weight=1.0,
            between_group_weight=4.0,
            within_group_weight=2.0,
            dimension_kl_weight=1.0,
        ),
        CHyVAE(**AUTOENCODER, degrees_of_freedom=20.0),
        IBGAN(
            codes=CODES,
            source_dim=5,
            representation=PERCEPTRON,
            generator=DECODER,
            reconstructor=ENCODER,
            discriminator=dataclasses.replace(ENCODER, negative_slope=0.2),
            generator_optimizer=optimizers.RMSprop(1e-2),
            discriminator_optimizer=optimizers.RMSprop(1e-2),
            gamma=1.0,
            alpha=1.0,
            beta=0.1,
            noise_std=0.5,
            noise_iterations=4,
        ),
    )
}
EVERY = pytest.mark.parametrize("name", RECIPES)


def names(model, *prefixes):
    return training_steps.names(model, *prefixes, without=("learning_rate",))


def build(name, seed=3, **changes):
    return dataclasses.replace(RECIPES[name], **changes).build((8, 8, 1), 1, seed, 600)


def objective(model, posterior, latents):
    return float(model.regularise(posterior, latents)[0])


def gaussian_posterior():
    rng = np.random.default_rng(1)
    mean, log_variance, noise = rng.standard_normal((3, 6, 4)).astype(np.float32)
    return (tf.constant(mean), tf.constant(log_variance)), tf.constant(mean + noise)


@EVERY
def test_an_iteration_moves_everything_and_reports_finite_losses(name):
    model = build(name)
    before = values(model)
    results = train(model, IMAGES, 1)
    fixed = {key for key in before if "learning_rate" in key}
    assert moved(before, model) == set(before) - fixed
    assert np.isfinite(list(results.values())).all()
    assert {metric.name for metric in model.metrics} == set(results)
    if RECIPES[name].has_posterior:
        columns = ["reconstruction_loss", *RECIPES[name].regulariser_names]
        adversary = ["discriminator_loss"] if name.startswith("factor_vae") else []
        contrast = ["cr_loss", "cr_accuracy"] if RECIPES[name].contrast else []
        assert [metric.name for metric in model.metrics] == columns + adversary + contrast


@EVERY
def test_mixed_precision_trains_and_keeps_variables_losses_and_exports_whole(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(name)
        results = train(model, IMAGES, 3)
        exports = model.exports()
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(list(results.values())).all()
    assert model.generator.layers[1].compute_dtype == "bfloat16"
    assert {one.dtype for one in model.state.values()} <= {"float32", "int32", "int64"}
    for network in exports.values():
        layers = [one for one in network._flatten_layers() if not isinstance(one, keras.Model)]
        assert {layer.compute_dtype for layer in layers if layer.weights} == {"float32"}
        assert {one.dtype for one in network.outputs} == {"float32"}
        types = {type(layer).__module__ for layer in layers}
        assert all(module.startswith("keras") for module in types), types


@EVERY
def test_resumed_training_is_the_same_to_the_bit(name):
    straight, resumed = build(name), build(name)
    train(straight, IMAGES, 1)
    resumed.load_state(values(straight))
    train(straight, IMAGES, 1)
    train(resumed, IMAGES, 1)
    assert not moved(values(straight), resumed)


@EVERY
def test_weights_and_draws_are_functions_of_the_seed(name):
    one, same, other = build(name), build(name), build(name, seed=4)
    assert not moved(values(one), same)
    assert len(moved(values(one), other)) >= 8
    assert not np.array_equal(one.stream_seed("posterior"), other.stream_seed("posterior"))


@EVERY
def test_exports_load_with_keras_alone(name, tmp_path):
    model = build(name)
    train(model, IMAGES, 1)
    latents = CODES.draw(np.random.default_rng(0), 5)
    images = IMAGES.astype(np.float32)
    for kind, network in model.exports().items():
        network.save(tmp_path / f"{kind}.keras")
    load = keras.saving.load_model
    made = load(tmp_path / "generator.keras", safe_mode=True)(latents, training=False).numpy()
    assert made.shape == (5, 8, 8, 1) and made.min() >= 0.0 and made.max() <= 1.0
    np.testing.assert_allclose(made, model(latents), rtol=1e-5)
    means = load(tmp_path / "encoder.keras", safe_mode=True)(images, training=False).numpy()
    assert means.shape == (6, 4)
    np.testing.assert_allclose(means, model.encoder(images, training=False), rtol=1e-4, atol=1e-6)
    kind = RECIPES[name].posterior_network
    assert sorted(model.exports()) == sorted(filter(None, ("encoder", "generator", kind)))
    if kind is None:
        return
    posterior = load(tmp_path / f"{kind}.keras", safe_mode=True)(images, training=False)
    np.testing.assert_allclose(posterior[:, :4], means, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        posterior[:, 4:], model.posterior(images, training=False)[1], rtol=1e-4, atol=1e-6
    )


def test_the_decoder_learns_to_reconstruct():
    model = build("beta_vae", beta=0.0)
    step = tf.function(model.train_step)
    before = float(step(IMAGES)["reconstruction_loss"])
    for _ in range(60):
        step(IMAGES)
    model.reset_metrics()
    assert float(step(IMAGES)["reconstruction_loss"]) < 0.8 * before


def test_logits_and_generator_share_their_weights():
    model = build("beta_vae")
    latents = CODES.draw(np.random.default_rng(0), 5)
    logits = model.decoder_logits(latents, training=False)
    np.testing.assert_allclose(tf.sigmoid(logits), model(latents), rtol=1e-5)


def test_each_player_of_factor_vae_moves_its_own_variables_only():
    model = build("factor_vae")
    first, second = model.split(model.unit_range(IMAGES))
    assert first.shape[0] == second.shape[0] == 3
    before = values(model)
    _, latents = model.update_autoencoder(first)
    own = names(model, "posterior/", "decoder/", "autoencoder_optimizer/")
    assert moved(before, model) == own

    before = values(model)
    others = model.draw(model.posterior(second, training=True), "second_posterior")
    model.update_adversary(latents, others)
    assert moved(before, model) == names(model, "discriminator/", "discriminator_optimizer/")


def test_the_discriminator_loss_of_factor_vae_reaches_no_encoder_variable():
    model = build("factor_vae")
    first, second = model.split(model.unit_range(IMAGES))
    with tf.GradientTape() as tape:
        latents, others = (
            model.draw(model.posterior(images, training=True), stream)
            for images, stream in ((first, "posterior"), (second, "second_posterior"))
        )
        loss = model.update_adversary(latents, others)["discriminator_loss"]
    gradients = tape.gradient(loss, model.players["autoencoder"])
    assert all(gradient is None for gradient in gradients)


def test_factor_vae_permutes_latents_of_the_second_half_only():
    model = build("factor_vae")
    seen = []
    judge = model.update_adversary
    model.update_adversary = lambda *latents: seen.append(latents) or judge(*latents)
    model.train_step(IMAGES)
    changed = IMAGES.copy()
    changed[3:] = 1 - changed[3:]
    other = build("factor_vae")
    judge_other = other.update_adversary
    other.update_adversary = lambda *latents: seen.append(latents) or judge_other(*latents)
    other.train_step(changed)
    np.testing.assert_array_equal(seen[0][0], seen[1][0])
    assert not np.array_equal(seen[0][1], seen[1][1])
    with pytest.raises(ValueError, match="even"):
        model.train_step(IMAGES[:5])


def test_each_player_of_ib_gan_moves_its_own_variables_only():
    model = build("ib_gan")
    source = model.normal((6, 5), "source")
    before = values(model)
    tape, fakes, kl = model.generate(source)
    assert not moved(before, model)
    model.update_discriminator(model.unit_range(IMAGES), fakes)
    assert moved(before, model) == names(model, "discriminator/", "discriminator_optimizer/")

    before = values(model)
    model.update_generator(tape, fakes, kl, source)
    makers = ("generator/", "representation/", "reconstructor/", "generator_optimizer/")
    assert moved(before, model) == names(model, *makers)


def test_instance_noise_and_capacity_change_evenly():
    model = build("ib_gan")
    stds = []
    for _ in range(6):
        stds.append(float(model.noise_std()))
        train(model, IMAGES, 1)
    np.testing.assert_allclose(stds, [0.5, 0.375, 0.25, 0.125, 0.0, 0.0])
    model = build("annealed_vae")
    capacities = []
    for _ in range(5):
        capacities.append(float(model.recipe.capacity(model.iteration.value)))
        train(model, IMAGES, 1)
    np.testing.assert_allclose(capacities, [0.0, 2.0, 4.0, 6.0, 6.0])


def test_ib_gan_encodes_by_reconstructor_and_bottleneck():
    model = build("ib_gan")
    images = IMAGES.astype(np.float32)
    mean, _ = model.representation(model.reconstructor(images, training=False), training=False)
    np.testing.assert_allclose(model.encoder(images, training=False), mean, rtol=1e-5, atol=1e-6)


def test_draws_differ_between_iterations_and_streams():
    model = build("beta_vae")
    first = model.normal((3, 4), "posterior").numpy()
    assert not np.array_equal(first, model.normal((3, 4), "second_posterior"))
    train(model, IMAGES, 1)
    assert not np.array_equal(first, model.normal((3, 4), "posterior"))


def test_regularisers_by_hand():
    posterior, latents = gaussian_posterior()
    kl = float(vae_objectives.kl_to_prior(*posterior))
    np.testing.assert_allclose(objective(build("beta_vae"), posterior, latents), 4.0 * kl)
    annealed = build("annealed_vae")
    np.testing.assert_allclose(objective(annealed, posterior, latents), 10.0 * kl, rtol=1e-6)
    train(annealed, IMAGES, 2)
    expected = 10.0 * abs(kl - 4.0)
    np.testing.assert_allclose(objective(annealed, posterior, latents), expected, rtol=1e-5)
    factor = build("factor_vae")
    logits = factor.adversary(latents, training=True)
    expected = kl + 10.0 * float(tf.reduce_mean(logits[:, 0] - logits[:, 1]))
    np.testing.assert_allclose(objective(factor, posterior, latents), expected, rtol=1e-5)


@pytest.mark.parametrize("variant", ["i", "ii"])
def test_dip_vae_by_hand(variant):
    posterior, latents = gaussian_posterior()
    matrix = np.cov(posterior[0].numpy().T, bias=True)
    if variant == "ii":
        matrix += np.diag(np.exp(posterior[1]).mean(axis=0))
    expected = float(vae_objectives.kl_to_prior(*posterior))
    expected += 3.0 * (matrix**2).sum() - 3.0 * (np.diag(matrix) ** 2).sum()
    expected += 5.0 * ((np.diag(matrix) - 1.0) ** 2).sum()
    model = build("dip_vae", variant=variant, off_diagonal_weight=3.0, diagonal_weight=5.0)
    np.testing.assert_allclose(objective(model, posterior, latents), expected, rtol=1e-5)


def test_with_weights_of_1_the_regulariser_is_the_kl_in_every_decomposition():
    posterior, latents = gaussian_posterior()
    ones = {f"{part}_weight": 1.0 for part in RECIPES["hfvae"].weights}
    found = [
        objective(build("beta_tcvae", beta=1.0), posterior, latents),
        objective(build("beta_tcvae_stratified", beta=1.0), posterior, latents),
        objective(build("hfvae", **ones), posterior, latents),
    ]
    own = vae_objectives.gaussian_log_density(latents, *posterior)
    prior = vae_objectives.gaussian_log_density(latents, 0.0, 0.0)
    expected = float(tf.reduce_mean(tf.reduce_sum(own - prior, axis=1)))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_weights_of_the_parts():
    posterior, latents = gaussian_posterior()
    for name, part, base in (
        ("beta_tcvae", "total_correlation", {"beta": 2.0}),
        ("hfvae", "between_group", {"between_group_weight": 2.0}),
        ("hfvae", "within_group", {"within_group_weight": 2.0}),
        ("hfvae", "mutual_information", {"mutual_information_weight": 2.0}),
    ):
        model = build(name, **base)
        more = build(name, **{key: 5.0 for key in base})
        value = float(model.regularise(posterior, latents)[1][part])
        difference = objective(more, posterior, latents) - objective(model, posterior, latents)
        np.testing.assert_allclose(difference, 3.0 * value, rtol=1e-4, atol=1e-4)


def test_full_covariances():
    entries = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
    for row, matrix in zip(entries, covariances(tf.constant(entries), 3).numpy(), strict=True):
        lower = np.array([[row[0], 0, 0], [row[1], row[2], 0], row[3:]])
        np.testing.assert_allclose(matrix, lower @ lower.T + 1e-4 * np.eye(3), rtol=1e-4, atol=1e-6)
    model = build("chyvae")
    mean, triangle = tf.ones((20_000, 4)), tf.tile([[1.0, 2, 1, 0, 1, 1, 3, 0, 0, 1]], (20_000, 1))
    drawn = np.cov(model.draw((mean, triangle), "posterior").numpy().T)
    np.testing.assert_allclose(drawn, covariances(triangle[:1], 4)[0], atol=0.25)


@EVERY
def test_only_methods_with_a_posterior_give_the_kl_of_codes(name):
    model = build(name)
    assert (model.kl_of_codes is not None) == RECIPES[name].has_posterior == (name != "ib_gan")
    if model.kl_of_codes is None:
        return
    kl = model.kl_of_codes(IMAGES.astype(np.float32)).numpy()
    assert kl.shape == (6, 4) and (kl >= 0).all()
    if name != "chyvae":
        posterior = model.posterior(IMAGES.astype(np.float32), training=False)
        expected = float(vae_objectives.kl_to_prior(*posterior))
        np.testing.assert_allclose(kl.sum(axis=1).mean(), expected, rtol=1e-5)


def test_kl_of_codes_by_hand():
    model = build("chyvae")
    # Of L = [[2, 0], [1, 3]] the variances are 4 and 10, and the jitter.
    model.posterior = lambda images, training: (
        tf.constant([[1.0, 0.0]]),
        tf.constant([[2.0, 1.0, 3.0]]),
    )
    expected = 0.5 * (np.array([1.0, 0.0]) + [4, 10] - np.log([4.0, 10.0]) - 1.0)
    np.testing.assert_allclose(model.kl_of_codes(None)[0], expected, rtol=1e-3)
