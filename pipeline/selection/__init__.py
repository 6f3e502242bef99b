"""Selection methods: the table of their records, by name, in the order of reports.

A new method is a file of this package and one line here.
"""

from pipeline.selection.method import SelectionMethod
from pipeline.selection.model_centrality import MODEL_CENTRALITY
from pipeline.selection.supervised import SUPERVISED
from pipeline.selection.udr import UDR_LASSO, UDR_SPEARMAN

METHODS: dict[str, SelectionMethod] = {
    method.name: method for method in (MODEL_CENTRALITY, UDR_LASSO, UDR_SPEARMAN, SUPERVISED)
}
