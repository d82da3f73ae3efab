"""How the union of active neurons grows with the number of tokens, and the overlap between tokens that this means."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from turbosparse.synthetic import MEASURED_UNIONS, fit_overlap

# Share of the neurons that at least one of so many tokens of different requests activates, by name.
GROWTHS: Mapping[str, Mapping[int, float]] = {
    # Where sparsity was learned, in a model of 5 million parameters.
    "measured": MEASURED_UNIONS["independent"],
    # A guess at models of this size, whose tokens are thought to share more: between tokens that have nothing in common
    # (19, 34, 57 and 82 % at 2, 4, 8 and 16) and what was published for the routers of OPT-66B (8, 11.6, 17.5 and
    # 26.3 %). It is the overlap of `turbosparse.bench`.
    "proxy": {1: 0.101, 2: 0.172, 4: 0.272, 8: 0.389, 16: 0.512, 32: 0.628, 64: 0.728},
}
DEFAULT_GROWTH = "measured"


@functools.cache
def named_overlap(name: str = DEFAULT_GROWTH) -> float:
    """The overlap of one of `GROWTHS`."""
    return round(fit_overlap(GROWTHS[name]), 3)
