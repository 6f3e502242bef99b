"""Results that selection methods keep: computed once for their content, named when they fail."""

import dataclasses
from functools import cached_property
from types import SimpleNamespace

import pytest

from models.codes.joint_code import JointCode, UniformCodes
from pipeline.errors import StageError
from pipeline.execution import tensorflow_setup
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import write_manifest
from pipeline.selection import METHODS
from pipeline.selection.evidence import Evidence
from pipeline.selection.method import SelectionMethod
from pipeline.selection.ranking import Pool
from pipeline.stages.stage import Context


class Here:
    """In the place of the worker processes: this one."""

    def run(self, function, tasks, display, describe):
        for name, arguments in tasks:
            try:
                yield name, function(*arguments, progress=lambda *_: None)
            except ValueError as error:
                yield name, error


class World(Context):
    @cached_property
    def dataset(self):
        return SimpleNamespace(fingerprint="da")


def judge(subject, *, progress):
    """Count the networks, and say which draws would be made."""
    if subject.options.get("fail"):
        raise ValueError("out of luck")
    return {"count": len(subject.networks), "seed": subject.seed[0]}


@pytest.fixture
def evidence(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorflow_setup, "configure", lambda: None)
    experiment = SimpleNamespace(selection=None, dataset="a recipe")
    world = World(experiment, RunDirectory(tmp_path), tmp_path, Here())
    exports = []
    for name in "ab":
        one = Export(name, name, "final", "s", "m", 0, 1, fingerprint(name), JointCode(CODES))
        folder = world.run.model(name).export("final")
        folder.root.mkdir(parents=True)
        for path in folder.files:
            path.write_text("a network")
        write_manifest(world.run.model(name).manifest, one.fingerprint, folder.files)
        exports.append(one)
    pool = Pool("all", tuple(exports))
    return Evidence(world, {"all": pool}, ProgressDisplay("test"))


CODES = (UniformCodes(2),)


def test_what_was_said_of_a_subject_is_kept_by_content(evidence):
    first, second = evidence.exports
    alone = evidence.compute("toy", judge, [(first,), (second,)], {"version": 1})
    assert [one["count"] for one in alone] == [1, 1] and alone[0]["seed"] != alone[1]["seed"]
    assert len(evidence.files) == 2 and all(path.exists() for path in evidence.files)

    def never(subject, *, progress):
        raise AssertionError("computed again")

    assert evidence.compute("toy", never, [(first,), (second,)], {"version": 1}) == alone
    (together,) = evidence.compute("toy", judge, [(first, second)], {"version": 1})
    assert together["count"] == 2  # other subjects, other options: other files
    with pytest.raises(AssertionError, match="computed again"):
        evidence.compute("toy", never, [(first,)], {"version": 2})
    evidence.context.forced = frozenset({"select"})
    with pytest.raises(AssertionError, match="computed again"):
        evidence.compute("toy", never, [(first,)], {"version": 1})


def test_a_subject_that_fails_is_named_and_a_damaged_network_refused(evidence):
    first, second = evidence.exports
    with pytest.raises(StageError, match=r"toy failed for the models\n.*toy a: out of luck"):
        evidence.compute("toy", judge, [(first,)], {"fail": True})
    evidence.context.run.model("b").export("final").encoder.write_text("another network")
    with pytest.raises(StageError, match=r"encoder\.keras is damaged"):
        evidence.compute("toy", judge, [(second,)], {"version": 1})


def test_a_record_says_what_can_be_had():
    fields = {field.name for field in dataclasses.fields(SelectionMethod)}
    assert {"name", "title", "reason", "source", "needs", "rank", "confidence"} <= fields
    for name, method in METHODS.items():
        assert method.name == name and method.title and method.reason and method.source
    assert [name for name, method in METHODS.items() if method.needs_labels] == ["supervised"]
    with pytest.raises(ValueError, match="Expected some of cells.*Received: oracles"):
        dataclasses.replace(METHODS["supervised"], needs=frozenset({"oracles"}))
