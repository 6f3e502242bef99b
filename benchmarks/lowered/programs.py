"""The iterations of a model as StableHLO, with all the arrays that they begin from."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.lowered.state import state_of
from models import draws
from pipeline.stages.train.batches import batch_order
from pipeline.stages.train.feeds import DeviceFeed

STREAM = "stream/"  # begins the names of seeds


class Programs:
    """The programs of a Gin file's settings, and what each of its models begins from.

    Args:
        folder: Where they go; made if it is not there.
        dataset: The opened data set.
        count: Iterations of a call. Each phase and gap must be a multiple of it.
    """

    def __init__(self, folder: Path, dataset, count: int):
        self.folder, self.dataset, self.count = folder, dataset, count
        self.captures: dict[str, list[str]] = {}  # what each program reads besides its arguments
        self._has_images = False

    def lower(self, spec) -> None:
        """Write a model's folder, and the programs of its setting if it is the first of them.

        Args:
            spec: What to train; not a method of triplets.

        Raises:
            ValueError: It is one, or a phase is no multiple of the iterations of a call.
        """
        if spec.method.needs_triplets:
            raise ValueError(f"Expected a method of single images. Received: {spec.method.name}")
        tf.random.set_seed(0)  # TensorFlow's determinism asks for one; every draw here has its own
        folder = self.folder / spec.model_id
        folder.mkdir(parents=True, exist_ok=True)
        model, variables = state_of(spec, self.dataset)
        seeds = _Seeds(model)
        order = batch_order(spec.method, self.dataset, spec.training.batch_size, spec.seed)
        np.savez(folder / "state.npz", **{name: one.numpy() for name, one in variables.items()})
        segments, feed, start = [], None, 0
        ends = [end for end in spec.method.milestones if end < spec.training.iterations]
        for stop in (*ends, spec.training.iterations):
            if (stop - start) % self.count:
                raise ValueError(
                    f"Expected phases of multiples of {self.count}. Received: {start} to {stop}"
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
            program = f"{spec.setting}-{'cr' if _is_regularised(model) else 'plain'}"
            if program not in self.captures:
                feed = feed or self.feed(order)
                self.captures[program] = self.write(program, model, variables, seeds, feed)
            segments.append([start, stop, program])
            start = stop
        programs = {program for *_, program in segments}
        captures = {program: self.captures[program] for program in programs}
        streams = {name for names in captures.values() for name in names if name not in variables}
        plan = {
            "model": spec.model_id,
            "count": self.count,
            "segments": segments,
            "batches": {
                "seed": spec.seed,
                "size": spec.training.batch_size,
                "images": self.dataset.num_images,
            },
            "captures": captures,
            "seeds": {name: seeds.words(name) for name in sorted(streams)},
        }
        (folder / "plan.json").write_text(json.dumps(plan))
        print(f"{folder}: {', '.join(sorted(programs))}", flush=True)

    def feed(self, order) -> DeviceFeed:
        """Return what gathers batches, with the images written beside the models."""
        feed = DeviceFeed(order, self.dataset)
        if not self._has_images:  # also over those of another data set
            np.savez_compressed(self.folder / "images.npz", *(one.numpy() for one in feed.kept))
            self._has_images = True
        return feed

    def write(self, name: str, model, variables: dict, seeds: "_Seeds", feed) -> list[str]:
        """Write a program, and return the names of what it captures."""
        tensors = list(variables.values())
        program = _program(model, feed, tensors, self.count)
        signature = [tf.TensorSpec(one.shape, one.dtype) for one in (*tensors, *feed.kept)]
        signature.append(tf.TensorSpec([self.count, *feed.signature.shape[1:]], tf.int32))
        lowered = program.experimental_get_compiler_ir(*signature)
        text = lowered(stage="stablehlo_serialized", platform_name="CPU")
        (self.folder / f"{name}.stablehlo").write_bytes(text)
        captured = program.get_concrete_function(*signature).captured_inputs
        names = {id(one.handle): name for name, one in (*variables.items(), *seeds.made.items())}
        return [names[id(one)] for one in captured]


class _Seeds:
    """Makes a model's seed an input of its program, so that models of all seeds share it."""

    def __init__(self, model):
        self._words = model.stream_words
        self.made: dict[str, tf.Variable] = {}
        model.stream_words = self._variable

    def words(self, name: str) -> list[int]:
        """Return the words of a stream, of which `name` is the name of the input."""
        return self._words(name.removeprefix(STREAM)).numpy().tolist()

    def _variable(self, stream: str) -> tf.Variable:
        name = f"{STREAM}{stream}"
        if name not in self.made:
            with tf.init_scope():
                self.made[name] = tf.Variable(self._words(stream), trainable=False)
        return self.made[name]


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
