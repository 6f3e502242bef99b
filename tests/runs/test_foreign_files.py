"""Files from elsewhere: data is read, code that they bring along is not run."""

import pickle
from pathlib import Path

import keras
import numpy as np
import pytest

from models.layers.plain import PACKAGE, SpectralDense
from pipeline.cli import main
from pipeline.errors import StageError
from pipeline.inference.encoding import load_network
from pipeline.inference.network_files import PROJECT_PACKAGE


def save(path, *layers):
    keras.Sequential([keras.Input((4,)), *layers]).save(path)
    return path


def test_a_lambda_layer_is_refused(tmp_path):
    path = save(tmp_path / "encoder.keras", keras.layers.Lambda(lambda values: 2 * values))
    with pytest.raises(StageError, match="brings code along.*class_name='Lambda'") as error:
        load_network(path)
    assert str(path) in str(error.value)


@keras.saving.register_keras_serializable(package="elsewhere")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def test_a_class_of_others_is_refused_though_it_is_registered(tmp_path):
    path = save(tmp_path / "encoder.keras", Doubled())
    assert keras.saving.load_model(path)  # Keras alone would build it
    with pytest.raises(StageError, match="Received: class_name='Doubled'"):
        load_network(path)


def test_layers_of_keras_and_of_this_project_are_loaded(tmp_path):
    assert PACKAGE == PROJECT_PACKAGE
    dense = keras.layers.Dense(3, activation="relu")
    path = save(
        tmp_path / "encoder.keras", SpectralDense(5), dense, keras.layers.BatchNormalization()
    )
    values = np.ones((2, 4), np.float32)
    first = keras.saving.load_model(path)(values, training=False)
    assert np.array_equal(load_network(path)(values, training=False), first)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_damaged_network_is_not_read_past_its_checksum(tmp_path, place):
    path = save(tmp_path / "encoder.keras", keras.layers.Dense(400))
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 8
    path.write_bytes(content)
    with pytest.raises(StageError, match="encoder.keras"):
        load_network(path)


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_pickled_objects_of_arrays_are_not_unpickled(tmp_path, capsys):
    exploded = tmp_path / "exploded"
    np.savez(tmp_path / "objects.npz", codes=np.array([Bomb(exploded)], dtype=object))
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Bomb(exploded)))
    for name in ("objects.npz", "pickle.npz"):
        assert main(["score", str(tmp_path / name), "--metrics", "dhsic"]) == 2
        said = capsys.readouterr().err
        assert str(tmp_path / name) in said and "plain arrays" in said
    assert not exploded.exists()
