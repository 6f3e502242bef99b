"""Selection methods: the table of their records, by name, in the order of reports.

A new method is a file of this package and one line here.
"""

from pipeline.selection.interchange import INTERCHANGE
from pipeline.selection.method import SelectionMethod
from pipeline.selection.model_centrality import MODEL_CENTRALITY
from pipeline.selection.pipe import PIPE
from pipeline.selection.rank_mean import RANK_MEAN
from pipeline.selection.supervised import SUPERVISED
from pipeline.selection.udr import UDR_LASSO, UDR_SPEARMAN
from pipeline.selection.variation_predictability import VARIATION_PREDICTABILITY
from pipeline.selection.weighted_centrality import WEIGHTED_CENTRALITY

METHODS: dict[str, SelectionMethod] = {
    method.name: method
    for method in (
        MODEL_CENTRALITY,
        UDR_LASSO,
        UDR_SPEARMAN,
        INTERCHANGE,
        WEIGHTED_CENTRALITY,
        VARIATION_PREDICTABILITY,
        PIPE,
        RANK_MEAN,  # after those whose ranks it takes
        SUPERVISED,
    )
}
