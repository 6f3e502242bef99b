"""`run_pipeline.py score`: the metrics on anyone's arrays, without our models or data sets."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import metrics
from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.given_arrays import check_arrays, needs_classes, real_factors, warnings
from pipeline.cli.parser import add_json_argument, command_parser
from pipeline.errors import ConfigurationError
from pipeline.progress import ProgressDisplay, announce
from pipeline.runs.files import file_digest
from pipeline.runs.manifests import versions
from pipeline.runs.tables import table_records, write_table

COLUMNS = (
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "scored_on",
    "num_points",
    "file",
    "file_digest",
    "versions",
)
DESCRIPTION = """\
Compute disentanglement metrics of codes that any framework produced.

The .npz file holds plain arrays (nothing pickled), named like the arguments of the metrics:
  codes         float [points, code_dim]        the representation
  factors       int [points, num_factors]       the known factors (real numbers where continuous)
  codes_test, factors_test                      held-out points; without them, the same points are
                                                fitted and scored, and the table says so
  groups        float [groups, size, code_dim]  codes of images that share one factor's value
  fixed_factor  int [groups]                    which factor that is
  eval_groups, eval_fixed_factor                fresh groups for held-out scores
  codes_std     float [points, code_dim]        for the spread of each code; default: codes
  means, log_variances  float [points, code_dim]  Gaussian posteriors, for mig_posterior
  attributes    0 or 1 [points, num_attributes] for tad
  identities, identities_test  int [points]     for identity_leakage
  probabilities float [points, classes]         of a classifier, for inception_score and the like
  features, reference_features                  for frechet_distance
  continuous, discrete  bool [num_factors]      which factors are taken as real numbers by sap, or
                                                as classes by dci_es
Without --metrics all that the arrays admit are computed, except those that take minutes. What a
metric needs and means: docs/metrics.md.
"""
# Where an array is missing, another stands for it.
STANDS_FOR = {
    "codes_test": "codes",
    "factors_test": "factors",
    "identities_test": "identities",
    "codes_std": "codes",
}


def main(arguments: Sequence[str]) -> int:
    """Run `score` and return the exit code."""
    options = build_parser().parse_args(arguments)
    arrays = read_arrays(options.file)
    check_arrays(str(options.file), arrays)
    for sentence in warnings(arrays):
        print(f"warning: {sentence}", file=sys.stderr)
    if options.metrics:
        names = options.metrics
        for name in names:
            reason = why_not(name, arrays)
            if reason is not None:
                raise ConfigurationError(f"{options.file} does not admit {name}: {reason}")
    else:
        names = []
        for name, measure in available().items():
            if measure.missing(offered(arrays)) or measure.variant.is_slow:
                continue
            reason = why_not(name, arrays)
            if reason is None:
                names.append(name)
            else:
                announce(f"skipped {name}: {reason}", file=sys.stderr if options.json else None)
    if not names:
        raise ConfigurationError(
            f"{options.file} holds nothing to score. Expected codes and factors, or groups, "
            f"fixed_factor and codes_std. Received: {', '.join(arrays) or '(no arrays)'}."
        )
    table, failures = score_arrays(
        arrays, names, seed=options.seed, num_resamples=options.resamples
    )
    if len(table):
        table["file"] = options.file.name
        table["file_digest"] = file_digest(options.file)
        table["versions"] = versions()
        shown = table[["metric", "value", "ci_low", "ci_high", "scored_on"]].astype(
            {"ci_low": float, "ci_high": float}
        )
        if options.json:
            print(json.dumps(table_records(table), indent=1))
        else:
            print(shown.to_string(index=False, na_rep="", float_format="{:.4f}".format))
        if options.csv is not None:
            write_table(options.csv, table, COLUMNS, may_be_empty=("ci_low", "ci_high"))
    if failures:
        raise ConfigurationError(
            f"{len(failures)} of {len(names)} metrics could not be computed:\n"
            + "\n".join(failures)
        )
    return EXIT_DONE


def available() -> dict[str, metrics.Measure]:
    """Return what can be computed from arrays, by name: all that one call yields."""
    return {
        name: measure
        for name, measure in metrics.CATALOGUE.measures().items()
        if not measure.variant.is_made_by_stage
    }


def offered(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the arguments of metrics that arrays give, with those that stand for others."""
    given = {name: value.item() if value.ndim == 0 else value for name, value in arrays.items()}
    stand_ins = {
        name: given[other]
        for name, other in STANDS_FOR.items()
        if name not in given and other in given
    }
    real = real_factors(arrays)
    if real is not None and any(real) and "continuous" not in given:
        stand_ins["continuous"] = real
    return given | stand_ins


