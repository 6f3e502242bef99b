"""The content cache: interrupted, damaged, shared, on bad disks."""

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

import filelock
import numpy as np
import pytest

from pipeline.datasets.cache import MANIFEST, ContentCache
from pipeline.datasets.dsprites import DSprites
from pipeline.datasets.layout import Layout
from pipeline.datasets.squares import Squares

ROOT = Path(__file__).parents[2]


class Maker:
    """Makes 10 rows in 5 chunks, counts them, and can fail at one."""

    def __init__(self, fail_at=None):
        self.fail_at = fail_at
        self.made = []

    def layout(self):
        arrays = {"images": ((3, 2), "uint8"), "factors": ((), "float64")}
        return Layout(arrays, num_rows=10, rows_per_chunk=2, details={"kind": ["a", 1]})

    def chunks(self, layout, ranges):
        for start, stop in ranges:
            if start == self.fail_at:
                raise KeyboardInterrupt
            self.made.append(start)
            rows = np.arange(start, stop)
            images = np.broadcast_to(rows[:, None, None], (len(rows), 3, 2))
            yield {"images": images.astype(np.uint8), "factors": rows / 2}


def _ensure(folder, maker, **options):
    return ContentCache(folder, "My set", {"seed": 1}).ensure(maker.layout, maker.chunks, **options)


def test_content_is_made_once_and_mapped(tmp_path):
    maker = Maker()
    contents = _ensure(tmp_path, maker)
    assert maker.made == [0, 2, 4, 6, 8]
    assert isinstance(contents.arrays["images"], np.memmap)
    np.testing.assert_array_equal(contents.arrays["images"][:, 0, 0], np.arange(10))
    np.testing.assert_array_equal(contents.arrays["factors"], np.arange(10) / 2)
    assert contents.details == {"kind": ["a", 1]}
    again = Maker()
    assert _ensure(tmp_path, again, verify=True).fingerprint == contents.fingerprint
    assert again.made == []
    # The files are plain .npy files.
    folder = ContentCache(tmp_path, "My set", {"seed": 1}).path
    assert folder.name.startswith("my-set-")
    assert np.load(folder / "images.npy").shape == (10, 3, 2)


def test_an_interrupted_making_goes_on(tmp_path):
    whole = _ensure(tmp_path / "whole", Maker())
    first, second, calls = Maker(fail_at=6), Maker(), []
    with pytest.raises(KeyboardInterrupt):
        _ensure(tmp_path, first)
    cache = ContentCache(tmp_path, "My set", {"seed": 1})
    assert not cache.is_complete()
    contents = _ensure(tmp_path, second, progress=lambda done, total, **i: calls.append(done))
    assert first.made == [0, 2, 4]
    assert second.made == [6, 8]
    assert calls == [6, 8, 10]
    assert contents.fingerprint == whole.fingerprint


def test_what_was_written_after_the_last_whole_chunk_is_made_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _ensure(tmp_path, Maker(fail_at=6))
    file = ContentCache(tmp_path, "My set", {"seed": 1}).path / "images.npy"
    file.write_bytes(file.read_bytes() + b"half a chunk of rubbish" * 10)
    contents = _ensure(tmp_path, Maker())
    np.testing.assert_array_equal(contents.arrays["images"][:, 2, 1], np.arange(10))
    assert contents.fingerprint == _ensure(tmp_path / "whole", Maker()).fingerprint


def _flip(file, position):
    data = bytearray(file.read_bytes())
    data[position] ^= 4
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda file: _flip(file, -1), [8]),
        (lambda file: _flip(file, 128 + 5 * 6), [4]),
        (lambda file: _flip(file, 10), [0, 2, 4, 6, 8]),  # The header.
        (lambda file: os.truncate(file, 128 + 6 * 6 + 1), [6, 8]),
        (lambda file: os.truncate(file, 0), [0, 2, 4, 6, 8]),
        (lambda file: file.unlink(), [0, 2, 4, 6, 8]),
    ],
)
@pytest.mark.parametrize("verify", [True, False])
def test_damage_is_named_and_repaired(tmp_path, caplog, damage, expected, verify):
    contents = _ensure(tmp_path, Maker())
    file = ContentCache(tmp_path, "My set", {"seed": 1}).path / "images.npy"
    damage(file)
    maker = Maker()
    with caplog.at_level(logging.WARNING):
        repaired = _ensure(tmp_path, maker, verify=verify)
    assert maker.made == expected
    assert caplog.text.count(str(file)) == 1
    assert repaired.fingerprint == contents.fingerprint
    np.testing.assert_array_equal(repaired.arrays["images"][:, 0, 0], np.arange(10))


