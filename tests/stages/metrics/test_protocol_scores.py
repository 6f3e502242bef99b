"""Whatever becomes of one metric, the results of the others are kept."""

import types
from pathlib import Path

import numpy as np
import pytest

from pipeline.datasets.squares import Squares
from pipeline.errors import StageError
from pipeline.inference.code_table import CodeTable, key_ids
from pipeline.stages.metrics.metric_results import read_result, write_result
from pipeline.stages.metrics.options import Metrics
from pipeline.stages.metrics.protocol_scores import Work, _measure_metrics
from pipeline.stages.metrics.protocols import CrProtocol


class Run:
    """The paths that the part asks for, in one folder."""

    def __init__(self, root: Path):
        self.root = root

    def codes(self, key):
        return self.root / f"{key}.npz"

    def metric_result(self, key, result_key):
        return self.root / key / f"{result_key}.json"


def work_on_squares(cache, root, names):
    """Return `(experiment, run, work)` whose codes are the factors of squares."""
    recipe = Squares(image_size=16, positions=8, sizes=(4.0,), num_colours=8)
    recipe.prepare(cache)
    dataset = recipe.open(cache)
    protocol = CrProtocol(metrics=names, num_points=200, num_groups=30, group_size=10)
    run = Run(root)
    keys = np.concatenate([draw.keys for draw in protocol.draws(dataset, seed=0).values()])
    CodeTable(run.codes("model")).add(key_ids(keys), dataset.factors_of(keys).astype(np.float32))
    options = Metrics(protocols=(protocol,), num_resamples=0)
    experiment = types.SimpleNamespace(dataset=recipe, metrics=options)
    return experiment, run, Work(types.SimpleNamespace(key="model"), protocol, "mean", names)


def test_one_metric_fails_and_the_others_are_kept(cache, tmp_path, monkeypatch):
    names = ("factor_vae", "mig", "modularity")
    experiment, run, work = work_on_squares(cache, tmp_path, names)
    whole = CrProtocol.measure

    def measure(protocol, metric, *arguments, **options):
        if metric == "mig":
            raise ZeroDivisionError("nothing to divide by")
        return whole(protocol, metric, *arguments, **options)

    monkeypatch.setattr(CrProtocol, "measure", measure)
    with pytest.raises(StageError, match="mig: ZeroDivisionError: nothing to divide by"):
        _measure_metrics(experiment, run, cache, work, progress=lambda *_, **__: None)
    kept = {
        name: read_result(
            run.metric_result("model", experiment.metrics.result_key(work.protocol, name))
        )
        for name in names
    }
    assert kept["mig"] is None
    assert kept["factor_vae"]["scores"]["factor_vae"] == 1.0
    assert set(kept["modularity"]["scores"]) == {"modularity"}


def test_a_result_that_no_record_declares_is_not_kept(tmp_path):
    path = tmp_path / "result.json"
    with pytest.raises(ValueError, match="no record declares.*Received: half"):
        write_result(path, {"mig": 0.1, "half": 0.5}, {}, 100)
    assert not path.exists()
