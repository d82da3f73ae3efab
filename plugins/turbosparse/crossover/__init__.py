"""From how many tokens on an operator runs dense GEMMs instead of the sparse kernels.

A token more widens the union of active neurons, and dense GEMMs read every neuron whatever the union: at some number of
tokens they are faster. Where that is has been measured by `python -m turbosparse.tune` for the GPUs and shapes in
`turbosparse/tables`; for others a roofline formula says it. Both paths compute the same function. The number of tokens
is all that the choice depends on at run time, so one CUDA graph takes one path.
"""

from turbosparse.crossover.choice import MOST_SPARSE_TOKENS, dense_from_tokens, override, runs_dense
from turbosparse.crossover.shape import OperatorShape
from turbosparse.crossover.table import Entry, Measured, Table, TableError

__all__ = [
    "MOST_SPARSE_TOKENS",
    "Entry",
    "Measured",
    "OperatorShape",
    "Table",
    "TableError",
    "dense_from_tokens",
    "override",
    "runs_dense",
]
