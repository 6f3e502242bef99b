"""Several iterations in one call of TensorFlow are those that one call each makes, to the bit."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.harness import SMALL_NETWORKS
from pipeline.datasets.identities import IdentitySplit
from pipeline.datasets.teapots import Teapots
from pipeline.execution import worker
from pipeline.experiment import load_experiment
from pipeline.runs.directory import RunDirectory
from pipeline.stages.train import iterations
from pipeline.stages.train.batches import BatchOrder
from pipeline.stages.train.feeds import DeviceFeed, HostFeed
from pipeline.stages.train.loop import fit_segments
from pipeline.stages.train.monitor import Monitor
from pipeline.stages.train.triplets import TripletOrder

# Two phases; rows of the history are due in the middle of them and at their end.
SETTINGS = [
    *SMALL_NETWORKS[1::2],
    "sweep.settings = {}",
    "ITERATIONS = 14",
    "ALPHA_FROM = 7",
    "GAP_FROM = 12",
    "LOG_EVERY = 4",
    "SCORE_EVERY = 0",
    "CHECKPOINT_EVERY = 4",
    "PICTURE_EVERY = 0",
]


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Train with settings, stopped after the iterations named; return state and history."""
    cache = tmp_path_factory.mktemp("cache")

    def trained(*settings, stops=()):
        files = ["gin/quickstart.gin", "gin/parts/budgets/smoke.gin"]
        experiment = load_experiment(files, [*SETTINGS, *settings])
        experiment.dataset.prepare(cache)
        dataset = experiment.dataset.open(cache)
        spec = experiment.model_specs(dataset.fingerprint)[0]
        directory = RunDirectory(tmp_path_factory.mktemp("run")).model(spec.model_id)
        directory.root.mkdir(parents=True)
        lengths = []

        class Counting(Monitor):
            def advance(self, count):
                lengths.append(count)
                super().advance(count)

        for stop in (*stops, None):
            model = spec.method.build(dataset.image_shape, dataset.max_value, spec.seed)
            monitor = Counting(model, spec, directory, dataset, lambda *_, **__: None)
            event = SimpleNamespace(is_set=lambda at=stop, of=monitor: at and of.iteration >= at)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(worker, "_stop_event", event)
                patch.setattr(iterations, "SECONDS_OF_AN_EXECUTION", 1e6)
                fit_segments(model, monitor, spec, dataset)
            assert stop is None or stop <= monitor.iteration < 14
        state = {name: variable.numpy() for name, variable in model.state.items()}
        return state, monitor.history, lengths

    return trained


@pytest.fixture(scope="module")
def one_by_one(train):
    return train("training.iterations_per_execution = 1")


def assert_same(one, other):
    for name, value in one[0].items():
        np.testing.assert_array_equal(value, other[0][name], err_msg=name)
    assert one[1] == other[1]


def test_as_many_as_fit_between_rows(train, one_by_one):
    several = train()
    assert one_by_one[2] == [1] * 14 and [row["iteration"] for row in several[1]] == [4, 8, 12, 14]
    # Those of a segment begin alone: the first compiles, the second tells how long one takes, and
    # the third is read by then. They end at the rows and at the next segment.
    assert several[2] == [1, 1, 1, 1, 3] + [1, 1, 1, 2] + [1, 1]
    assert_same(one_by_one, several)


def test_stopped_and_resumed_between_rows(train, one_by_one):
    assert_same(one_by_one, train("training.iterations_per_execution = 2", stops=(9,)))


def test_images_on_the_device(train, one_by_one):
    assert_same(one_by_one, train("training.images_on_device = True"))


@pytest.mark.slow
def test_xla_changes_rounding_only(train, one_by_one):
    """The same draws in both phases, and so the same losses; weights move by Adam's signs."""
    compiled = train("training.xla = True")
    for row, plain in zip(compiled[1], one_by_one[1], strict=True):
        assert row == pytest.approx(plain, rel=1e-3, abs=1e-4)


def test_teapots_are_coloured_on_the_device(tmp_path):
    for variant in ("colour", "rotation"):
        recipe = Teapots(num_images=40, variant=variant)
        for split in (recipe, IdentitySplit(source=recipe, factors=("azimuth",), num_bins=4)):
            split.prepare(tmp_path)
            dataset = split.open(tmp_path)
            order = BatchOrder(dataset.num_images, 16, seed=0)
            feed = DeviceFeed(order, dataset)
            assert feed.kept[0].shape[1:] == (64, 64, 2)
            batch = tf.function(feed.batch)(feed.rows(1, 2)[0])
            np.testing.assert_array_equal(batch, order.batch(dataset, order.indices(1)))


@pytest.mark.parametrize("max_value", [1, 255])
@pytest.mark.parametrize("with_identities", [None, False, True])
def test_both_feeds_give_the_same_batches(max_value, with_identities):
    rng = np.random.default_rng(0)
    images = rng.integers(0, max_value + 1, (20, 5, 3, 1), np.uint8)  # 15 pixels: a byte and more
    dataset = SimpleNamespace(
        train_images=lambda indices: images[indices],
        train_layers=lambda indices: None,
        num_images=20,
        image_shape=(5, 3, 1),
        max_value=max_value,
    )
    order = BatchOrder(20, 4, seed=0)
    if with_identities is not None:
        order = TripletOrder(np.arange(20) // 4, 4, 0, with_identities=with_identities)
    host, device = HostFeed(order, dataset), DeviceFeed(order, dataset)
    for feed in (host, device):
        tf.nest.map_structure(
            lambda spec, rows: spec.is_compatible_with(rows) or pytest.fail(str(spec)),
            feed.signature,
            feed.rows(2, 5),
        )
    first = tf.nest.map_structure(lambda one: one[1], host.rows(2, 5))
    gather = tf.function(device.batch)
    second = gather(tf.nest.map_structure(lambda one: one[1], device.rows(2, 5)))
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)
    tf.nest.map_structure(
        np.testing.assert_array_equal, first, order.batch(dataset, order.indices(3))
    )