def test_a_flip_that_left_no_trace_is_found_by_verification(tmp_path):
    _ensure(tmp_path, Maker())
    file = ContentCache(tmp_path, "My set", {"seed": 1}).path / "factors.npy"
    status = file.stat()
    _flip(file, -3)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    maker = Maker()
    _ensure(tmp_path, maker, verify=True)
    assert maker.made == [8]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}'])
def test_a_damaged_manifest_makes_everything_again(tmp_path, caplog, text):
    contents = _ensure(tmp_path, Maker())
    manifest = ContentCache(tmp_path, "My set", {"seed": 1}).path / MANIFEST
    manifest.write_text(text)
    maker = Maker()
    assert _ensure(tmp_path, maker).fingerprint == contents.fingerprint
    assert len(maker.made) == 5
    assert str(manifest) in caplog.text


def test_a_changed_digest_in_the_manifest_is_found(tmp_path):
    _ensure(tmp_path, Maker())
    manifest = ContentCache(tmp_path, "My set", {"seed": 1}).path / MANIFEST
    data = json.loads(manifest.read_text())
    data["digests"]["images"][0] = "0" * 64
    manifest.write_text(json.dumps(data))
    maker = Maker()
    _ensure(tmp_path, maker)
    assert len(maker.made) == 5


def test_a_copied_cache_is_verified_and_used(tmp_path):
    contents = _ensure(tmp_path / "first", Maker())
    shutil.copytree(tmp_path / "first", tmp_path / "second", copy_function=shutil.copyfile)
    maker = Maker()
    assert _ensure(tmp_path / "second", maker).fingerprint == contents.fingerprint
    assert maker.made == []


def test_a_chunk_of_another_shape_is_refused(tmp_path):
    maker = Maker()
    wrong = [{"images": np.zeros((2, 3, 3), np.uint8), "factors": np.zeros(2)}]
    with pytest.raises(ValueError, match=r"Expected shape \(2, 3, 2\)"):
        ContentCache(tmp_path, "x", {}).ensure(maker.layout, lambda *_: iter(wrong))


def test_too_small_a_disk_is_said_before_anything_is_made(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1000, 990, 10))
    with pytest.raises(OSError, match=r"\d+ more bytes are needed and 10 are free") as error:
        Squares(num_images=5).prepare(tmp_path)
    assert error.value.errno == 28
    assert str(tmp_path) in str(error.value)


def test_a_disk_that_fills_up_is_said(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    cache = ContentCache(tmp_path, "My set", {"seed": 1})
    layout = Maker().layout()
    cache.path.mkdir(parents=True)
    with (
        (cache.path / "images.npy").open("wb") as file,
        pytest.raises(OSError, match="60 more bytes are needed"),
    ):
        cache._write(file, layout, "images", 0, bytes(12))


def test_a_place_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="cannot be written") as error:
        Squares(num_images=5).prepare(tmp_path / "file")
    assert str(tmp_path / "file") in str(error.value)

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PermissionError, match="writable") as error:
        Squares(num_images=5).prepare(tmp_path / "locked")
    assert str(tmp_path / "locked") in str(error.value)


def test_a_complete_cache_is_read_where_nothing_can_be_written(tmp_path, monkeypatch):
    recipe = Squares(num_images=5)
    recipe.prepare(tmp_path)

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(ContentCache, "_write_manifest", refuse)
    for file in tmp_path.glob("*/*.npy"):
        os.utime(file)
    recipe.prepare(tmp_path)
    assert recipe.open(tmp_path).num_images == 5


SLOW_PROCESS = """
import sys, time
from pathlib import Path
from pipeline.datasets.dsprites import DSprites, shapes

original = shapes.render_packed
def slow(factors):
    Path(sys.argv[2]).open("a").write("chunk\\n")
    time.sleep(0.6)
    return original(factors)
shapes.render_packed = slow
recipe = DSprites(num_images=50)
recipe.prepare(Path(sys.argv[1]))
print(recipe.open(Path(sys.argv[1])).fingerprint)
"""


def test_two_processes_at_once_render_once(tmp_path):
    command = [sys.executable, "-c", SLOW_PROCESS, str(tmp_path / "cache"), str(tmp_path / "log")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    results = [process.communicate(timeout=50) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert (tmp_path / "log").read_text() == "chunk\n"
    assert results[0][0] == results[1][0] != ""
    assert DSprites(num_images=50).open(tmp_path / "cache").fingerprint == results[0][0].strip()


def test_who_waits_for_another_process_says_so(tmp_path, caplog):
    recipe = Squares(num_images=5)
    lock = filelock.FileLock(f"{recipe._cache(tmp_path).path}.lock")
    is_held = threading.Event()

    def hold():
        with lock:
            is_held.set()
            time.sleep(0.4)

    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait()
    recipe.prepare(tmp_path)
    holder.join()
    assert "waiting" in caplog.text
    assert recipe.estimate(tmp_path).is_cached
