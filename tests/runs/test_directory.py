import json
import multiprocessing
import os

import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.inference.code_table import CodeTable, code_files, key_ids
from pipeline.runs.directory import RunDirectory
from pipeline.runs.files import atomic_path, read_signed_json, write_signed_json
from pipeline.runs.manifests import (
    drop_damaged,
    is_damage,
    not_declared,
    read_manifest,
    refuse_damaged,
    reopen,
    why_stale,
    write_manifest,
)
from pipeline.stages.train.batches import BatchOrder
from pipeline.stages.train.checkpoints import (
    checkpoint_files,
    load_checkpoint,
    newest_iteration,
    save_checkpoint,
)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError):
        write_signed_json(tmp_path / "x.json", {"value": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_manifest_is_valid_only_with_its_inputs_and_outputs(tmp_path):
    output, manifest = tmp_path / "out.bin", tmp_path / "manifest.json"
    assert why_stale(manifest, "a") == "new"
    output.write_bytes(b"content")
    write_manifest(manifest, "a", [output])
    assert why_stale(manifest, "a") is None
    assert why_stale(manifest, "b") == "a binding or an input changed"
    output.write_bytes(b"c0ntent")
    assert why_stale(manifest, "a") == f"{output} is damaged"
    output.unlink()
    assert why_stale(manifest, "a") == f"{output} is missing"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"fingerprint": "a"}'])
def test_a_damaged_manifest_is_no_manifest(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_text(content)
    assert read_manifest(path) is None
    assert why_stale(path, "a") == f"{path} is damaged"


def _hold(root, ready, release):
    with RunDirectory(root).lock():
        ready.set()
        release.wait(30)


def test_the_lock_names_its_holder_and_dies_with_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path, ready, release))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(StageError, match=f"process {holder.pid}"), RunDirectory(tmp_path).lock():
        pass
    holder.kill()
    holder.join()
    with RunDirectory(tmp_path).lock():
        assert json.dumps((tmp_path / ".lock-holder").read_text()).count(str(os.getpid()))


