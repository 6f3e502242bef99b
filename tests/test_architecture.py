"""The rules of the house, read from the imports."""

import ast
import collections
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
ROOMS = ("pipeline", "models", "metrics", "benchmarks")
MODULES = sorted(path for room in ROOMS for path in (REPOSITORY / room).rglob("*.py"))
TESTS = sorted((REPOSITORY / "tests").rglob("*.py"))
STAGES = ("data", "train", "metrics", "select", "report")


def imports(path, top_level_only=False):
    """Return the dotted names that a module imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def roots(names):
    return {name.split(".")[0] for name in names}


def modules_in(room):
    return [path for path in MODULES if path.relative_to(REPOSITORY).parts[0] == room]


def test_models_and_metrics_know_neither_each_other_nor_the_pipeline():
    for path in modules_in("models"):
        assert not roots(imports(path)) & {"pipeline", "metrics", "gin", "pandas", "matplotlib"}
    for path in modules_in("metrics"):
        forbidden = {"pipeline", "models", "tensorflow", "keras", "gin", "pandas"}
        assert not roots(imports(path)) & forbidden, path


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_never_imports_another_stage(stage):
    others = {f"pipeline.stages.{other}" for other in STAGES if other != stage}
    for path in sorted((REPOSITORY / "pipeline" / "stages" / stage).glob("**/*.py")):
        assert not {".".join(name.split(".")[:3]) for name in imports(path)} & others, path


def test_no_circle_of_imports():
    """What a module imports stands below it, the imports inside of functions among them."""
    known = {".".join(path.relative_to(REPOSITORY).with_suffix("").parts): path for path in MODULES}
    below = {}
    for name, path in known.items():
        # `from package import module`, or `from package.module import name`
        found = {one if one in known else one.rpartition(".")[0] for one in imports(path)}
        below[name] = {one for one in found if one in known and one != name}
    list(graphlib.TopologicalSorter(below).static_order())  # raises CycleError with the circle


def test_gin_is_known_at_the_edge_only():
    users = {path.name for path in modules_in("pipeline") if "gin" in roots(imports(path))}
    assert users == {"experiment.py", "gin_files.py"}


def test_gin_holds_data_only():
    assert not list((REPOSITORY / "gin").rglob("*.py"))


@pytest.mark.parametrize(
    "path", [*MODULES, *TESTS], ids=lambda path: str(path.relative_to(REPOSITORY))
)
def test_files_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_rooms_stay_small():
    inhabitants = collections.Counter(path.parent for path in [*MODULES, *TESTS])
    assert {str(room): number for room, number in inhabitants.items() if number > 20} == {}


@pytest.mark.parametrize(
    "module", ["pipeline.cli", "pipeline.stages.order", "pipeline.cli.commands.score"]
)
def test_reading_an_experiment_needs_no_large_library(module):
    code = (
        f"import {module}, sys; from pipeline.experiment import load_experiment; "
        "load_experiment(['gin/dsprites.gin']); "
        "assert not {'tensorflow', 'keras', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def calls(path):
    """Yield every call of a module as (dotted name, keywords with their constant values)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            constants = {
                one.arg: getattr(one.value, "value", None) for one in node.keywords if one.arg
            }
            yield ast.unparse(node.func), constants


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_are_read_without_running_what_they_hold(path):
    assert not roots(imports(path)) & {"pickle", "cPickle", "dill", "cloudpickle", "marshal"}
    for name, constants in calls(path):
        if name in ("np.load", "numpy.load"):
            assert constants.get("allow_pickle", True) is False
        assert constants.get("safe_mode", True) is True
        assert name not in ("eval", "exec", "joblib.load")
        assert not name.endswith(("enable_unsafe_deserialization", "read_pickle"))
