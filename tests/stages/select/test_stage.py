"""The select stage on models whose votes and codes are made up: which cells, which rows, when."""

import json
from functools import cached_property
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from metrics import model_centrality
from models.codes.joint_code import GaussianCodes, JointCode, UniformCodes, UniformNoise
from pipeline.errors import StageError
from pipeline.inference.code_table import CodeTable
from pipeline.model_spec import Export
from pipeline.recipes import fingerprint
from pipeline.runs import tables
from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import write_manifest
from pipeline.selection import model_centrality as centrality
from pipeline.selection.cells import Cells
from pipeline.stages.select import stage as select
from pipeline.stages.select.stage import Selection
from pipeline.stages.stage import Context

GAN = JointCode((UniformCodes(4), UniformNoise(2)))
VAE = JointCode((GaussianCodes(5),))


class Voters:
    """In the place of the worker processes: votes from how good two models are, nothing else.

    Counts the cells and the generators' passes that it was asked for.
    """

    num_workers = 1
    threads = 1

    def __init__(self):
        self.cells = 0
        self.passes = 0
        self.fail = ""

    def run(self, function, tasks, display, describe):
        for name, (generator, codes, encoders, options) in tasks:
            if self.fail and self.fail in name:
                yield name, ValueError("out of luck")
                continue
            self.passes += 1
            self.cells += len(encoders)
            votes = [self.vote(generator, path, codes.num_codes, **options) for path in encoders]
            yield name, np.array(votes)

    @staticmethod
    def vote(generator, encoder, num_codes, *, fixed_codes, seed, **_):
        qualities = [int(path.parent.name.split("-q")[1]) / 100 for path in (generator, encoder)]
        key = int(fingerprint(list(seed), encoder.parent.name)[:12], 16)
        rng = np.random.default_rng(key)  # of the pair alone
        is_right = rng.random(len(fixed_codes)) < np.prod(qualities)
        at_random = rng.integers(num_codes, size=len(fixed_codes))
        return np.minimum(np.where(is_right, fixed_codes, at_random), 3)  # every encoder has 4


class World(Context):
    """A run with finished models and no factors: `num_factors` is 0."""

    @cached_property
    def dataset(self):
        points = np.arange(self.experiment.selection.num_udr_points)
        return SimpleNamespace(
            sample_keys=lambda rng, n: points[:n], num_factors=0, fingerprint="da", name="toy"
        )

    def finished_exports(self):
        return self.exports


def export(quality, seed=0, kind=GAN, setting="gan"):
    name = f"{setting}-seed{seed}-q{quality}"
    digest = fingerprint(name)
    is_vae = kind is VAE
    return Export(name, name, "final", setting, setting, seed, 10, digest, kind, is_vae)


def make(root, exports, codes=None, kl=None, **options):
    """Return the world of some models; without `codes` theirs are random."""
    options = {"num_groups": 40, "group_size": 5, "num_std_samples": 10, **options}
    options = {"num_udr_points": 100, "num_resamples": 20, **options}
    experiment = SimpleNamespace(
        selection=Selection(**options),
        metrics=SimpleNamespace(seed=0, main_representation="mean"),
        gin_text="ALPHA = 1.0\n",
        settings=[SimpleNamespace(name=name) for name in sorted({e.setting for e in exports})],
    )
    world = World(experiment, RunDirectory(root), root, Voters())
    world.exports = exports
    for number, one in enumerate(exports):
        table = CodeTable(world.run.codes(one.key))
        points = np.arange(options["num_udr_points"])
        if table.missing(points).any():
            rng = np.random.default_rng(int(one.key[:8], 16))
            own = rng.normal(size=(len(points), one.codes.code_dim))
            table.add(points, own if codes is None else codes[number])
        model = world.run.model(one.parent_id)
        folder = model.export("final")
        folder.root.mkdir(parents=True, exist_ok=True)
        for path in folder.files:
            path.write_text("a network")
        if one.has_posterior:
            nats = [1.0] * one.codes.code_dim if kl is None else np.asarray(kl[number]).tolist()
            folder.code_kl.write_text(json.dumps({"nats": nats}))
        write_manifest(model.manifest, one.fingerprint, folder.files)
    return world


def read(world, name):
    columns = {
        "cross_scores": tables.CROSS_SCORE_COLUMNS,
        "selection": tables.SELECTION_COLUMNS,
        "selection_summary": tables.SELECTION_SUMMARY_COLUMNS,
    }[name]
    return tables.read_table(world.run.root / f"{name}.csv", columns)


def pool_of(*qualities, **details):
    return [export(quality, seed, **details) for seed, quality in enumerate(qualities)]


