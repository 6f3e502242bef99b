"""A content cache that runs share: memory-mapped arrays made in chunks, locked and verified.

A cache is a folder of ``.npy`` files and one ``manifest.json``, which is replaced atomically after
each chunk: an interrupted job goes on after the last whole chunk, and readers trust only a manifest
that says it is complete. Every chunk of every file has a SHA-256 digest, so damage is found, named
and repaired chunk by chunk.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import filelock
import numpy as np

from pipeline.datasets.layout import Contents, Layout

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
FORMAT_VERSION = 1


MakeLayout = Callable[[], Layout]
MakeChunks = Callable[[Layout, Sequence[tuple[int, int]]], Iterator[dict[str, np.ndarray]]]


class ContentCache:
    """One cache folder, found by its title and identity below the shared cache directory."""

    def __init__(self, cache_directory: Path, title: str, identity: dict[str, Any]):
        """Name the folder; touch nothing.

        Args:
          cache_directory: The folder that all caches and all runs share.
          title: Name of the content for messages and for the folder.
          identity: Plain data that decides which folder is ours.
        """
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "data"
        self.title = title
        self.path = Path(cache_directory) / f"{slug}-{_digest_of(identity)[:16]}"

    def is_complete(self) -> bool:
        """Return whether everything has been made (without verifying the bytes)."""
        manifest = self._read_manifest()
        return manifest is not None and manifest["complete"]

    def bytes_on_disk(self) -> int:
        """Return the bytes that the cache takes now."""
        return sum(file.stat().st_size for file in self.path.iterdir())

    def ensure(
        self,
        make_layout: MakeLayout,
        make_chunks: MakeChunks,
        progress: Callable[..., None] | None = None,
        verify: bool = False,
        again: bool = False,
    ) -> Contents:
        """Open the cache; make what is missing or damaged first.

        Args:
          make_layout: Gives the layout; called only when nothing has been made yet.
          make_chunks: Yields the arrays of each range of rows asked for, in order.
          progress: Called as ``progress(done, total, what=title)``, in rows.
          verify: Verify all bytes. Otherwise only files that changed since the last verification.
          again: Make everything anew, whatever is there.

        Returns:
          The opened cache.

        Raises:
          OSError: The folder cannot be written or the disk is too small.
        """
        manifest = self._read_manifest()
        if not again and manifest and manifest["complete"] and self._is_intact(manifest, verify):
            return self._open(manifest)
        with self._lock():
            if again:
                layout = make_layout()  # what cannot be read is known before anything is removed
                self._remove()
                return self._open(self._make(None, lambda: layout, make_chunks, progress))
            # Another process may have made everything while this one waited for the lock.
            manifest = self._read_manifest()
            if not (manifest and manifest["complete"] and self._is_intact(manifest, verify)):
                manifest = self._make(manifest, make_layout, make_chunks, progress)
        return self._open(manifest)

    def _remove(self) -> None:
        """Remove what is there; processes that have it open keep what they see."""
        for file in (self.path / MANIFEST, *self.path.glob("*.npy")):
            file.unlink(missing_ok=True)

    def _make(
        self,
        manifest: dict[str, Any] | None,
        make_layout: Callable[[], Layout],
        make_chunks: Callable[..., Any],
        progress: Callable[..., None] | None,
    ) -> dict[str, Any]:
        """Make all chunks that are missing or damaged; return the complete manifest."""
        if manifest is None:
            manifest = {"version": FORMAT_VERSION, "title": self.title, "complete": False}
            layout = make_layout()
            manifest["layout"] = layout.to_json()
            manifest["digests"] = {name: [None] * len(layout.ranges()) for name in layout.arrays}
        for left in self.path.glob(f".{MANIFEST}.*"):  # of processes that were killed
            left.unlink(missing_ok=True)
        layout = Layout.from_json(manifest["layout"])
        ranges = layout.ranges()
        missing = self._missing_chunks(manifest, warn=True)
        self._check_disk_space(layout)
        # Readers must not open a cache under repair.
        manifest["complete"] = False
        self._write_manifest(manifest)
        done = layout.num_rows - sum(ranges[chunk][1] - ranges[chunk][0] for chunk in missing)
        if progress:
            progress(done, layout.num_rows, what=self.title)
        with contextlib.ExitStack() as stack:
            files = {name: stack.enter_context(self._writable(name)) for name in layout.arrays}
            chunks = make_chunks(layout, [ranges[chunk] for chunk in missing])
            if hasattr(chunks, "close"):
                stack.enter_context(contextlib.closing(chunks))
            for chunk, arrays in zip(missing, chunks, strict=True):
                for name, file in files.items():
                    data = layout.chunk_bytes(name, arrays[name], *ranges[chunk])
                    self._write(file, layout, name, ranges[chunk][0], data)
                    manifest["digests"][name][chunk] = hashlib.sha256(data).hexdigest()
                self._write_manifest(manifest)
                done += ranges[chunk][1] - ranges[chunk][0]
                if progress:
                    progress(done, layout.num_rows, what=self.title)
            for name, file in files.items():
                file.truncate(layout.file_bytes(name))
        manifest["complete"] = True
        manifest["stamps"] = self._stamps(layout)
        self._write_manifest(manifest)
        return manifest

    def _open(self, manifest: dict[str, Any]) -> Contents:
        layout = Layout.from_json(manifest["layout"])
        arrays = {
            name: np.load(self._file(name), mmap_mode="r", allow_pickle=False)
            for name in layout.arrays
        }
        content = {"layout": manifest["layout"], "digests": manifest["digests"]}
        return Contents(arrays, layout.details, _digest_of(content))

    def _is_intact(self, manifest: dict[str, Any], verify: bool) -> bool:
        """Return whether all files are as they were made."""
        stamps = self._stamps(Layout.from_json(manifest["layout"]))
        is_unchanged = stamps == manifest.get("stamps")
        if is_unchanged and not verify:
            return True
        if self._missing_chunks(manifest):
            return False
        if not is_unchanged:
            # Only a shortcut for the next reader, who may not be allowed to write either.
            with contextlib.suppress(OSError):
                self._write_manifest({**manifest, "stamps": stamps})
        return True

    def _missing_chunks(self, manifest: dict[str, Any], warn: bool = False) -> list[int]:
        """Return the chunks never made, or whose bytes differ from their digests."""
        layout = Layout.from_json(manifest["layout"])
        missing = set()
        for name in layout.arrays:
            damaged = self._damaged_chunks(name, layout, manifest["digests"][name])
            unmade = {c for c, digest in enumerate(manifest["digests"][name]) if digest is None}
            if damaged and warn:
                logger.warning(
                    "%s is damaged (%d of %d chunks); the damaged part is made again",
                    self._file(name),
                    len(damaged),
                    len(layout.ranges()),
                )
            missing |= damaged | unmade
        return sorted(missing)

    def _damaged_chunks(self, name: str, layout: Layout, digests: list[str | None]) -> set[int]:
        made = {chunk for chunk, digest in enumerate(digests) if digest is not None}
        if not made:
            return set()
        try:
            file = self._file(name).open("rb")
        except FileNotFoundError:
            return made
        with file:
            if file.read(len(layout.header(name))) != layout.header(name):
                return made
            damaged = set()
            for chunk in sorted(made):
                start, stop = layout.ranges()[chunk]
                file.seek(len(layout.header(name)) + start * layout.row_bytes(name))
                data = file.read((stop - start) * layout.row_bytes(name))
                if hashlib.sha256(data).hexdigest() != digests[chunk]:
                    damaged.add(chunk)
        return damaged

    def _check_disk_space(self, layout: Layout) -> None:
        present = sum(size for size, _ in self._stamps(layout).values())
        needed = sum(layout.file_bytes(name) for name in layout.arrays) - present
        free = shutil.disk_usage(self.path).free
        if needed > free:
            raise self._disk_full(needed, free)

    def _disk_full(self, needed: int, free: int) -> OSError:
        return OSError(
            errno.ENOSPC,
            f"Not enough disk space for the images of {self.title}: {needed} more bytes are needed "
            f"and {free} are free. Free some space or choose another cache directory",
            str(self.path),
        )

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock of this cache; say so when another process has it."""
        lock = filelock.FileLock(f"{self.path}.lock")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                logger.warning("Another process is preparing %s; waiting for it", self.title)
                lock.acquire(poll_interval=0.2)
        except OSError as error:
            raise OSError(
                error.errno,
                f"The images of {self.title} cannot be written ({error.strerror}). Expected a "
                "cache directory that exists or can be made, and is writable",
                str(self.path),
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.npy"

    def _writable(self, name: str):
        """Return the file of an array, for writing anywhere in it; made when missing."""
        self._file(name).touch()
        return self._file(name).open("r+b")

    def _write(self, file: BinaryIO, layout: Layout, name: str, start: int, data: bytes) -> None:
        """Write one chunk (and the header before the first) through to the disk."""
        header = layout.header(name)
        try:
            file.seek(0)
            file.write(header)
            file.seek(len(header) + start * layout.row_bytes(name))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            needed = (layout.num_rows - start) * layout.row_bytes(name)
            raise self._disk_full(needed, shutil.disk_usage(self.path).free) from error

    def _stamps(self, layout: Layout) -> dict[str, list[int]]:
        """Return the size and modification time of each file; equal stamps: an untouched file."""
        stamps = {}
        for name in layout.arrays:
            with contextlib.suppress(FileNotFoundError):
                status = self._file(name).stat()
                stamps[name] = [status.st_size, status.st_mtime_ns]
        return stamps

    def _read_manifest(self) -> dict[str, Any] | None:
        """Return the manifest, or None when there is none that can be trusted."""
        file = self.path / MANIFEST
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
            checksum = manifest.pop("checksum")
            is_ours = manifest["version"] == FORMAT_VERSION and checksum == _digest_of(manifest)
        except (FileNotFoundError, NotADirectoryError):
            if any(self.path.glob("*.npy")):  # made only after the first manifest
                logger.warning("%s is missing; the images of %s are made again", file, self.title)
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            is_ours = False
        if not is_ours:
            logger.warning("%s is damaged; the images of %s are made again", file, self.title)
            return None
        return manifest

    def _write_manifest(self, manifest: dict[str, Any]) -> None:
        text = json.dumps({**manifest, "checksum": _digest_of(manifest)}, indent=1)
        temporary = self.path / f".{MANIFEST}.{os.getpid()}"
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / MANIFEST)


def _digest_of(data: Any) -> str:
    """Return the SHA-256 of plain data, written as sorted JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
