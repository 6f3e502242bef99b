"""The plots of the report, in the order of the page: a new one is a file here and a line below."""

from pipeline.stages.report.plots import (
    centrality,
    class_table,
    features,
    identities,
    settings,
    similarity,
    trade_off,
    training,
)
from pipeline.stages.report.plots.plot import Plot

PLOTS: tuple[Plot, ...] = (
    settings.PLOT,
    trade_off.PLOT,
    features.PLOT,
    class_table.PLOT,
    similarity.PLOT,
    centrality.PLOT,
    identities.PLOT,
    training.METRIC,
    training.LOSSES,
)