def test_checkpoints_keep_the_newest_two_and_survive_damage(tmp_path):
    for iteration in (10, 20, 30):
        state = {"w": np.full(3, iteration, np.float32)}
        save_checkpoint(tmp_path, iteration, state, {"history": [{"iteration": iteration}]})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name[:19] for name in names] == ["iteration-000000020", "iteration-000000030"]
    iteration, state, details = load_checkpoint(tmp_path, pytest.fail)
    assert iteration == 30 and state["w"].tolist() == [30.0] * 3
    assert details == {"history": [{"iteration": 30}]}

    newest = tmp_path / names[1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    said = []
    iteration, state, _ = load_checkpoint(tmp_path, said.append)
    assert iteration == 20 and state["w"].tolist() == [20.0] * 3
    assert names[1] in said[0]

    older = tmp_path / names[0]
    older.write_bytes(older.read_bytes()[:100])
    assert load_checkpoint(tmp_path, said.append) is None


def iterations_of(folder):
    return [int(path.name.split("-")[1]) for path in checkpoint_files(folder)]


def test_pinned_and_later_checkpoints_stay(tmp_path):
    for iteration in (10, 20, 30, 40):
        save_checkpoint(tmp_path, iteration, {}, {"time": 1}, pinned=[10])
    assert iterations_of(tmp_path) == [10, 30, 40]
    assert load_checkpoint(tmp_path, pytest.fail, until=29)[0] == 10
    assert load_checkpoint(tmp_path, pytest.fail, until=9) is None
    save_checkpoint(tmp_path, 10, {}, {"time": 2}, pinned=[10])  # went back, and on from there
    save_checkpoint(tmp_path, 20, {}, {}, pinned=[10])
    assert iterations_of(tmp_path) == [10, 20, 30, 40]
    assert load_checkpoint(tmp_path, pytest.fail, until=10)[2] == {"time": 2}
    assert newest_iteration(tmp_path) == 40 and newest_iteration(tmp_path / "none") == 0


def test_what_may_go_is_dropped_and_said_once(tmp_path):
    manifest, table, picture = (tmp_path / name for name in ("m.json", "a.csv", "b.png"))
    table.write_text("1")
    picture.write_text("2")
    write_manifest(manifest, "a", [table], kept=[picture])
    assert drop_damaged(manifest) == []
    picture.write_text("3")
    assert drop_damaged(manifest) == [f"{picture} is damaged: no result depends on it"]
    assert not picture.exists() and drop_damaged(manifest) == []
    assert why_stale(manifest, "a") is None


def test_a_table_stays_verifiable_while_its_stage_works(tmp_path):
    manifest, table = tmp_path / "m.json", tmp_path / "a.csv"
    for state in ("missing", "damaged"):
        with pytest.raises(StageError, match=f"m.json is {state}, so .*a.csv cannot be verified"):
            refuse_damaged(manifest, table, "metrics")
        manifest.write_text("{")
    table.write_text("1")
    write_manifest(manifest, "a", [table])
    reopen(manifest, [table])
    assert why_stale(manifest, "a") == "a binding or an input changed"
    refuse_damaged(manifest, table, "metrics")
    table.write_text("2")
    with pytest.raises(StageError, match="a.csv is damaged. Run the metrics stage again"):
        refuse_damaged(manifest, table, "metrics")


def test_every_bit_of_a_signed_file_counts(tmp_path):
    path = tmp_path / "result.json"
    write_signed_json(path, {"value": 0.1, "name": "a", "list": [1, None]})
    content = path.read_bytes()
    assert read_signed_json(path) == {"value": 0.1, "name": "a", "list": [1, None]}
    for place in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            assert read_signed_json(path) is None, (place, bit)
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert read_signed_json(path) is None, length


def test_batches_are_a_function_of_seed_and_iteration():
    order = BatchOrder(10, 3, seed=4)
    epoch = np.concatenate([order.indices(iteration) for iteration in range(3)])
    assert len(set(epoch.tolist())) == 9  # without replacement, the tenth image is left out
    for iteration in (7, 2, 5):
        fresh = BatchOrder(10, 3, seed=4)
        assert fresh.indices(iteration).tolist() == order.indices(iteration).tolist()
    later = np.concatenate([order.indices(iteration) for iteration in range(3, 6)])
    assert later.tolist() != epoch.tolist()
    assert BatchOrder(10, 3, seed=5).indices(0).tolist() != order.indices(0).tolist()
    with pytest.raises(ValueError, match="training.batch_size: Expected at most 10, .*=11"):
        BatchOrder(10, 11, seed=0)


@pytest.mark.parametrize("is_continuous", [False, True])
def test_a_code_table_grows_and_looks_up(tmp_path, is_continuous):
    rng = np.random.default_rng(0)
    keys = rng.random((20, 3)) if is_continuous else rng.permutation(1000)[:20]
    codes = rng.random((20, 4)).astype(np.float32)
    ids = key_ids(keys)
    table = CodeTable(tmp_path / "codes")
    assert table.missing(ids).all()
    table.add(ids[:12], codes[:12])
    table = CodeTable(tmp_path / "codes")
    assert table.missing(ids).tolist() == [False] * 12 + [True] * 8
    table.add(ids[12:], codes[12:])
    order = rng.permutation(20)
    assert (CodeTable(tmp_path / "codes").lookup(ids[order]) == codes[order]).all()

    first, second = code_files(tmp_path / "codes")
    content = first.read_bytes()
    first.write_bytes(content[:200])
    table = CodeTable(tmp_path / "codes")
    assert f"{first} is damaged" in table.damage and str(second) not in table.damage
    lacking = table.missing(ids)
    assert 0 < lacking.sum() < 20
    table.add(ids[lacking], codes[lacking])
    assert first.read_bytes() == content  # named after its content, so it is there again
    assert (CodeTable(tmp_path / "codes").lookup(ids[order]) == codes[order]).all()


def test_a_damaged_file_of_codes_goes_when_others_are_encoded(tmp_path):
    table = CodeTable(tmp_path)
    table.add(np.arange(5), np.ones((5, 2)))
    (path,) = code_files(tmp_path)
    path.write_bytes(b"no codes")
    CodeTable(tmp_path).add(np.arange(3), np.ones((3, 2)))
    assert path not in code_files(tmp_path) and not CodeTable(tmp_path).damage


def test_what_was_written_stays_as_it_was_when_more_is_added(tmp_path):
    CodeTable(tmp_path).add(np.arange(5), np.ones((5, 2)))
    write_manifest(tmp_path / "one.json", "inputs", [], kept=code_files(tmp_path))
    CodeTable(tmp_path).add(np.arange(5, 9), np.ones((4, 2)))
    assert drop_damaged(tmp_path / "one.json") == []
    (new,) = not_declared(code_files(tmp_path), tmp_path / "one.json")
    write_manifest(tmp_path / "two.json", "inputs", [], kept=[new])
    assert not_declared(code_files(tmp_path), tmp_path / "two.json") != [new]


def test_a_missing_manifest_is_named_where_its_work_is(tmp_path):
    manifest, result = tmp_path / "manifest.json", tmp_path / "result.csv"
    assert why_stale(manifest, "inputs", result) == "new"
    result.write_text("1")
    assert why_stale(manifest, "inputs", result) == f"{manifest} is missing"
    assert is_damage(why_stale(manifest, "inputs", result))
    write_manifest(manifest, "inputs", [result])
    assert why_stale(manifest, "inputs", result) is None
