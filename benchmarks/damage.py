"""Every file of a run and of its data cache, damaged in turn: `python -m benchmarks.damage`.

A small experiment is run once. Then, for each file and each kind of damage (truncated, one bit
flipped near its start, middle or end, missing), a copy of everything is damaged in this one place
and the same command is given again. It must end well, say the file's path, and leave the same
tables, histories and weights to the byte. Prints what went wrong and a JSON line.

By default one file of each kind is damaged (about 10 minutes on two cores); --all takes every
file, --only those whose path a pattern matches. With --folder the whole run is kept there, and
used again the next time.
"""

import argparse
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import DAMAGES, EXPERIMENT, differences, staying_workers
from pipeline.cli import main

# Empty, or rewritten by every run before anything is read.
HARMLESS = re.compile(r"\.lock|\.lock-holder")


class Terminal:
    """Stands for the terminal in its block: keeps what this process and its workers say."""

    def __enter__(self):
        """Redirect the descriptors, which workers inherit."""
        sys.stdout.flush()
        sys.stderr.flush()
        handle, self._name = tempfile.mkstemp()
        self._saved = [os.dup(number) for number in (1, 2)]
        for number in (1, 2):
            os.dup2(handle, number)
        os.close(handle)
        self._reader = open(self._name, "rb")  # noqa: SIM115 - has an offset of its own
        return self

    def __exit__(self, *exception):
        """Give the descriptors back."""
        self.said()
        for number, descriptor in zip((1, 2), self._saved, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        self._reader.close()
        os.unlink(self._name)

    def said(self) -> str:
        """Return what was said since the last call."""
        sys.stdout.flush()
        sys.stderr.flush()
        return self._reader.read().decode(errors="replace")

    def show(self, line: str) -> None:
        """Print a line on the real terminal."""
        os.write(self._saved[0], f"{line}\n".encode())


def damaged_in_turn(folder: Path, seeds: int, is_every_file: bool, pattern: str) -> dict[str, int]:
    """Damage files of a run below `folder` in turn, and count what was not said or went wrong.

    Args:
        folder: Of the whole run, which is made unless it is there, and of its damaged copies.
        seeds: Positions of each kind of damage.
        is_every_file: Whether to take every file; otherwise one of each kind.
        pattern: What the paths of the files have in common.
    """
    whole = folder / "whole"
    with Terminal() as terminal, staying_workers():
        code = _run(whole)
        if code:
            raise SystemExit(f"The experiment failed with exit code {code}:\n{terminal.said()}")
        files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
        files = [file for file in files if not HARMLESS.fullmatch(file.suffix or file.name)]
        files = [file for file in files if re.search(pattern, str(file))]
        chosen = files if is_every_file else list({_kind(file): file for file in files}.values())
        counts = {"files": len(chosen), "damages": 0, "unsaid": 0, "wrong": 0}
        for file in chosen:
            for name, damage in DAMAGES.items():
                for seed in range(1 if name == "missing" else seeds):
                    rng = random.Random(f"{file} {name} {seed}")
                    counts["damages"] += 1
                    is_named, problem = _outcome(folder, file, damage, rng, terminal)
                    if not is_named:
                        counts["unsaid"] += 1
                        terminal.show(f"{file} {name} (seed {seed}): not named")
                    if problem:
                        counts["wrong"] += 1
                        terminal.show(f"{file} {name} (seed {seed}): {problem}")
    return counts


def _outcome(
    folder: Path, file: Path, damage, rng: random.Random, terminal: Terminal
) -> tuple[bool, str]:
    """Return whether a damaged file was named, and what was wrong, if anything."""
    whole, copy = folder / "whole", folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(whole, copy)
    damage(copy / file, rng)
    terminal.said()
    code = _run(copy)
    text = terminal.said()
    if code:
        return str(copy / file) in text, f"exit code {code}: {text[-300:]}"
    different = differences(whole / "run", copy / "run", is_restored=True)
    return str(copy / file) in text, ", ".join(different[:5])


def _run(place: Path) -> int:
    """Run the experiment in `place` and return the exit code."""
    return main([*EXPERIMENT, "--out", str(place / "run"), "--cache", str(place / "cache")])


def _kind(file: Path) -> str:
    """Return the file's path without what differs between files of a kind."""
    return re.sub(r"[0-9a-f]{16,}|seed\d+-\w+|\d{9}|\d{10}\S*", "*", str(file))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every file, not one of each kind")
    parser.add_argument("--seeds", type=int, default=1, help="positions of each kind of damage")
    parser.add_argument("--only", default="", help="regular expression of the files' paths")
    parser.add_argument("--folder", type=Path, help="where the whole run is kept")
    options = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        place = options.folder or Path(temporary)
        result = damaged_in_turn(place, options.seeds, options.all, options.only)
    print(json.dumps({**result, "seconds": round(time.monotonic() - start)}))
    sys.exit(1 if result["unsaid"] or result["wrong"] else 0)
