"""How a metric is written for a reader, from the records beside the metrics' functions."""

from collections.abc import Collection

import metrics

ARROWS = {"high": "\N{NO-BREAK SPACE}↑", "low": "\N{NO-BREAK SPACE}↓", "": ""}


def order(metric: str) -> tuple[int, str]:
    """Return a key that sorts results for a reader; what no record declares stands last."""
    return (metrics.CATALOGUE.place(metric), metric)


def name(metric: str) -> str:
    """Return what a result is called."""
    result = metrics.CATALOGUE.result(metric)
    return result.title if result else metric.replace("_", " ")


def needs_factors(metric: str) -> bool:
    """Say whether a result is measured against known factors, labels or identities."""
    measure = metrics.CATALOGUE.measure_of(metric)
    return measure is not None and measure.metric.needs_labels


def better_end(metric: str) -> str:
    """Return "high" or "low", or "" where neither is better or no record says which."""
    result = metrics.CATALOGUE.result(metric)
    return result.direction if result and result.direction != "none" else ""


def title(metric: str) -> str:
    """Return the name of a result with an arrow to its better end."""
    return name(metric) + ARROWS[better_end(metric)]


def _paper_table() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return column -> title and the results that can stand in it, first choice first."""
    columns: dict[str, list] = {column: [] for column in PAPER_COLUMNS}
    for key in metrics.CATALOGUE.keys:
        result, measure = metrics.CATALOGUE.result(key), metrics.CATALOGUE.measure_of(key)
        if result and measure and result.paper_choice is not None:
            metric = measure.metric
            columns[metric.name].append((result.paper_choice, metric.title, key))
    return {
        column: (found[0][1], tuple(key for _, _, key in sorted(found)))
        for column, found in columns.items()
    }


# The table of Lin et al. 2020, by the metrics' names in the order of its columns.
PAPER_COLUMNS = ("factor_vae", "dci", "sap", "explicitness", "modularity", "mig", "beta_vae")
PAPER_TABLE = _paper_table()


def paper_columns(measured: Collection[str]) -> dict[str, str]:
    """Return column -> result of the paper's table, of those columns that were measured."""
    chosen = {
        column: next((key for key in keys if key in measured), None)
        for column, (_, keys) in PAPER_TABLE.items()
    }
    return {column: key for column, key in chosen.items() if key is not None}


def dci_learner(metric: str) -> str:
    """Return the learner of a DCI result, such as "random_forest"."""
    measure = metrics.CATALOGUE.measure_of(metric)
    if measure is None:
        raise ValueError(f"{metric} is no result of a metric. Expected one of DCI")
    return measure.variant.options["learner"]
