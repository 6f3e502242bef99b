"""What is known of the time that training takes, and when it is not."""

import pytest

from pipeline.experiment import load_experiment
from pipeline.stages.train.timings import (
    MIN_ITERATIONS,
    Stopwatch,
    keep_training,
    training_seconds,
)

SHAPE = (64, 64, 1)


def spec(*settings):
    budget = ["ITERATIONS = 1000", "ALPHA_FROM = 900", "GAP_FROM = 2000", *settings]
    experiment = load_experiment(["gin/dsprites.gin", "gin/parts/budgets/smoke.gin"], budget)
    return experiment.model_specs("images")[0]


def watch(seconds_per_iteration, iterations=MIN_ITERATIONS):
    stopwatch = Stopwatch()
    for iteration in range(iterations + 1):
        # The first one takes long, since it compiles.
        stopwatch.tick(iteration + 1, 100.0 + iteration * seconds_per_iteration)
    return stopwatch


def test_a_stopwatch_leaves_the_first_iteration_out_and_wants_enough_of_them():
    assert watch(0.5).seconds_per_iteration == pytest.approx(0.5)
    assert watch(0.5, MIN_ITERATIONS - 1).seconds_per_iteration is None
    assert Stopwatch().seconds_per_iteration is None


def test_every_segment_has_a_time_of_its_own(tmp_path):
    model = spec()
    assert model.method.milestones == (900,)
    assert training_seconds(tmp_path, model, SHAPE, 0) is None
    keep_training(tmp_path, model, SHAPE, {0: watch(0.1)})
    assert training_seconds(tmp_path, model, SHAPE, 0) is None  # nobody knows the second yet
    keep_training(tmp_path, model, SHAPE, {950: watch(0.3)})  # resumed inside of it
    assert training_seconds(tmp_path, model, SHAPE, 0) == pytest.approx(900 * 0.1 + 100 * 0.3)
    assert training_seconds(tmp_path, model, SHAPE, 880) == pytest.approx(20 * 0.1 + 100 * 0.3)
    assert training_seconds(tmp_path, model, SHAPE, 1000) == 0.0


def test_another_length_or_schedule_takes_as_long_an_iteration_other_work_does_not(tmp_path):
    keep_training(tmp_path, spec(), SHAPE, {0: watch(0.1), 900: watch(0.3)})
    longer = spec("ITERATIONS = 5000", "ALPHA_FROM = 4000", "GAP_FROM = 6000")
    expected = 4000 * 0.1 + 1000 * 0.3
    assert training_seconds(tmp_path, longer, SHAPE, 0) == pytest.approx(expected)
    assert training_seconds(tmp_path, spec("BATCH_SIZE = 128"), SHAPE, 0) is None
    assert training_seconds(tmp_path, spec("deconv_generator.dense = (64,)"), SHAPE, 0) is None
    assert training_seconds(tmp_path, spec(), (32, 32, 1), 0) is None


def test_a_damaged_figure_is_an_unknown_one(tmp_path):
    keep_training(tmp_path, spec(), SHAPE, {0: watch(0.1), 900: watch(0.3)})
    for path in (tmp_path / "timings").iterdir():
        path.write_text("{")
    assert training_seconds(tmp_path, spec(), SHAPE, 0) is None