def why_not(name: str, arrays: Mapping[str, np.ndarray]) -> str | None:
    """Say what a metric needs that the arrays do not have; None where nothing lacks."""
    measure = metrics.CATALOGUE.measure(name)
    lacking = measure.missing(offered(arrays))
    if lacking:
        return (
            f"it lacks arrays. Expected {', '.join(measure.metric.arrays)}. Received: "
            f"{', '.join(arrays)} (missing: {', '.join(lacking)})."
        )
    real = real_factors(arrays) or []
    if any(real) and needs_classes(measure):
        return (
            f"it needs factors that are whole numbers. Received: factors with real numbers in "
            f"column {real.index(True)}; put them into bins, such as with numpy.digitize."
        )
    if "two factors" in measure.metric.needs:
        count = _num_varying_factors(measure, arrays)
        if count < 2:
            return f"it needs two factors that vary. Received: {count}."
    return None


def _num_varying_factors(measure: metrics.Measure, arrays: Mapping[str, np.ndarray]) -> int:
    if "fixed_factor" in measure.metric.arrays:
        return len(np.unique(arrays["fixed_factor"]))
    factors = np.asarray(arrays["factors"])
    if factors.ndim != 2 or not len(factors):
        return 2  # the metric itself says what is wrong with them
    return int((factors.max(axis=0) != factors.min(axis=0)).sum())


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file; nothing pickled is loaded.

    Raises:
        ConfigurationError: If there is no such file, or it is not a whole .npz file.
    """
    if not path.is_file():
        raise ConfigurationError(f"There is no file {path}. Expected an .npz file of arrays.")
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except Exception as error:  # zipfile, zlib and numpy each have their own for damage
        raise ConfigurationError(
            f"Cannot read {path}: {error}. Expected an .npz file of plain arrays, as np.savez "
            "writes them."
        ) from error


def score_arrays(
    arrays: Mapping[str, np.ndarray], names: Sequence[str], *, seed: int, num_resamples: int
) -> tuple[pd.DataFrame, list[str]]:
    """Return the scores of metrics that the arrays admit.

    Args:
        arrays: Of the file.
        names: What to compute.
        seed: Of whatever is random.
        num_resamples: Of the bootstrap intervals; 0: no intervals.

    Returns:
        One row for each score (metric, value, interval, what it was scored on), and one line for
        each metric that failed, in the metric's own words: an array is not what it expects.
    """
    display = ProgressDisplay("score")
    rows, failures = [], []
    given = offered(arrays)
    for number, name in enumerate(names):
        display.update("metrics", number, len(names), metric=name)
        measure = metrics.CATALOGUE.measure(name)
        try:
            scores, intervals = measure.score(given, seed=seed, num_resamples=num_resamples)
        except Exception as error:  # whatever becomes of one metric, the others have their turn
            told = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            failures.append(f"{name}: {told}{error}")
            continue
        for key, value in scores.items():
            low, high = intervals.get(key, (None, None))
            rows.append(
                {
                    "metric": key,
                    "value": value,
                    "ci_low": low,
                    "ci_high": high,
                    "scored_on": _scored_on(measure.metric, key, arrays),
                    "num_points": len(given[measure.metric.arrays[0]]),
                }
            )
    display.close()
    return pd.DataFrame(rows), failures


def _scored_on(metric: metrics.Metric, key: str, arrays: Mapping[str, np.ndarray]) -> str:
    if key.endswith("_eval"):
        return "held-out groups"
    if metric.needs & {"groups", "pairs"}:
        return "the fitted groups"
    if key.endswith("_train"):
        return "the fitted points"
    if metric.scores_test_points or key.endswith("_test"):
        is_held_out = {"codes_test", "identities_test"} & arrays.keys()
        return "held-out points" if is_held_out else "the fitted points"
    return "all points"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("score", DESCRIPTION)
    parser.add_argument("file", type=Path, help="the .npz file")
    parser.add_argument(
        "--metrics",
        type=_metric_list,
        metavar="A,B",
        help=f"of {', '.join(available())}; default: all that the arrays admit, "
        "except those that take minutes",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write the table here")
    add_json_argument(parser, "the table")
    parser.add_argument("--seed", type=int, default=0, help="of whatever is random; default: 0")
    parser.add_argument(
        "--resamples",
        type=int,
        default=200,
        metavar="N",
        help="bootstrap resamples of the 95%% intervals; 0: no intervals; default: 200",
    )
    return parser


def _metric_list(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = available()
    unknown = [name for name in names if name not in known]
    if unknown or not names or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(
            f"expected one or more of {','.join(known)}, each once; received {text!r}"
        )
    return names
