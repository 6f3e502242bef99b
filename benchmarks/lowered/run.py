"""Train what `lower` wrote: `python benchmarks/lowered/run.py FOLDER OUT`; needs JAX and NumPy.

OUT becomes the last state, with a history of the mean losses.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import jax
import numpy as np
from jax._src.interpreters.mlir import make_ir_context
from jaxlib.mlir.dialects import stablehlo
from jaxlib.mlir.ir import WalkResult

STREAM = 0xDA7A  # that of pipeline.stages.train.batches
VERSION = "1.10.0"  # of StableHLO; every JAX of today reads it


def main() -> None:
    """Train from the first iteration to the last."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--report", type=float, default=20.0, help="seconds between rows")
    arguments = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    training = Training(arguments.folder)
    print(f"{training.plan['model']} on {jax.devices()[0]}", flush=True)
    training.run(arguments.report)
    state = dict(zip(training.names, map(np.asarray, training.state), strict=True))
    np.savez_compressed(arguments.out, **state, history=json.dumps(training.history))


class Training:
    """One model on the device.

    Args:
        folder: What `lower` wrote.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.plan = json.loads((folder / "plan.json").read_text())
        first = np.load(folder / "state.npz", allow_pickle=False)
        self.names = list(first.files)
        self.state = [jax.device_put(first[name]) for name in self.names]
        images = np.load(folder / "images.npz", allow_pickle=False)
        self.kept = [jax.device_put(images[name]) for name in images.files]
        self.programs: dict = {}
        self.history: list[dict[str, float]] = []
        self.epoch, self.permutation = -1, np.empty(0, np.int64)

    def run(self, seconds_between_rows: float) -> None:
        """Train, and write a row of the history now and then."""
        count, last, losses = self.plan["count"], time.time(), self.losses()
        begun, row = 0, time.time()
        for start, stop, phase in self.plan["segments"]:
            fresh = np.load(self.folder / f"fresh_{start}.npz", allow_pickle=False)
            for name, value in fresh.items():
                self.state[self.names.index(name)] = jax.device_put(value)
            program = self.program(phase)
            for iteration in range(start, stop, count):
                self.state = program(self.state, self.kept, self.rows(iteration))
                jax.block_until_ready(self.state)
                done, now = iteration + count, time.time()
                if now - last < seconds_between_rows and done < stop:
                    continue
                sums, steps = self.losses(), done - begun
                means = {name: (sums[name] - losses[name]) / steps for name in sums}
                self.history.append({"iteration": done, **means})
                text = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
                print(
                    f"{done}: {1e3 * (now - row) / steps:.2f} ms an iteration, {text}", flush=True
                )
                last, begun, row, losses = now, done, now, sums

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

    def program(self, phase: str):
        """Return a phase's iterations as a function of state, images and rows."""
        if phase in self.programs:
            return self.programs[phase]
        captured = [self.names.index(name) for name in self.plan["captures"][phase]]
        num = len(self.names)
        rows = np.zeros((self.plan["count"], self.plan["batches"]["size"]), np.int32)
        given = [*self.state, *self.kept, rows, *(self.state[place] for place in captured)]
        shapes = [jax.ShapeDtypeStruct(one.shape, one.dtype) for one in given]
        # A function of the same signature lends its frame to the program.
        later = num + len(self.kept) + 1
        frame = jax.jit(lambda *arrays: (*arrays[:num], *arrays[later:]), keep_unused=True)
        exported = dataclasses.replace(
            jax.export.export(frame)(*shapes),
            mlir_module_serialized=_without_copies(
                (self.folder / f"{phase}.stablehlo").read_bytes()
            ),
        )

        @jax.jit
        def program(state, kept, rows):
            captures = (state[place] for place in captured)
            return list(exported.call(*state, *kept, rows, *captures)[:num])

        self.programs[phase] = program
        return program


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
