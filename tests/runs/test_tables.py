"""Tables: fixed columns, full precision, sorted rows, whole files or errors that say what to do."""

import numpy as np
import pandas as pd
import pytest

from pipeline.runs import tables
from pipeline.runs.tables import read_table, write_table

COLUMNS = ("model_id", "seed", "value")


def score_row(**changes):
    row = dict.fromkeys(tables.SCORE_COLUMNS, "text")
    row.update(seed=0, iteration=10, value=0.5, ci_low=None, ci_high=None, num_points=100)
    return row | changes


def test_file_holds_exact_text(tmp_path):
    frame = pd.DataFrame(
        {"value": [1 / 3, 0.1, 1e-300], "seed": [2, 10, 2], "model_id": ["b", "a", "a"]}
    )
    write_table(tmp_path / "t.csv", frame, COLUMNS)
    expected = "model_id,seed,value\na,2,1e-300\na,10,0.1\nb,2,0.3333333333333333\n"
    assert (tmp_path / "t.csv").read_text() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_rows_in_any_order_give_the_same_bytes(tmp_path):
    rng = np.random.default_rng(0)
    rows = [score_row(model_id=f"m{i}", value=rng.normal(), seed=i) for i in range(20)]
    for name, order in (("a.csv", range(20)), ("b.csv", rng.permutation(20))):
        write_table(tmp_path / name, pd.DataFrame([rows[i] for i in order]), tables.SCORE_COLUMNS)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_reading_gives_back_every_bit_and_every_type(tmp_path):
    rows = [
        score_row(model_id="007", value=np.nextafter(0.1, 1), model_fingerprint="12e45678"),
        score_row(model_id="None", value=np.float32(0.3), ci_low=-0.0, ci_high=np.inf),
        score_row(model_id='say "a, b"\nthen\r\nNaN', value=5),
    ]
    write_table(tmp_path / "scores.csv", pd.DataFrame(rows), tables.SCORE_COLUMNS)
    back = read_table(tmp_path / "scores.csv", tables.SCORE_COLUMNS).set_index("model_id")
    assert set(back.index) == {"007", "None", 'say "a, b"\nthen\r\nNaN'}
    assert back.loc["007", "value"] == np.nextafter(0.1, 1)
    assert back.loc["007", "model_fingerprint"] == "12e45678"
    assert np.isnan(back.loc["007", "ci_low"])
    assert back.loc["None", "ci_high"] == np.inf
    assert back["seed"].dtype == np.int64
    assert back["value"].dtype == np.float64


def test_flags_and_integers_with_gaps(tmp_path):
    selection = dict.fromkeys(tables.SELECTION_COLUMNS, "x")
    selection |= {"seed": 1, "score": 0.5, "rank": 1, "selected": True, "confidence": None}
    selection |= {"num_compared": 3, "num_informative": None}
    rows = [selection, selection | {"model_id": "y", "rank": 2, "selected": np.bool_(False)}]
    write_table(tmp_path / "selection.csv", pd.DataFrame(rows), tables.SELECTION_COLUMNS)
    back = read_table(tmp_path / "selection.csv", tables.SELECTION_COLUMNS)
    assert back["selected"].tolist() == [True, False]
    model = dict.fromkeys(tables.MODEL_COLUMNS, "x")
    model |= {"seed": 1, "iteration": None, "train_seconds": np.nan, "parameters": 12_345_678}
    rows = [model, model | {"model_id": "y", "parameters": None}]
    write_table(tmp_path / "models.csv", pd.DataFrame(rows), tables.MODEL_COLUMNS)
    assert "12345678," in (tmp_path / "models.csv").read_text()
    back = read_table(tmp_path / "models.csv", tables.MODEL_COLUMNS)
    assert back["parameters"].isna().tolist() == [False, True]
    assert back["parameters"].dtype == "Int64"


def test_history_takes_the_columns_it_has(tmp_path):
    history = pd.DataFrame({"iteration": [20, 10], "info_loss": [0.5, np.nan]})
    columns = list(history.columns)
    write_table(tmp_path / "history.csv", history, columns, may_be_empty=columns[1:])
    back = read_table(tmp_path / "history.csv", None)
    assert list(back.columns) == columns
    assert back["iteration"].tolist() == [10, 20]
    assert np.isnan(back["info_loss"][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": np.nan}, "'value' is empty"),
        ({"model_id": ""}, "'model_id' is empty"),
        ({"value": "0.5"}, "Expected a number"),
        ({"seed": 1.5}, "Expected an integer"),
    ],
)
def test_what_the_schema_forbids_is_not_written(tmp_path, change, message):
    frame = pd.DataFrame([{"model_id": "a", "seed": 1, "value": 0.5} | change])
    with pytest.raises(ValueError, match=message):
        write_table(tmp_path / "t.csv", frame, COLUMNS)
    assert list(tmp_path.iterdir()) == []


def test_other_columns_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="do not fit the schema"):
        write_table(tmp_path / "t.csv", pd.DataFrame({"model_id": ["a"]}), COLUMNS)


def test_a_failed_write_keeps_the_old_table(tmp_path):
    path = tmp_path / "t.csv"
    write_table(path, pd.DataFrame({"model_id": ["a"], "seed": [1], "value": [0.5]}), COLUMNS)
    before = path.read_bytes()
    with pytest.raises(ValueError):
        write_table(path, pd.DataFrame({"model_id": ["a"], "seed": [1], "value": [None]}), COLUMNS)
    assert path.read_bytes() == before


def damaged(text):
    return {
        "truncated in a row": text[: len(text) - 20],
        "truncated in the last cell": text[:-2],
        "a cell too few": text.replace(",10,", ",", 1),
        "not a number": text.replace("0.5", "half"),
        "an empty cell": text.replace("0.5", ""),
        "NaN": text.replace("0.5", "nan"),
        "another column": text.replace("value", "score", 1),
        "empty": "",
        "an open quote": text.replace("0.5", '"0.5'),
    }


@pytest.mark.parametrize("damage", list(damaged("x" * 100)))
def test_a_damaged_table_is_refused_by_name(tmp_path, damage):
    path = tmp_path / "scores.csv"
    write_table(path, pd.DataFrame([score_row()]), tables.SCORE_COLUMNS)
    path.write_text(damaged(path.read_text())[damage])
    with pytest.raises(ValueError, match=r"scores\.csv.*Expected.*Run the metrics stage again"):
        read_table(path, tables.SCORE_COLUMNS)


def test_missing_and_binary_files_are_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"models\.csv.*does not exist.*Run the train stage"):
        read_table(tmp_path / "models.csv", tables.MODEL_COLUMNS)
    (tmp_path / "models.csv").write_bytes(b"\xff\xfe\x00\n")
    with pytest.raises(ValueError, match=r"models\.csv"):
        read_table(tmp_path / "models.csv", tables.MODEL_COLUMNS)


def test_a_table_without_rows_is_a_table(tmp_path):
    write_table(tmp_path / "t.csv", pd.DataFrame(columns=list(COLUMNS)), COLUMNS)
    assert read_table(tmp_path / "t.csv", COLUMNS).shape == (0, 3)