def test_udr_of_the_golden_models_through_the_stage(tmp_path, request):
    golden = request.path.parents[2] / "golden" / "metrics"
    expected = json.loads((golden / "expected.json").read_text())["udr"]
    with np.load(golden / "udr.npz") as arrays:
        codes, kl = arrays["models"], arrays["kl"]
    exports = pool_of(90, 80, 70, 60, 50, kind=VAE, setting="vae")
    world = make(tmp_path, exports, codes, kl, num_udr_points=1000)
    select.run(world)
    table = read(world, "selection").set_index(["selection_method", "model_id"])
    for method in ("udr_lasso", "udr_spearman"):
        scores = table.loc[method].loc[[one.model_id for one in exports], "score"]
        np.testing.assert_allclose(scores, expected[method], atol=1e-6, rtol=0)
        assert (table.loc[method, "num_compared"] == 4).all()
    assert world.pool.cells == 25  # ModelCentrality's


def test_a_new_model_costs_2n_plus_1_cells_and_changes_no_other(tmp_path):
    exports = pool_of(90, 60, 30, 75)
    world = make(tmp_path, exports)
    select.run(world)
    assert (world.pool.cells, world.pool.passes) == (16, 4)
    before = read(world, "cross_scores").set_index(["encoder_id", "generator_id"])
    world = make(tmp_path, [*exports, export(80, 9)])
    assert select.plan(world)[0].note == "9 of 25 cells to compute"
    select.run(world)
    assert world.pool.cells == 2 * 4 + 1
    after = read(world, "cross_scores").set_index(["encoder_id", "generator_id"])
    pd.testing.assert_frame_equal(after.loc[before.index], before)
    select.run(world)
    assert world.pool.cells == 9 and select.plan(world)[0].reason is None


