"""A full disk, a read-only folder, a second process, Ctrl-C: said clearly, nothing half-written."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import filelock
import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.execution import worker
from pipeline.inference import code_encoding
from pipeline.inference.code_table import CodeTable
from pipeline.pictures import save_picture
from pipeline.runs.directory import RunDirectory
from pipeline.runs.files import atomic_path, write_signed_json, write_text
from pipeline.runs.tables import write_table
from pipeline.stages.metrics import protocol_scores
from pipeline.stages.train.checkpoints import load_checkpoint, save_checkpoint

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = ["--gin", "gin/quickstart.gin", "--gin", "gin/parts/budgets/smoke.gin"]
NUMBERS = np.random.default_rng(0).random(20_000)
PICTURE = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)


@contextlib.contextmanager
def room_for(num_bytes):
    """Let no file grow beyond a size: the kernel refuses the rest, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_traversals(path):
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, images=NUMBERS)


WRITERS = {
    "scores.csv": lambda path: write_table(path, pd.DataFrame({"value": NUMBERS}), ["value"]),
    "result.json": lambda path: write_signed_json(path, {"values": NUMBERS.tolist()}),
    "index.html": lambda path: write_text(path, "x" * 50_000),
    "samples.png": lambda path: save_picture(path, PICTURE),
    "traversals.npz": write_traversals,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_said_and_leaves_the_old_file(tmp_path, name):
    path = tmp_path / name
    path.write_text("old")
    with room_for(10_000), pytest.raises(OSError, match="Cannot write the file: ") as error:
        WRITERS[name](path)
    assert str(path) in str(error.value) and "free some space" in str(error.value)
    assert os.listdir(tmp_path) == [name]
    assert path.read_text() == "old"


def test_a_full_disk_leaves_the_codes_that_are_there(tmp_path):
    table = CodeTable(tmp_path)
    table.add(np.arange(3), np.ones((3, 1)))
    with room_for(10_000), pytest.raises(OSError, match="Cannot write the file: ") as error:
        table.add(np.arange(3, 20_003), NUMBERS[:, None])
    assert str(tmp_path) in str(error.value) and "free some space" in str(error.value)
    assert (
        len(list(tmp_path.iterdir())) == 1 and not CodeTable(tmp_path).missing(np.arange(3)).any()
    )


def test_a_full_disk_at_a_checkpoint_keeps_the_one_before(tmp_path):
    save_checkpoint(tmp_path, 1, {"w": np.arange(3)}, {})
    with room_for(10_000), pytest.raises(OSError, match=r"iteration-000000002-\w+\.npz"):
        save_checkpoint(tmp_path, 2, {"w": NUMBERS}, {})
    assert load_checkpoint(tmp_path, pytest.fail)[0] == 1


def test_what_numpy_and_hdf5_say_of_a_full_disk_is_translated(tmp_path, monkeypatch):
    usage = SimpleNamespace(free=0)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    for error in (OSError("100 requested and 0 written"), RuntimeError("unable to flush")):
        with (
            pytest.raises(OSError, match="No space left on device.*weights.keras"),
            atomic_path(tmp_path / "weights.keras"),
        ):
            raise error


def test_a_full_disk_ends_a_run_with_exit_code_1(tmp_path, cache, capsys):
    where = ["--out", str(tmp_path / "run"), "--cache", str(cache), "--stages", "data"]
    with room_for(300):
        assert main([*SMALL, *where]) == 1
    said = capsys.readouterr().err
    assert str(tmp_path / "run" / "configuration.gin") in said and "free some space" in said
    assert main([*SMALL, *where]) == 0


def test_a_run_directory_that_cannot_be_written_is_said_at_once(tmp_path, cache, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(PermissionError, match="writable: choose one with --out") as error,
        RunDirectory(tmp_path / "run").lock(),
    ):
        pass
    assert str(tmp_path / "run") in str(error.value)


def test_what_a_dead_process_of_any_machine_left_holds_nobody_up(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".lock-holder").write_text("process 1 on another-machine since 2020-01-01\n")
    (tmp_path / "models" / "a").mkdir(parents=True)
    left = tmp_path / "models" / "a" / ".writing-x.npz"
    left.write_bytes(b"half")
    with RunDirectory(tmp_path).lock():
        assert f"process {os.getpid()} on " in (tmp_path / ".lock-holder").read_text()
        assert not left.exists()
    assert not (tmp_path / ".lock-holder").exists()


def test_a_holder_that_cannot_be_read_is_still_a_holder(tmp_path, capsys):
    with filelock.FileLock(tmp_path / ".lock"):
        (tmp_path / ".lock-holder").write_bytes(b"\xff\xfe")
        assert main([*SMALL, "--out", str(tmp_path)]) == 1
    assert "is in use by" in capsys.readouterr().err


class PoolThatIsInterrupted:
    """Runs the first task, then Ctrl-C comes."""

    def run(self, function, tasks, display, describe):
        name, arguments = tasks[0]
        yield name, function(*arguments, progress=None)
        raise KeyboardInterrupt


def test_what_was_encoded_before_ctrl_c_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(code_encoding, "IMAGES_A_TASK", 8)
    monkeypatch.setattr(code_encoding, "exported_file", lambda run, export, name: Path(export.key))
    encoder = lambda path, max_value: lambda images: images.reshape(len(images), -1) / max_value  # noqa: E731
    monkeypatch.setattr(code_encoding, "_load_encoder", encoder)
    images = np.random.default_rng(0).integers(0, 256, (20, 2, 2, 1), np.uint8)
    dataset = SimpleNamespace(max_value=255, images_of=lambda keys: images[keys])
    monkeypatch.setattr(code_encoding, "open_dataset", lambda recipe, cache: dataset)
    context = SimpleNamespace(
        run=None, cache=None, experiment=SimpleNamespace(dataset=None), pool=PoolThatIsInterrupted()
    )
    export, path = SimpleNamespace(key="a"), tmp_path / "codes"
    display = SimpleNamespace(say=lambda line: None, update=lambda *_: None)
    ids = np.arange(20)
    with pytest.raises(KeyboardInterrupt):
        code_encoding._encode_together(context, [(export, CodeTable(path))], ids, ids, display)
    table = CodeTable(path)
    assert table.missing(ids).tolist() == [False] * 8 + [True] * 12
    assert np.allclose(table.lookup(ids[:8]), images[:8].reshape(8, -1) / 255)


def test_workers_look_whether_to_stop(monkeypatch, tmp_path):
    monkeypatch.setattr(worker, "stop_requested", lambda: True)
    dataset = SimpleNamespace(max_value=1)
    monkeypatch.setattr(code_encoding, "open_dataset", lambda recipe, cache: dataset)
    assert code_encoding._encode_images(None, None, [], np.arange(3), progress=None) is None
    monkeypatch.setattr(protocol_scores, "_drawn", lambda *_: (dataset, {}, {}))
    work = protocol_scores.Work(
        SimpleNamespace(key="a"), SimpleNamespace(name="cr"), "mean", ("mig",)
    )
    experiment = SimpleNamespace(metrics=SimpleNamespace(seed=0), dataset=None)
    protocol_scores._measure_metrics(
        experiment, RunDirectory(tmp_path), None, work, progress=pytest.fail
    )
    assert not (tmp_path / "metrics").exists()


def test_ctrl_c_while_images_are_rendered_ends_within_seconds(tmp_path):
    """A real interrupt of a real process; what was rendered is used by the next run."""
    command = [sys.executable, "run_pipeline.py", "--gin", "gin/teapots.gin", "--stages", "data"]
    command += ["--gin", "gin/parts/budgets/smoke.gin", "--set", "NUM_IMAGES = 100000"]
    command += ["--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache")]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        # What a script runs in the background is deaf to Ctrl-C, and so are its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not list(tmp_path.glob("cache/*/manifest.json")):
        assert process.poll() is None
        time.sleep(0.02)
    interrupted = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all processes
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said
    assert "the same command goes on" in said
    assert time.monotonic() - interrupted < 10
    with RunDirectory(tmp_path / "run").lock():
        pass
