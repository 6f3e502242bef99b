"""Training: who moves what, alpha 0, restarts of H, exact resumption, export."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import schedules
from models.codes import joint_code as codes
from models.gans.infogan import InfoGAN
from models.gans.infogan_cr import InfoGANCR
from models.layers.frozen import Frozen
from models.networks.convolutional import ContrastiveNetwork, ConvDiscriminator
from models.networks.deconvolutional import DeconvGenerator
from models.optimizers import recipes as optimizers
from models.trained_model import check_partition
from tests.models.training_steps import moved, names, train, values

CODES = codes.JointCode((codes.UniformCodes(3), codes.UniformNoise(2)))
TRUNK = {"conv": (4, 6), "dense": (8,), "negative_slope": 0.2}
IMAGES = np.random.default_rng(0).integers(0, 2, (6, 8, 8, 1), dtype=np.uint8)


def recipe(cr_weight=1.0, gap=0.5, norm="spectral", method=InfoGANCR, **changes):
    adam = optimizers.Adam(1e-2, 0.5)
    order = {"order": "activation_norm"}
    arguments = {
        "codes": CODES,
        "generator": DeconvGenerator(
            dense=(8,),
            base_channels=6,
            deconv=(5,),
            dense_activation="relu",
            deconv_activation="leaky_relu",
            batch_norm=True,
            negative_slope=0.2,
            **order,
        ),
        "discriminator": ConvDiscriminator(**TRUNK, **order, q_dense=(8,), norm=norm),
        "generator_optimizer": adam,
        "discriminator_optimizer": adam,
        "info_weight": [(0, 0.1), (2, 0.3)],
        "generator_steps": 2,
    }
    if method is InfoGANCR:
        contrastive = ContrastiveNetwork(**TRUNK, **order, norm=norm)
        arguments |= {
            "contrastive": contrastive,
            "cr_optimizer": adam,
            "cr_weight": cr_weight,
            "gap": gap,
        }
    return method(**{**arguments, **changes})


def build(seed=3, **changes):
    return recipe(**changes).build((8, 8, 1), 1, seed)


@pytest.mark.parametrize("norm", ["spectral", "batch"])
def test_each_player_moves_its_own_variables_only(norm):
    model = build(norm=norm)
    constant = ("learning_rate", "vector")
    latents = CODES.sample(6, tf.constant([1, 2]))
    first, second, index = CODES.pair(6, 0.5, tf.constant([1, 2]))
    before = values(model)
    tape, fakes, *pair = model.generate(latents, first, second)
    statistics = {name for name in names(model, "generator/") if "moving" in name}
    assert moved(before, model) == statistics

    before = values(model)
    model.contrastive.update(pair, index)
    assert moved(before, model) == names(model, "contrastive", without=constant)

    before = values(model)
    model.update_discriminator(model.unit_range(IMAGES), fakes, latents)
    assert moved(before, model) == names(model, "discriminator", without=constant)

    before = values(model)
    judges = Frozen(model.discriminator), Frozen(model.contrastive.network)
    model.update_regularised_generator(tape, fakes, latents, pair, index, judges)
    assert moved(before, model) == names(model, "generator", without=(*constant, "moving"))


def test_an_iteration_advances_spectral_vectors_once_and_everything_else():
    model = build()
    vectors = {}
    for layer in (*model.discriminator.layers, *model.contrastive.network.layers):
        if hasattr(layer, "advance"):
            vectors[layer] = layer.vector.numpy()
    before = values(model)
    train(model, IMAGES, 1)
    fixed = {name for name in before if "learning_rate" in name}
    # The head of one unit has a vector of length 1, always a sign.
    ones = {name for name in before if "real_logit/vector" in name}
    assert moved(before, model) | ones == set(before) - fixed
    assert len(vectors) == 9
    for layer, old in vectors.items():
        matrix = layer.kernel.numpy().reshape(-1, layer.units)
        new = matrix.T @ (matrix @ old)
        np.testing.assert_allclose(layer.vector, new / np.linalg.norm(new), rtol=1e-4, atol=1e-6)


def test_first_losses_by_hand():
    model = build(info_weight=0.0)
    results = train(model, IMAGES, 1)
    assert set(results) == {
        "generator_loss",
        "discriminator_loss",
        "info_loss",
        "cr_loss",
        "cr_accuracy",
    }
    assert [metric.name for metric in model.metrics] == list(model.loss_names)
    assert 0.0 <= results["cr_accuracy"] <= 1.0
    np.testing.assert_allclose(results["cr_loss"], np.log(3.0), atol=0.1)  # a guess among three


def test_while_alpha_is_zero_it_is_infogan_to_the_bit():
    plain = build(method=InfoGAN)
    regularised = build(cr_weight=[(0, 0.0), (3, 1.0)])
    assert regularised.recipe.snapshots == {3: ("before_cr", "infogan_modified")}
    initial = values(regularised)
    for _ in range(3):
        assert train(plain, IMAGES, 1) == train(regularised, IMAGES, 1)
    assert [metric.name for metric in regularised.metrics] == list(plain.loss_names)
    state = values(regularised)
    for name, value in values(plain).items():
        np.testing.assert_array_equal(state[name], value, err_msg=name)
    for name in names(regularised, "contrastive"):
        np.testing.assert_array_equal(state[name], initial[name], err_msg=name)
    assert "cr_loss" in train(regularised, IMAGES, 1)


def test_h_and_its_optimizer_start_afresh_at_milestones():
    model = build(gap=[(0, 1.0), (2, 0.0)])
    initial = values(model)
    train(model, IMAGES, 2)
    before = values(model)
    model.begin_segment(2)
    assert moved(before, model) == names(
        model, "contrastive", without=("learning_rate", "contrastive_optimizer/1_")
    )
    restarted = values(model)
    for name in names(model, "contrastive_optimizer"):
        if "learning_rate" not in name:
            np.testing.assert_array_equal(restarted[name], 0.0)
        else:
            np.testing.assert_allclose(restarted[name], 1e-2)
    kernel = "contrastive/contrastive_dense_1/kernel"
    assert not np.array_equal(restarted[kernel], initial[kernel])
    model.begin_segment(2)  # again, as after an interruption
    assert moved(restarted, model) == set()
    train(model, IMAGES, 1)
    middle = values(model)
    model.begin_segment(3)
    assert moved(middle, model) == set()


def test_host_and_model_must_agree_on_the_iteration():
    with pytest.raises(ValueError, match="iteration: Expected .* done, 0. Received: iteration=5"):
        build().begin_segment(5)


def test_resumed_training_equals_uninterrupted_training_to_the_bit():
    schedule = {"cr_weight": [(0, 0.0), (2, 1.0)], "gap": [(0, 1.0), (4, 0.0)]}
    whole = build(**schedule)
    train(whole, IMAGES, 3)
    saved = values(whole)
    train(whole, IMAGES, 3)
    resumed = build(seed=3, **schedule)
    train(resumed, IMAGES, 1)  # whatever it did before, the state decides
    resumed.load_state(saved)
    train(resumed, IMAGES, 3)
    expected, received = values(whole), values(resumed)
    assert list(expected) == list(received)
    for name, value in expected.items():
        np.testing.assert_array_equal(received[name], value, err_msg=name)


def test_load_state_refuses_what_does_not_fit():
    model = build(method=InfoGAN)
    saved = values(model)
    with pytest.raises(ValueError, match="iteration"):
        model.load_state({name: saved[name] for name in saved if name != "iteration"})
    name = "generator/generator_dense_1/kernel"
    with pytest.raises(ValueError, match=f"^{name}: Expected the shape"):
        model.load_state({**saved, name: saved[name].T})


def test_compiled_iterations_through_fit_and_the_change_of_phase():
    model = build(cr_weight=[(0, 0.0), (2, 1.0)])
    data = tf.data.Dataset.from_tensors(IMAGES).repeat()
    model.begin_segment(0)
    history = model.fit(data, steps_per_epoch=2, verbose=0).history
    assert set(history) == {"generator_loss", "discriminator_loss", "info_loss"}
    first_function = model.train_function
    model.begin_segment(2)
    history = model.fit(data, steps_per_epoch=2, verbose=0).history
    assert set(history) == set(model.loss_names)
    assert model.train_function is not first_function
    assert int(model.iteration.numpy()) == 4
    eager = build(cr_weight=[(0, 0.0), (2, 1.0)])
    train(eager, IMAGES, 4)
    for name, value in values(eager).items():
        np.testing.assert_allclose(model.state[name].numpy(), value, atol=2e-3, err_msg=name)


def test_fresh_codes_give_g_codes_of_its_own():
    shared = train(build(method=InfoGAN), IMAGES, 1)
    fresh = train(build(method=InfoGAN, fresh_codes=True, generator_steps=1), IMAGES, 1)
    assert shared["discriminator_loss"] == fresh["discriminator_loss"]
    assert shared["generator_loss"] != fresh["generator_loss"]


def test_discrete_codes_may_have_an_information_weight_of_their_own():
    mixed = codes.JointCode((codes.CategoricalCode(3), codes.UniformCodes(2)))
    same = {"codes": mixed, "method": InfoGAN}
    model = build(**same, info_weight=0.5, discrete_info_weight=2.0)
    latents, outputs = (
        mixed.sample(6, tf.constant([1, 2])),
        tf.random.stateless_normal((6, 5), (3, 4)),
    )
    parts = [mixed.negative_log_likelihood(latents, outputs, parts=(number,)) for number in (1, 0)]
    info, weighted = model.information(latents, outputs)
    np.testing.assert_allclose(info, sum(parts), rtol=1e-6)
    np.testing.assert_allclose(weighted, 0.5 * parts[0] + 2.0 * parts[1], rtol=1e-6)
    results = train(model, IMAGES, 1), train(build(**same, info_weight=0.5), IMAGES, 1)
    assert results[0]["discriminator_loss"] == results[1]["discriminator_loss"]


def test_schedules_inside_a_graph_change_at_the_iteration_named():
    schedule = schedules.as_schedule([(0, 0.0), (10, 2.0), (20, 0.5)])
    at = tf.function(schedule.tensor_at)
    for iteration in (0, 9, 10, 19, 20, 2**33):
        value = at(tf.constant(iteration, tf.int64))
        assert value.dtype == tf.float32
        assert float(value) == schedule.at(iteration)


def test_streams_differ_between_names_iterations_and_seeds():
    model = build(method=InfoGAN)
    seeds = {tuple(model.stream_seed(name).numpy()) for name in ("codes", "pairs")}
    model.iteration.assign(1)
    seeds.add(tuple(model.stream_seed("codes").numpy()))
    seeds.add(tuple(build(method=InfoGAN, seed=4).stream_seed("codes").numpy()))
    assert len(seeds) == 4


def test_images_are_scaled_by_their_full_intensity():
    model = recipe().build((8, 8, 1), 255, 0)
    np.testing.assert_allclose(model.unit_range(np.full((1, 8, 8, 1), 51, np.uint8)), 0.2)
    assert model.unit_range((IMAGES,)).dtype == tf.float32


def test_exports_load_with_keras_alone(tmp_path):
    mixed = codes.JointCode((codes.CategoricalCode(2), codes.UniformCodes(2, learned_std=True)))
    inputs = {
        "generator": mixed.draw(np.random.default_rng(0), 3),
        "encoder": IMAGES.astype(np.float32),
    }
    arrays = {}
    for norm in ("spectral", "batch"):
        model = build(norm=norm, codes=mixed)
        train(model, IMAGES, 1)
        assert model.encoder.output_shape == (None, mixed.code_dim)
        for name, network in model.exports().items():
            network.save(tmp_path / f"{norm}_{name}.keras")
            arrays[f"{norm}_{name}_inputs"] = inputs[name]
            outputs = getattr(model, name)(inputs[name], training=False)
            arrays[f"{norm}_{name}_outputs"] = outputs.numpy()
    np.savez(tmp_path / "arrays.npz", **arrays)
    program = """
