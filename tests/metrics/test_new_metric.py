"""A new metric is a file and a line of the face: protocol, score, report and docs know it then."""

import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
METRIC = '''\
"""The share of codes that vary, as an example."""

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import check_codes, varying_columns


def still_codes(codes):
    """Return the share of codes that take one value only.

    Args:
        codes: float `[points, code_dim]`.
    """
    return {"still_codes": float(1 - varying_columns(check_codes(codes)).mean())}


STILL_CODES = Metric(
    name="still_codes",
    title="Still codes",
    function=still_codes,
    needs=frozenset({"codes"}),
    results=(Result("still_codes", "Still codes", "low"),),
    variants=(Variant(name="still_codes", protocols=("recent",)),),
    bootstrap="None: a count.",
    source="ours",
    pitfalls="It says nothing of the others.",
)
'''
LINE = "from metrics.disentanglement.still import STILL_CODES, still_codes\n"
USE = """
import numpy as np
import metrics
from metrics.shared.documentation import page
from pipeline import metric_names
from pipeline.cli import main
from pipeline.stages.metrics.metric_results import write_result
from pipeline.stages.metrics.protocols import RecentProtocol

protocol = RecentProtocol(
    metrics=("still_codes",), num_train_points=4, num_test_points=4, num_attribute_points=4
)

class Sample:
    codes = np.array([[0.0, 1.0], [0.0, 2.0]])

class Data:
    num_factors, factor_sizes = 0, ()

assert protocol.admits("still_codes", Data)
samples = {"train": Sample, "test": Sample}
scores, _, _ = protocol.measure(
    "still_codes", samples, Data, seed=0, num_resamples=5, level=0.95
)
assert scores == {"still_codes": 0.5}
write_result(__import__("pathlib").Path("result.json"), scores, {}, 2)
assert metric_names.title("still_codes").endswith("\\u2193")
assert "### Still codes" in page(metrics.CATALOGUE)
np.savez("arrays.npz", codes=Sample.codes)
assert main(["score", "arrays.npz", "--metrics", "still_codes"]) == 0
"""


def test_a_metric_is_a_file_and_a_line(tmp_path):
    for room in ("metrics", "models", "pipeline", "gin"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / room, tmp_path / room, ignore=ignored)
    (tmp_path / "metrics" / "disentanglement" / "still.py").write_text(METRIC, encoding="utf-8")
    face = tmp_path / "metrics" / "__init__.py"
    text = face.read_text(encoding="utf-8")
    place = text.index("from metrics.disentanglement.tad_score")
    face.write_text(text[:place] + LINE + text[place:], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
