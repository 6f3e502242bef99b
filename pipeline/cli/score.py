"""`run_pipeline.py score`: the metrics on anyone's arrays, without our models or data sets."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import metrics
from pipeline.cli.commands import EXIT_DONE
from pipeline.errors import ConfigurationError
from pipeline.progress import ProgressDisplay
from pipeline.runs.files import file_digest
from pipeline.runs.manifests import versions
from pipeline.runs.tables import write_table

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

The .npz file holds plain arrays (nothing pickled):
  codes         float [points, code_dim]        the representation
  factors       int [points, num_factors]       the known factors (real numbers where continuous)
  codes_test, factors_test                      held-out points; without them, the same points are
                                                fitted and scored, and the table says so
  groups        float [groups, size, code_dim]  codes of images that share one factor's value
  fixed_factor  int [groups]                    which factor that is
  eval_groups, eval_fixed_factor                fresh groups for held-out scores
  codes_std     float [points, code_dim]        for the spread of each code; default: codes
"""


def _points(arrays: Mapping[str, np.ndarray], *names: str) -> list[np.ndarray]:
    """Return arrays by name; a missing test part is the training part."""
    return [
        arrays[name] if name in arrays else arrays[name.removesuffix("_test")] for name in names
    ]


_TRAIN = ("codes", "factors")
_BOTH = (*_TRAIN, "codes_test", "factors_test")


def _groups(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    names = ("eval_groups", "eval_fixed_factor")
    return {name: arrays[name] for name in names if name in arrays}


# metric -> (arrays that must be there, the call: function, arrays, options)
CALLS: dict[str, tuple[tuple[str, ...], Callable]] = {
    "factor_vae": (
        ("groups", "fixed_factor"),
        lambda a: (
            "factor_vae",
            (a["groups"], a["fixed_factor"], a.get("codes_std", a.get("codes"))),
            _groups(a),
        ),
    ),
    "beta_vae": (
        ("groups", "fixed_factor"),
        lambda a: ("beta_vae", (a["groups"], a["fixed_factor"]), _groups(a)),
    ),
    "mig": (_TRAIN, lambda a: ("mig", _points(a, *_TRAIN), {})),
    "sap": (_TRAIN, lambda a: ("sap", _points(a, *_BOTH), {})),
    "modularity": (_TRAIN, lambda a: ("modularity", _points(a, *_TRAIN), {})),
    "explicitness": (_TRAIN, lambda a: ("explicitness", _points(a, *_BOTH), {})),
    **{
        f"dci_{learner}": (
            _TRAIN,
            lambda a, learner=learner: ("dci", _points(a, *_BOTH), {"learner": learner}),
        )
        for learner in ("lasso", "random_forest", "gbt", "hist_gbt", "logistic")
    },
    "irs": (_TRAIN, lambda a: ("irs", _points(a, *_TRAIN), {})),
    **{
        name: (("codes",), lambda a, name=name: (name, (a["codes"],), {}))
        for name in (
            "gaussian_total_correlation",
            "gaussian_wasserstein_correlation",
            "pairwise_mutual_information",
            "dhsic",
        )
    },
}
SLOW = frozenset({"dci_gbt"})  # minutes: computed only when asked for by name
HELD_OUT = frozenset({"sap", "explicitness"})


def main(arguments: Sequence[str]) -> int:
    """Run `score` and return the exit code."""
    options = _build_parser().parse_args(arguments)
    arrays = read_arrays(options.file)
    names = options.metrics or [name for name in CALLS if name not in SLOW and _has(name, arrays)]
    for name in names:
        if not _has(name, arrays):
            missing = [array for array in CALLS[name][0] if array not in arrays]
            raise ConfigurationError(
                f"{options.file} lacks what {name} needs. Expected the arrays "
                f"{', '.join(CALLS[name][0])}. Received: {', '.join(arrays)} "
                f"(missing: {', '.join(missing)})."
            )
    if not names:
        raise ConfigurationError(
            f"{options.file} holds nothing to score. Expected codes and factors, or groups, "
            f"fixed_factor and codes_std. Received: {', '.join(arrays) or '(no arrays)'}."
        )
    table = score_arrays(arrays, names, seed=options.seed, num_resamples=options.resamples)
    table["file"] = options.file.name
    table["file_digest"] = file_digest(options.file)
    table["versions"] = versions()
    shown = table[["metric", "value", "ci_low", "ci_high", "scored_on"]].astype(
        {"ci_low": float, "ci_high": float}
    )
    print(shown.to_string(index=False, na_rep="", float_format="{:.4f}".format))
    if options.csv is not None:
        write_table(options.csv, table, COLUMNS, may_be_empty=("ci_low", "ci_high"))
    return EXIT_DONE


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
) -> pd.DataFrame:
    """Return one row a score: metric, value, interval, what it was scored on.

    Raises:
        ConfigurationError: If an array is not what a metric expects, in the metric's own words.
    """
    display = ProgressDisplay("score")
    rows = []
    for number, name in enumerate(names):
        display.update("metrics", number, len(names), metric=name)
        function, values, options = CALLS[name][1](arrays)
        if function in ("dci", "dhsic"):
            options["seed"] = seed
        try:
            if num_resamples and function in metrics.INTERVAL_METRICS:
                scores, intervals = metrics.score_with_interval(
                    function, *values, seed=seed, num_resamples=num_resamples, **options
                )
            else:
                scores, intervals = getattr(metrics, function)(*values, **options), {}
        except ValueError as error:
            raise ConfigurationError(f"{name}: {error}") from error
        for key, value in scores.items():
            low, high = intervals.get(key, (None, None))
            rows.append(
                {
                    "metric": key,
                    "value": value,
                    "ci_low": low,
                    "ci_high": high,
                    "scored_on": _scored_on(name, key, arrays),
                    "num_points": len(values[0]),
                }
            )
    display.close()
    return pd.DataFrame(rows)


def _scored_on(name: str, key: str, arrays: Mapping[str, np.ndarray]) -> str:
    if key.endswith("_eval"):
        return "held-out groups"
    if name in ("factor_vae", "beta_vae"):
        return "the fitted groups"
    is_held_out = name in HELD_OUT or key.endswith("_test")
    if is_held_out and not key.endswith("_train"):
        return "held-out points" if "codes_test" in arrays else "the fitted points"
    return "the fitted points" if key.endswith("_train") else "all points"


def _has(name: str, arrays: Mapping[str, np.ndarray]) -> bool:
    needed = set(CALLS[name][0])
    if name == "factor_vae" and not {"codes", "codes_std"} & set(arrays):
        return False
    return needed <= set(arrays)


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run_pipeline.py score",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="the .npz file")
    parser.add_argument(
        "--metrics",
        type=_metric_list,
        metavar="A,B",
        help=f"of {','.join(CALLS)}; default: all that the arrays admit, but not dci_gbt",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write the table here")
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
    unknown = [name for name in names if name not in CALLS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"expected one or more of {','.join(CALLS)}; received {text!r}"
        )
    return names