import keras, numpy
arrays = numpy.load("arrays.npz")
for name in ("spectral_generator", "spectral_encoder", "batch_generator", "batch_encoder"):
    network = keras.models.load_model(name + ".keras", safe_mode=True)
    outputs = network(arrays[name + "_inputs"], training=False)
    numpy.testing.assert_allclose(outputs, arrays[name + "_outputs"], rtol=1e-5, atol=1e-6)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr


def test_living_networks_load_with_the_layers_module(tmp_path):
    model = build()
    train(model, IMAGES, 1)
    model.encoder.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras", safe_mode=True)
    images = IMAGES.astype(np.float32)
    expected = model.encoder(images, training=False)
    np.testing.assert_array_equal(loaded(images, training=False), expected)


def test_players_must_share_out_all_variables():
    model = build(method=InfoGAN)
    networks, players = model.networks, model.players
    check_partition(players, networks)
    generator = list(players["generator"])
    with pytest.raises(ValueError, match="exactly one player to train generator_dense_1/kernel"):
        check_partition({**players, "generator": generator[1:]}, networks)
    with pytest.raises(ValueError, match="exactly one player"):
        check_partition({**players, "second": generator[:1]}, networks)
    with pytest.raises(ValueError, match="only"):
        check_partition({**players, "other": [keras.Variable(1.0)]}, networks)


def test_norms_of_gradients_are_means_over_a_players_updates(monkeypatch):
    watched, plain = build(), build()
    watched.watch_gradients()
    given = {player: [] for player in watched.players}
    for player, optimizer in watched.player_optimizers.items():
        apply = optimizer.apply

        def keep(gradients, variables, player=player, apply=apply):
            total = sum(float((one.numpy().astype(np.float64) ** 2).sum()) for one in gradients)
            given[player].append(total**0.5)
            apply(gradients, variables)

        monkeypatch.setattr(optimizer, "apply", keep)
    train(watched, IMAGES, 2)
    train(plain, IMAGES, 2)
    assert {player: len(norms) for player, norms in given.items()} == {
        "generator": 4, "discriminator": 2, "contrastive": 2
    }  # fmt: skip
    for player, norms in given.items():
        mean = float(watched.gradient_norms[player].result())
        assert mean == pytest.approx(np.mean(norms), rel=1e-5)
    assert not moved(values(plain), watched) and plain.gradient_norms == {}
