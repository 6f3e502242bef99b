"""The iterations of a model as StableHLO, with all the arrays that they begin from."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.lowered.state import state_of
from models import draws
from pipeline.stages.train.batches import batch_order
from pipeline.stages.train.feeds import DeviceFeed


def lower(spec, dataset, folder: Path, count: int) -> None:
    """Write one model's folder.

    Args:
        spec: What to train; not a method of triplets.
        dataset: The opened data set.
        folder: Where; made if it is not there.
        count: Iterations of a call. Each phase and gap must be a multiple of it.

    Raises:
        ValueError: If one is not, or the method takes triplets.
    """
    if spec.method.needs_triplets:
        raise ValueError(f"Expected a method of single images. Received: {spec.method.name}")
    tf.random.set_seed(0)  # TensorFlow's determinism asks for one; every draw here has its own
    folder.mkdir(parents=True, exist_ok=True)
    model, variables = state_of(spec, dataset)
    order = batch_order(spec.method, dataset, spec.training.batch_size, spec.seed)
    feed = DeviceFeed(order, dataset)
    kept = feed.kept
    np.savez(folder / "images.npz", *(one.numpy() for one in kept))
    np.savez(folder / "state.npz", **{name: one.numpy() for name, one in variables.items()})
    tensors = list(variables.values())
    names = {id(one.handle): name for name, one in variables.items()}
    segments, captures, start = [], {}, 0
    ends = [end for end in spec.method.milestones if end < spec.training.iterations]
    for stop in (*ends, spec.training.iterations):
        if (stop - start) % count:
            raise ValueError(
                f"Expected phases of multiples of {count}. Received: {start} to {stop}"
            )
        before = {name: one.numpy() for name, one in variables.items()}
        model.iteration.assign(start)
        model.begin_segment(start)
        fresh = {
            name: one.numpy()
            for name, one in variables.items()
            if name != "iteration" and not np.array_equal(one.numpy(), before[name])
        }
        np.savez(folder / f"fresh_{start}.npz", **fresh)
        phase = "cr" if _is_regularised(model) else "plain"
        if phase not in captures:
            program = _program(model, feed, tensors, count)
            signature = [tf.TensorSpec(one.shape, one.dtype) for one in (*tensors, *kept)]
            signature.append(tf.TensorSpec([count, *feed.signature.shape[1:]], tf.int32))
            lowered = program.experimental_get_compiler_ir(*signature)
            text = lowered(stage="stablehlo_serialized", platform_name="CPU")
            (folder / f"{phase}.stablehlo").write_bytes(text)
            captured = program.get_concrete_function(*signature).captured_inputs
            captures[phase] = [names[id(one)] for one in captured]
        segments.append([start, stop, phase])
        start = stop
    batches = {"seed": spec.seed, "size": spec.training.batch_size, "images": dataset.num_images}
    plan = {"model": spec.model_id, "count": count, "segments": segments, "batches": batches}
    (folder / "plan.json").write_text(json.dumps({**plan, "captures": captures}))
    print(f"{folder}: {', '.join(captures)}", flush=True)


def _is_regularised(model) -> bool:
    player = getattr(model, "contrastive", None)
    return player is not None and player.is_playing


def _program(model, feed: DeviceFeed, tensors: list, count: int):
    """Return `count` iterations as a function of state, images and rows that XLA compiles."""

    def program(*arrays):
        for variable, value in zip(tensors, arrays, strict=False):
            variable.assign(value)
        *kept, rows = arrays[len(tensors) :]

        def iterate(number):
            with draws.under_xla():
                model.train_step(feed.gather(kept, rows[number]))
            return [number + 1]

        tf.while_loop(lambda number: number < count, iterate, [0], parallel_iterations=1)
        return [variable.read_value() for variable in tensors]

    return tf.function(program, jit_compile=True, autograph=False)
