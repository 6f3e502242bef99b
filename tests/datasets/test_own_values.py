"""Labels and factors keep the values that the user gave them."""

import numpy as np
import pytest

from pipeline.datasets import own_values
from pipeline.datasets.images import ImageArrays

IMAGES = np.random.default_rng(0).integers(256, size=(12, 4, 4), dtype=np.uint8)


def opened(tmp_path, **arrays):
    np.savez(tmp_path / "own.npz", images=IMAGES, **arrays)
    return ImageArrays(str(tmp_path / "own.npz")).open(tmp_path / "cache")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([5, 1, 3]), (1, 3, 5)),
        (np.array([0, -10, -9]), (-10, -9, 0)),
        (np.array([2.0, 10.0, 1.0]), (1, 2, 10)),
        (np.array([0.5, 0.1, 10.25], np.float32), (0.1, 0.5, 10.25)),
        (np.array([7, 2**64 - 1, 2**63], np.uint64), (7, 2**63, 2**64 - 1)),
        (np.array([True, False, True]), (False, True)),
        (np.array(["10", "5", "0"]), ("0", "5", "10")),
        (np.array(["-5", "2.5", "-10"]), ("-10", "-5", "2.5")),
        (np.array(["img10", "img9", "img1"]), ("img1", "img9", "img10")),
        (np.array(["dog", "10", "cat"]), ("10", "cat", "dog")),
        (np.array([b"dog", b"cat", b"ant"]), ("ant", "cat", "dog")),
        (np.array(["é", "z", "a"]), ("a", "z", "é")),
        (np.array([5, 1, 3], ">i4"), (1, 3, 5)),
    ],
)
def test_labels_of_every_kind_keep_their_values_in_order(tmp_path, labels, expected):
    data = opened(tmp_path, labels=np.tile(labels, 4))
    assert data.factor_values == (expected,) and data.factor_sizes == (len(expected),)
    assert [type(value) for value in data.factor_values[0]] == [type(one) for one in expected]
    own = [data.factor_values[0][number] for number in data.train_labels()]
    texts = [one.decode() if isinstance(one, bytes) else str(one) for one in labels.tolist()]
    if labels.dtype.kind in "SU":
        assert own == texts * 4
    else:
        np.testing.assert_allclose(np.array(own, float), np.tile(labels, 4).astype(float))


def test_whole_floats_beyond_integers_stay_apart(tmp_path):
    values = np.array([1e18, 1e19, 1e20, 2e20, 3e20, -1e20] * 2)
    factors = np.stack([values, np.arange(12.0)], axis=1)
    data = opened(tmp_path, factors=factors, factor_names=["size", "n"])
    assert data.factor_sizes == (6, 12)
    assert data.factor_values[0] == (-(10**20), 10**18, 10**19, 10**20, 2 * 10**20, 3 * 10**20)


def test_factors_of_text_and_names_in_bytes(tmp_path):
    factors = np.array([["red", "2"], ["blue", "10"], ["green", "1"]] * 4)
    data = opened(tmp_path, factors=factors, factor_names=np.array([b"colour", b"size"]))
    assert data.factor_names == ("colour", "size")
    assert data.factor_values == (("blue", "green", "red"), ("1", "2", "10"))


def test_factors_put_together_as_columns_are_read(tmp_path):
    columns = np.array([np.arange(12) % 3, np.arange(12) % 2])
    assert columns.T.flags.f_contiguous
    np.testing.assert_array_equal(
        opened(tmp_path, factors=columns.T).factors_of(np.arange(12)), columns.T
    )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": np.array([1.0, np.nan, 2.0] * 4)}, "4 of the values of 'label'.*missing.*nan"),
        ({"labels": np.array([1.0, np.inf, 2.0] * 4)}, "missing.*inf in row 1"),
        ({"labels": np.array([1.0, None, 2.0] * 4)}, "Python objects.*astype"),
        ({"labels": np.array(["a", np.nan, "b"] * 4)}, "missing.*nan in row 1"),
        ({"labels": np.array(["a", "", "b"] * 4)}, "missing"),
        ({"labels": np.array([b"a", b"NaN", b"b"] * 4)}, "missing"),
        ({"labels": np.arange(12) + 1j}, "cannot be told apart.*complex"),
        ({"labels": np.arange(12).astype("M8[D]")}, "cannot be told apart.*datetime"),
        ({"factors": np.full((12, 2), np.nan)}, "'factor_0'.*missing"),
        ({"factors": np.full((12, 1), -np.inf)}, "'factor_0'.*missing"),
        (
            {"factors": np.ones((12, 2), int), "factor_names": ["a", "a"]},
            "different name.*'a', 'a'",
        ),
        ({"label": np.arange(12)}, "'label', which nothing reads.*Expected 'labels'"),
        ({"factor": np.arange(12)}, "'factor', which nothing reads.*Expected 'factors'"),
        ({"Labels": np.arange(12)}, "'Labels', which nothing reads.*Expected 'labels'"),
    ],
)
def test_what_has_no_value_is_refused(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message) as error:
        opened(tmp_path, **arrays)
    assert "own.npz" in str(error.value)


def test_arrays_that_nothing_reads_are_said(tmp_path, caplog):
    opened(tmp_path, latents=np.arange(3), factors=np.arange(12), labels=np.arange(12))
    assert "own.npz: nothing reads its 'latents', 'labels'" in caplog.text


@pytest.mark.parametrize(
    ("wanted", "values", "place"),
    [
        (3, (1, 3), 1),
        (3.0, (1, 3), 1),
        ("3", (1, 3), 1),
        (3, ("1", "3"), 1),
        (3, ("1", "03"), 1),
        (3, ("3", "03"), 0),
        (3, ("003", "03"), None),
        ("03", ("3", "03"), 1),
        ("anna", ("anna", "bert"), 0),
        ("Anna", ("anna", "bert"), None),
        (0.5, ("0.5", "1"), 0),
        (9, (1, 3), None),
        (True, ("False", "True"), 1),
        ("Jose\u0301", ("Ana", "Jos\u00e9"), 1),
    ],
)
def test_a_value_is_found_as_a_user_types_it(wanted, values, place):
    assert own_values.place_of(wanted, values) == place


def test_many_values_are_listed_with_the_likeliest_first():
    text = own_values.listed([f"person{number}" for number in range(99)], "persom77")
    assert text.startswith("'person77', 'person0'") and text.endswith("and 79 more")
