"""Codes that Q reads off what it is shown: what is read where, how it trains, the encoder."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.codes import joint_code as codes
from models.gans.infogan import InfoGAN
from models.layers.augmentation import Augmentation
from models.layers.frozen import Frozen
from models.layers.normalisation import ImageNormalisation
from models.layers.plain import fast_copy, plain_copy
from models.layers.reading import Reading
from models.networks.class_networks import feature_network
from pipeline.recipes import describe
from tests.models.gans.test_tc_infogan import CODES, IMAGES, PAIR, recipe
from tests.models.training_steps import train, values

VIEW = ImageNormalisation(spread=0.2)
WHOLE = Augmentation(crop_area=(1.0, 1.0), crop_aspect=(1.0, 1.0))
SLANTED = Augmentation(crop_area=None, slant=0.4)
TURNED = Augmentation(crop_area=None, turn=0.5)
CLASS = ("categorical_1",)


def build(*readings, **changes):
    return recipe(method=InfoGAN, readings=readings, **changes).build((8, 8, 1), 1, 3)


def test_outputs_of_named_codes():
    assert CODES.outputs_of(CLASS).tolist() == [False, False, True, True, True]
    assert CODES.outputs_of(("uniform_2",)).tolist() == [False, True, False, False, False]
    learned = codes.JointCode((codes.UniformCodes(3, learned_std=True), codes.UniformNoise(1)))
    expected = [False, True, True, False, True, True]  # three means, three log std
    assert learned.outputs_of(("uniform_3", "uniform_2")).tolist() == expected


def test_a_reading_may_have_an_information_weight_of_its_own():
    several = codes.JointCode(
        (codes.CategoricalCode(3), codes.UniformCodes(1), codes.UniformCodes(2))
    )
    assert several.names_of_parts == (CLASS, ("uniform_1",), ("uniform_2", "uniform_3"))
    own = Reading(codes=("uniform_1",), view=VIEW, info_weight=[(0, 3.0), (5, 1.0)])
    weights = {"info_weight": 0.5, "discrete_info_weight": 2.0}
    model = build(own, codes=several, **weights)
    latents = several.sample(6, tf.constant([1, 2]))
    outputs = tf.random.stateless_normal((6, 6), (3, 4))
    parts = [several.negative_log_likelihood(latents, outputs, (part,)) for part in range(3)]
    info, weighted = model.information(latents, outputs)
    np.testing.assert_allclose(info, sum(parts), rtol=1e-6)
    np.testing.assert_allclose(weighted, np.dot([2.0, 3.0, 0.5], parts), rtol=1e-6)
    split = Reading(codes=("uniform_2",), view=VIEW, info_weight=1.0)
    with pytest.raises(ValueError, match="reading.codes: Expected the codes of whole parts"):
        build(split, codes=several)


def test_each_code_is_read_off_what_its_reading_shows():
    class_reading = Reading(codes=CLASS, view=VIEW, changes=TURNED)
    other = Reading(codes=("uniform_2",), changes=SLANTED)
    model = build(class_reading, other)
    network = Frozen(model.discriminator)
    fakes = tf.random.stateless_uniform((6, 8, 8, 1), (1, 2))
    _, plain = network(fakes)
    _, of_class = network(TURNED.apply(VIEW.apply(fakes), model.stream_seed("reading_0")))
    _, of_other = network(SLANTED.apply(fakes, model.stream_seed("reading_1")))
    read = model.read_codes(fakes, plain, network)
    np.testing.assert_array_equal(read[:, 0], plain[:, 0])
    np.testing.assert_array_equal(read[:, 1], of_other[:, 1])
    np.testing.assert_array_equal(read[:, 2:], of_class[:, 2:])
    assert np.abs(of_other - plain)[:, 1].max() > 1e-4
    assert np.abs(of_class - plain)[:, 2:].max() > 1e-4


def test_changes_that_change_nothing_train_as_none_do():
    plain = build()
    unchanged, other = (build(Reading(codes=CLASS, changes=one)) for one in (WHOLE, SLANTED))
    for model in (plain, unchanged, other):
        train(model, IMAGES, 2)
    expected, same, different = values(plain), values(unchanged), values(other)
    kernels = [name for name in expected if name.endswith("kernel")]
    assert len(kernels) > 5
    for name in kernels:
        np.testing.assert_allclose(same[name], expected[name], atol=1e-4, err_msg=name)
    assert max(np.abs(different[name] - expected[name]).max() for name in kernels) > 1e-2


def test_a_view_changes_what_is_learned_and_no_variable():
    plain, other = build(), build(Reading(codes=("uniform_1",), view=VIEW))
    for model in (plain, other):
        train(model, IMAGES, 1)
    expected, different = values(plain), values(other)
    assert expected.keys() == different.keys()
    assert max(np.abs(different[name] - expected[name]).max() for name in expected) > 1e-4


def test_batch_norm_keeps_the_passes_apart():
    plain = train(build(norm="batch"), IMAGES, 1)
    changed = train(build(Reading(codes=CLASS, changes=SLANTED), norm="batch"), IMAGES, 1)
    assert changed["discriminator_loss"] == plain["discriminator_loss"]
    assert changed["info_loss"] != plain["info_loss"]


def test_the_encoder_reads_codes_where_training_does(tmp_path):
    wide = ImageNormalisation(spread=0.3)
    model = build(
        Reading(codes=("uniform_2",), view=wide), Reading(codes=CLASS, view=VIEW, changes=TURNED)
    )
    train(model, IMAGES, 2)
    images = IMAGES[:6].astype(np.float32) / 255
    code = model.encoder(images, training=False).numpy()

    def shown(view):
        given = images if view is None else view.apply(tf.constant(images))
        return CODES.posterior_mean(model.discriminator(given, training=False)[1]).numpy()

    for view, columns in ((None, slice(0, 1)), (wide, slice(1, 2)), (VIEW, slice(2, 5))):
        np.testing.assert_allclose(code[:, columns], shown(view)[:, columns], atol=1e-6)
    assert np.abs(code - shown(None))[:, 1].max() > 1e-5
    assert np.abs(code - shown(None))[:, 2:].max() > 1e-5

    plain_copy(model.encoder).save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras", safe_mode=True)
    assert loaded.count_params() == plain_copy(model.discriminator).count_params()
    for network in (loaded, fast_copy(loaded)):
        np.testing.assert_allclose(network(images), code, atol=1e-6)
        last = network.get_layer("discriminator").get_layer("discriminator_q_outputs")
        features = feature_network(network)(images)
        np.testing.assert_allclose(
            CODES.posterior_mean(last(features))[:, 2:], code[:, 2:], atol=1e-6
        )


def test_readings_of_one_view_share_a_pass_of_the_encoder():
    def identities(*readings):
        encoder = build(*readings).encoder
        return [one for one in encoder.layers if isinstance(one, keras.layers.Identity)]

    classes = Reading(codes=CLASS, view=VIEW, changes=TURNED)
    assert len(identities(classes, Reading(codes=("uniform_2",), view=VIEW))) == 1
    other = ImageNormalisation(spread=0.3)
    assert len(identities(classes, Reading(codes=("uniform_2",), view=other))) == 2


def test_what_is_refused_and_what_descriptions_say():
    turned = Reading(codes=CLASS, changes=TURNED)
    for readings, words in (
        (turned, "readings: Expected a tuple of recipes"),
        ((TURNED,), "readings: Expected an instance of Reading"),
        ((turned, turned), "reading.codes: Expected each code in one reading"),
        ((Reading(codes=("uniform_3",), view=VIEW),), "one of 'uniform_1', 'uniform_2', 'cat"),
    ):
        with pytest.raises(ValueError, match=words):
            recipe(method=InfoGAN, readings=readings)
    with pytest.raises(ValueError, match="one of 'uniform_1', 'uniform_2'"):
        recipe(method=InfoGAN, codes=PAIR, readings=(turned,))
    for changes, words in (
        ({"codes": "uniform_1", "view": VIEW}, "codes: Expected a tuple of names"),
        ({"codes": (), "view": VIEW}, "codes: Expected a tuple of names"),
        ({"codes": CLASS}, "view: Expected a view, or changes"),
        ({"codes": CLASS, "view": TURNED}, "view: Expected an instance of ImageNormalisation"),
        ({"codes": CLASS, "changes": VIEW}, "changes: Expected an instance of Augmentation"),
    ):
        with pytest.raises(ValueError, match=words):
            Reading(**changes)
    assert "readings" not in describe(recipe(method=InfoGAN))
    assert describe(recipe(method=InfoGAN, readings=[turned]))["readings"][0]["codes"] == [*CLASS]
