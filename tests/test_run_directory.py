import json
import multiprocessing
import os

import numpy as np
import pytest

from pipeline.batches import BatchOrder
from pipeline.checkpoints import load_checkpoint, save_checkpoint
from pipeline.code_table import CodeTable, key_ids
from pipeline.errors import StageError
from pipeline.files import atomic_path, write_json
from pipeline.run_directory import RunDirectory, read_manifest, why_stale, write_manifest


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
        write_json(tmp_path / "x.json", {"value": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_manifest_is_valid_only_with_its_inputs_and_outputs(tmp_path):
    output, manifest = tmp_path / "out.bin", tmp_path / "manifest.json"
    assert why_stale(manifest, "a") == "new"
    output.write_bytes(b"content")
    write_manifest(manifest, "a", [output])
    assert why_stale(manifest, "a") is None
    assert why_stale(manifest, "b") == "a binding or an input changed"
    output.write_bytes(b"c0ntent")
    assert why_stale(manifest, "a") == "out.bin is damaged"
    output.unlink()
    assert why_stale(manifest, "a") == "out.bin is missing"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"fingerprint": "a"}'])
def test_a_damaged_manifest_is_no_manifest(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_text(content)
    assert read_manifest(path) is None
    assert why_stale(path, "a") == "manifest.json is damaged"


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
    with pytest.raises(ValueError, match="batch_size=11"):
        BatchOrder(10, 11, seed=0)


@pytest.mark.parametrize("is_continuous", [False, True])
def test_a_code_table_grows_and_looks_up(tmp_path, is_continuous):
    rng = np.random.default_rng(0)
    keys = rng.random((20, 3)) if is_continuous else rng.permutation(1000)[:20]
    codes = rng.random((20, 4)).astype(np.float32)
    ids = key_ids(keys)
    table = CodeTable(tmp_path / "codes.npz")
    assert table.missing(ids).all()
    table.add(ids[:12], codes[:12])
    table = CodeTable(tmp_path / "codes.npz")
    assert table.missing(ids).tolist() == [False] * 12 + [True] * 8
    table.add(ids[12:], codes[12:])
    order = rng.permutation(20)
    assert (CodeTable(tmp_path / "codes.npz").lookup(ids[order]) == codes[order]).all()

    (tmp_path / "codes.npz").write_bytes((tmp_path / "codes.npz").read_bytes()[:200])
    table = CodeTable(tmp_path / "codes.npz")
    assert "codes.npz is damaged" in table.damage and table.missing(ids).all()
