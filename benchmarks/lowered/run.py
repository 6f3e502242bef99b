"""Train what `lower` wrote: `python benchmarks/lowered/run.py LOWERED STATES`; needs JAX and NumPy.

One model after the other, or several `--at-once`. STATES/<model> becomes a folder of states,
`state-000288000.npz` after 288,000 iterations, each with a history of the mean losses: one at the
end of each phase, one when it is stopped (SIGTERM, Ctrl-C), and with `--every` more. The same
command goes on from the newest.
"""

import argparse
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np
from jax._src.interpreters.mlir import make_ir_context
from jaxlib.mlir.dialects import stablehlo
from jaxlib.mlir.ir import WalkResult

STREAM = 0xDA7A  # that of pipeline.stages.train.batches
VERSION = "1.10.0"  # of StableHLO; every JAX of today reads it


def main() -> None:
    """Train every model to its last iteration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lowered", type=Path)
    parser.add_argument("states", type=Path)
    parser.add_argument("--models", default="*", help="a pattern of their names; else all")
    parser.add_argument("--at-once", type=int, default=1, help="models, each in a process")
    parser.add_argument("--report", type=float, default=20.0, help="seconds between rows")
    parser.add_argument("--every", type=int, help="iterations between states; else of phases")
    arguments = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    plans = sorted(arguments.lowered.glob(f"{arguments.models}/plan.json"))
    if not plans:
        raise SystemExit(
            f"{arguments.lowered}: Expected what `lower` wrote, a folder for each model with a "
            f"plan.json. Received: none of the name {arguments.models}"
        )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    if arguments.at_once > 1:
        models = [plan.parent.name for plan in plans]
        raise SystemExit(train_at_once(models, arguments.at_once, stopped))
    for plan in plans:
        training = Training(plan.parent, arguments.states / plan.parent.name)
        print(f"{plan.parent.name} on {jax.devices()[0]}, from {training.done}", flush=True)
        training.run(arguments.report, arguments.every, stopped)
        if stopped.is_set():
            raise SystemExit(f"stopped after {training.done} iterations of {plan.parent.name}")


def train_at_once(models: list[str], number: int, stopped: threading.Event) -> int:
    """Train each model by a process of its own, and return how many of them failed.

    They share a GPU without taking turns where NVIDIA's multi-process service runs
    (`nvidia-cuda-mps-control -d`), and what one has compiled.
    """
    with tempfile.TemporaryDirectory() as compiled, ThreadPoolExecutor(number) as pool:
        shared = {"JAX_COMPILATION_CACHE_DIR": compiled, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}

        def train(model: str) -> int:
            options = ["--at-once", "1", "--models", model]  # of two, the last one holds
            command = [sys.executable, *sys.argv, *options]
            if stopped.is_set():
                return 1
            with subprocess.Popen(command, env={**shared, **os.environ}) as process:
                while process.poll() is None:
                    if stopped.wait(0.5):
                        process.terminate()
                        break
            return process.returncode

        return sum(code != 0 for code in pool.map(train, models))


class Training:
    """One model on the device.

    Args:
        folder: What `lower` wrote of it.
        out: Where states are kept, and where an earlier one may lie.
    """

    def __init__(self, folder: Path, out: Path):
        self.folder, self.out = folder, out
        self.plan = json.loads((folder / "plan.json").read_text())
        kept = sorted(out.glob("state-*.npz"))
        state = dict(np.load(kept[-1] if kept else folder / "state.npz", allow_pickle=False))
        self.history: list[dict[str, float]] = json.loads(str(state.pop("history", "[]")))
        self.names = list(state)
        self.state = [jax.device_put(value) for value in state.values()]
        self.done = int(state["iteration"])
        images = np.load(folder.parent / "images.npz", allow_pickle=False)
        self.kept = [jax.device_put(images[name]) for name in images.files]
        self.epoch, self.permutation = -1, np.empty(0, np.int64)
        # All are compiled at once, and the later ones while the first is in use.
        compiler = ThreadPoolExecutor()
        phases = dict.fromkeys(phase for _, stop, phase in self.segments())
        self.programs = {phase: compiler.submit(self.compiled, phase) for phase in phases}

    def segments(self) -> list[tuple[int, int, str]]:
        """Return the phases to come, as (first iteration, stop, name of the program)."""
        return [
            (max(start, self.done), stop, phase)
            for start, stop, phase in self.plan["segments"]
            if stop > self.done
        ]

    def run(self, seconds_between_rows: float, every: int | None, stopped: threading.Event) -> None:
        """Train until the end or `stopped`, write a row now and then, and keep states."""
        count, losses, begun = self.plan["count"], self.losses(), self.done
        for start, stop, phase in self.segments():
            program = self.programs[phase].result()
            self.begin(start)
            rows, last = self.rows(start), time.time()
            for _ in range(start, stop, count):
                state = program(self.state, self.kept, rows)
                self.done += count
                rows = self.rows(self.done)  # while the device works
                self.state = jax.block_until_ready(state)
                now, ends = time.time(), self.done == stop or stopped.is_set()
                is_kept = ends or every and self.done % every < count
                if is_kept or now - last >= seconds_between_rows:
                    sums, steps = self.losses(), self.done - begun
                    means = {name: (sums[name] - losses[name]) / steps for name in sums}
                    self.history.append({"iteration": self.done, **means})
                    text = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
                    pace = 1e3 * (now - last) / steps
                    print(
                        f"{self.folder.name} {self.done}: {pace:.2f} ms an iteration, {text}",
                        flush=True,
                    )
                    last, begun, losses = now, self.done, sums
                if is_kept:
                    self.save()
                if stopped.is_set():
                    return

    def begin(self, start: int) -> None:
        """Set afresh what a phase that begins at `start` sets afresh."""
        path = self.folder / f"fresh_{start}.npz"
        for name, value in np.load(path, allow_pickle=False).items() if path.exists() else ():
            self.state[self.names.index(name)] = jax.device_put(value)

    def save(self) -> None:
        """Keep the state of now."""
        self.out.mkdir(parents=True, exist_ok=True)
        state = dict(zip(self.names, map(np.asarray, self.state), strict=True))
        path = self.out / f"state-{self.done:09d}.npz"
        with (self.out / "part").open("wb") as file:
            np.savez(file, **state, history=json.dumps(self.history))
        os.replace(self.out / "part", path)

    def losses(self) -> dict[str, float]:
        """Return the sums of the losses so far; they are never set back here."""
        return {
            name.split("/")[1]: float(value)
            for name, value in zip(self.names, self.state, strict=True)
            if name.startswith("running_mean/") and name.endswith("/0")
        }

    def rows(self, start: int) -> np.ndarray:
        """Return the images of the iterations of a call, int32 [count, batch]."""
        batches, rows = self.plan["batches"], []
        for iteration in range(start, start + self.plan["count"]):
            epoch, place = divmod(iteration, batches["images"] // batches["size"])
            if epoch != self.epoch:
                rng = np.random.default_rng([STREAM, batches["seed"], epoch])
                self.epoch, self.permutation = epoch, rng.permutation(batches["images"])
            first = place * batches["size"]
            rows.append(self.permutation[first : first + batches["size"]])
        return np.stack(rows).astype(np.int32)

    def compiled(self, phase: str):
        """Return a phase's iterations as a function of state, images and rows."""
        num = len(self.names)
        rows = np.zeros((self.plan["count"], self.plan["batches"]["size"]), np.int32)
        # What a program captures is of the state or, a model's seeds, no part of it.
        places = {name: place for place, name in enumerate((*self.names, *self.plan["seeds"]))}
        captured = [places[name] for name in self.plan["captures"][phase]]
        seeds = [jax.device_put(np.int32(words)) for words in self.plan["seeds"].values()]
        captures = [[*self.state, *seeds][place] for place in captured]
        shapes = [
            jax.ShapeDtypeStruct(one.shape, one.dtype)
            for one in (*self.state, *self.kept, rows, *captures)
        ]
        # A function of the same signature lends its frame to the program, which also returns of
        # what it captures the state.
        later = num + len(self.kept) + 1
        returned = [later + index for index, place in enumerate(captured) if place < num]
        frame = jax.jit(
            lambda *arrays: (*arrays[:num], *(arrays[place] for place in returned)),
            keep_unused=True,
        )
        exported = dataclasses.replace(
            jax.export.export(frame)(*shapes),
            mlir_module_serialized=_without_copies(
                (self.folder.parent / f"{phase}.stablehlo").read_bytes()
            ),
        )

        @jax.jit
        def program(state, seeds, kept, rows):
            captures = ([*state, *seeds][place] for place in captured)
            return list(exported.call(*state, *kept, rows, *captures)[:num])

        compiled = program.lower(self.state, seeds, self.kept, rows).compile()
        return lambda state, kept, rows: compiled(state, seeds, kept, rows)


def _without_copies(program: bytes) -> bytes:
    """Return a program without the copies that TensorFlow makes of its results."""
    context, copies = make_ir_context(), []

    def collect(operation):
        if operation.name == "mhlo.copy":  # no operation of StableHLO, so JAX refuses it
            copies.append(operation.operation)
        return WalkResult.ADVANCE

    with context:
        module = stablehlo.deserialize_portable_artifact(context, program)
        module.operation.walk(collect)
        for one in copies:
            one.results[0].replace_all_uses_with(one.operands[0])
            one.erase()
        return stablehlo.serialize_portable_artifact(module, VERSION)


if __name__ == "__main__":
    main()