def test_the_order_of_filling_does_not_matter(tmp_path):
    exports = pool_of(90, 60, 30, 75)
    at_once = make(tmp_path / "a", exports)
    select.run(at_once)
    for size in (2, 3, 4):
        bit_by_bit = make(tmp_path / "b", exports[::-1][:size])
        select.run(bit_by_bit)
    for name in ("cross_scores.csv", "selection.csv", "selection_summary.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_failed_column_keeps_the_others(tmp_path):
    exports = pool_of(90, 60, 30)
    world = make(tmp_path, exports)
    world.pool.fail = exports[1].model_id
    with pytest.raises(StageError, match=r"Cross evaluation failed.*\n.*out of luck"):
        select.run(world)
    world = make(tmp_path, exports)
    select.run(world)
    assert world.pool.cells == 3


def test_the_search_gives_what_the_whole_matrix_gives(tmp_path):
    rng = np.random.default_rng(0)
    qualities = rng.choice(np.arange(30, 99), size=30, replace=False)
    exports = pool_of(*qualities)
    whole = make(tmp_path / "whole", exports, num_groups=400, methods=("model_centrality",))
    select.run(whole)
    part = make(
        tmp_path / "part",
        exports,
        num_groups=400,
        methods=("model_centrality",),
        search_medoid=True,
    )
    select.run(part)
    assert part.pool.cells <= 0.4 * 900 < whole.pool.cells == 900
    summary, expected = read(part, "selection_summary"), read(whole, "selection_summary")
    assert summary.model_id.tolist() == expected.model_id.tolist()
    assert summary.num_cells.tolist() == [part.pool.cells]
    ranks = read(part, "selection").sort_values("rank")
    assert ranks.confidence.sum() == pytest.approx(1)
    assert ranks.num_compared.iloc[0] == 29 > ranks.num_compared.iloc[-1]
    exact = read(whole, "selection").set_index("model_id").score
    finalists = ranks[ranks.num_compared == 29].set_index("model_id").score
    np.testing.assert_allclose(finalists, exact[finalists.index], atol=1e-12)
    assert len(read(part, "cross_scores")) == part.pool.cells
    # Nothing is computed twice: the whole matrix needs only what the search left out.
    rest = make(tmp_path / "part", exports, num_groups=400, methods=("model_centrality",))
    select.run(rest)
    assert rest.pool.cells == 900 - part.pool.cells


def test_pools_share_their_cells_and_rank_apart(tmp_path):
    vaes = pool_of(95, 60, 70, kind=VAE, setting="vae")
    gans = pool_of(90, 50)
    pools = {"vaes": ("vae",), "gans": ("g*",), "all": ("*",)}
    world = make(tmp_path, [*vaes, *gans], pools=pools)
    select.run(world)
    assert world.pool.cells == 25
    summary = read(world, "selection_summary").set_index(["pool", "selection_method"])
    assert len(summary) == 9 and set(summary.num_models) == {2, 3, 5}
    assert summary.loc[("gans", "model_centrality"), "model_id"] == min(e.model_id for e in gans)
    # Two models agree equally with each other: a tie, of which the table warns.
    assert "tied" in summary.loc[("gans", "model_centrality"), "warnings"] or (
        summary.loc[("gans", "model_centrality"), "confidence"] == 0.5
    )
    apart = make(tmp_path / "apart", [*vaes, *gans], pools={"vaes": ("vae",), "gans": ("gan",)})
    select.run(apart)
    assert apart.pool.cells == 9 + 4


def test_vaes_offer_informative_latents_where_they_meet_gans(tmp_path):
    vaes = pool_of(95, 60, kind=VAE, setting="vae")
    kl = [[1.0, 0.0, 0.5, 0.005, 0.02], [0.0] * 5]
    world = make(tmp_path, [*vaes, export(80)], kl=kl)
    select.run(world)
    offered = read(world, "cross_scores").groupby("generator_id").num_fixed_codes.first()
    assert offered.to_dict() == {
        vaes[0].model_id: 3,
        vaes[1].model_id: 5,  # collapsed: it has nothing else to offer
        export(80).model_id: 4,
    }
    alone = make(tmp_path, vaes, kl=kl)
    select.run(alone)  # as published: all latents, so other votes
    assert (read(alone, "cross_scores").num_fixed_codes == 5).all()
    assert alone.pool.cells == 2  # the column of the model that offers all of them anyway is there
    warnings = read(alone, "selection_summary").warnings
    assert warnings.str.contains("1 of 2 models collapsed").all()


def test_interchange_and_the_mean_of_ranks(tmp_path):
    methods = ("model_centrality", "udr_spearman", "interchange", "rank_mean")
    exports = pool_of(95, 60, 30)
    world = make(tmp_path, exports, num_groups=400, methods=methods)
    select.run(world)
    table = read(world, "selection").set_index(["selection_method", "model_id"])
    assert world.pool.cells == 9  # the votes are ModelCentrality's
    ids = [one.model_id for one in exports]
    found = table.loc["interchange"].loc[ids]
    assert found["rank"].tolist() == [1, 2, 3]
    assert found.confidence.sum() == pytest.approx(1)
    places = [table.loc[method].loc[ids, "rank"].to_numpy() for method in methods[:-1]]
    expected = 1 - (np.mean(places, axis=0) - 1) / 2
    np.testing.assert_allclose(table.loc["rank_mean"].loc[ids, "score"], expected)
    only = {"rank_mean": {"of": ("udr_spearman", "interchange")}}
    world = make(tmp_path, exports, num_groups=400, methods=methods, method_options=only)
    select.run(world)
    table = read(world, "selection").set_index(["selection_method", "model_id"])
    expected = 1 - (np.mean(places[1:], axis=0) - 1) / 2
    np.testing.assert_allclose(table.loc["rank_mean"].loc[ids, "score"], expected)


def test_interchange_takes_no_collapsed_model(tmp_path):
    vaes = pool_of(30, 60, 95, kind=VAE, setting="vae")
    kl = [[1.0] * 5, [1.0] * 5, [0.0] * 5]
    world = make(tmp_path, vaes, kl=kl, num_groups=400, methods=("interchange",))
    select.run(world)
    found = read(world, "selection").set_index("seed")
    assert found.loc[2, "score"] == 0.0 and found.loc[2, "rank"] == 3
    assert (found.score.loc[[0, 1]] > 0).all()


def test_weighted_centrality_takes_no_model_that_misses_a_code(tmp_path):
    vaes = pool_of(95, 60, 30, kind=VAE, setting="vae")
    kl = [[1.0, 1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 0.0]]
    methods = ("model_centrality", "weighted_centrality")
    world = make(tmp_path, vaes, kl=kl, num_groups=400, methods=methods)
    select.run(world)
    table = read(world, "selection").set_index(["selection_method", "model_id"])
    ids = [one.model_id for one in vaes]
    plain, weighted = (table.loc[method].loc[ids] for method in methods)
    assert plain.num_informative.tolist() == [2, 3, 4]  # usual: 3
    np.testing.assert_allclose(weighted.score, plain.score * [2 / 3, 1, 1])
    assert (plain["rank"].iloc[0], weighted["rank"].iloc[0]) == (1, 3)
    assert weighted.confidence.sum() == pytest.approx(1)
    assert world.pool.cells == 9  # the votes are ModelCentrality's


def test_small_pools_are_never_searched(tmp_path):
    world = make(tmp_path, pool_of(*range(40, 69)), methods=("model_centrality",))
    select.run(world)
    searched = make(
        tmp_path / "b", pool_of(*range(40, 69)), methods=("model_centrality",), search_medoid=True
    )
    select.run(searched)
    assert searched.pool.cells == 29**2
    for name in ("cross_scores", "selection", "selection_summary"):
        pd.testing.assert_frame_equal(read(world, name), read(searched, name))


def test_the_number_of_codes_in_use_is_told(tmp_path, capsys):
    vaes = pool_of(95, 60, 70, kind=VAE, setting="vae")
    kl = [[1.0, 0.0, 0.5, 0.0, 0.0], [1.0, 0.5, 0.5, 0.0, 0.0], [1.0, 1.0, 1.0, 0.5, 0.0]]
    world = make(tmp_path, vaes, kl=kl, methods=("udr_spearman",))
    select.run(world)
    table = read(world, "selection").set_index("model_id")
    assert table.num_informative[[one.model_id for one in vaes]].tolist() == [2, 3, 4]
    summary = read(world, "selection_summary")
    assert summary.usual_num_informative.tolist() == [3]
    said = capsys.readouterr().err
    assert "models use 2 to 4 codes, half of them 3 or fewer: 3 of 5 codes would do" in said


def test_a_missing_kl_is_explained(tmp_path):
    exports = pool_of(95, 60, kind=VAE, setting="vae")
    world = make(tmp_path, exports)
    world.run.model(exports[0].model_id).export("final").code_kl.unlink()
    with pytest.raises(StageError, match=r"code_kl\.json is missing.*--stages train"):
        select.run(world)


def test_a_degenerate_pool_is_named(tmp_path, capsys):
    exports = pool_of(0, 1, 2)
    codes = np.full((3, 100, 4), 0.5)
    world = make(tmp_path, exports, codes, num_groups=200)
    select.run(world)
    said = capsys.readouterr().err
    assert "warning: pool all: all 3 models collapsed" in said
    assert "warning: pool all, model_centrality: scores at chance" in said
    summary = read(world, "selection_summary").set_index("selection_method")
    assert "collapsed" in summary.loc["udr_lasso", "warnings"]
    assert (
        read(world, "selection").set_index("selection_method").loc["udr_lasso"].score == 0
    ).all()


def test_the_confidence_follows_the_votes(tmp_path):
    world = make(tmp_path, pool_of(99, 40, 45, 50), num_groups=400, num_resamples=100)
    select.run(world)
    table = read(world, "selection")
    table = table[table.selection_method == "model_centrality"].set_index("seed")
    assert table.loc[0, "rank"] == 1 and table.loc[0, "confidence"] > 0.95
    cells = Cells(world, world.exports, informative_only=False)
    np.testing.assert_allclose(
        table.score.sort_index(),
        model_centrality(cells.matrix(world.exports)),
    )


def test_only_the_methods_asked_for_run(tmp_path):
    world = make(tmp_path, pool_of(90, 60, 30), methods=("udr_spearman",))
    select.run(world)
    assert world.pool.cells == 0
    assert set(read(world, "selection").selection_method) == {"udr_spearman"}
    assert read(world, "cross_scores").empty


def test_a_forced_stage_casts_all_votes_again(tmp_path):
    exports = pool_of(90, 60)
    select.run(make(tmp_path, exports))
    world = make(tmp_path, exports)
    world.forced = frozenset({"select"})
    assert select.plan(world)[0].note == "4 of 4 cells to compute"
    select.run(world)
    assert world.pool.cells == 4


def test_large_columns_are_cast_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.selection.cells.ENCODERS_AT_ONCE", 2)
    world = make(tmp_path, pool_of(90, 60, 30, 75, 85))
    select.run(world)
    assert (world.pool.cells, world.pool.passes) == (25, 15)


def test_only_the_first_of_a_large_pool_are_resampled(tmp_path, monkeypatch):
    exports = pool_of(90, 85, 60, 30, 75)
    select.run(make(tmp_path / "all", exports))
    monkeypatch.setattr(centrality, "MAX_CANDIDATES", 2)
    select.run(make(tmp_path / "two", exports))
    for name in ("all", "two"):
        world = make(tmp_path / name, exports)
        table = read(world, "selection")
        table = table[table.selection_method == "model_centrality"].set_index("seed")
        assert table.confidence.sum() == pytest.approx(1)
        assert table.confidence[[2, 3, 4]].sum() < 0.1
    assert (table.confidence[[2, 3, 4]] == 0).all()
