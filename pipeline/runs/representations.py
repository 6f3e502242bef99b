"""Which rows of scores.csv stand for a model that is scored in several representations."""

import pandas as pd

MEAN, SAMPLE = "mean", "sample"  # of a posterior, or of whatever a method's encoder gives
REPRESENTATIONS = (MEAN, SAMPLE)


def main_rows(scores: pd.DataFrame, representation: str) -> pd.DataFrame:
    """Return one row for each model, data set, protocol and metric.

    Args:
        scores: Of scores.csv.
        representation: Of the rows that are taken where a model has some under the same protocol;
            elsewhere (methods without a posterior, other protocols) those of the mean are.
    """
    place = ["model_id", "dataset", "protocol"]
    wanted = scores["representation"] == representation
    has_wanted = (
        scores[place]
        .apply(tuple, axis=1)
        .isin(set(scores.loc[wanted, place].itertuples(index=False, name=None)))
    )
    return scores[wanted | (~has_wanted & (scores["representation"] == MEAN))]
