"""Collectives.

Signatures of `tensorrt_llm/_torch/distributed/ops.py` at commit 9e776418150235c761d2d737dc8290ff49a4eb9f.
"""

from plain.parallel import PlainAllReduce, gathered

from tensorrt_llm.functional import AllReduceStrategy


class AllReduce(PlainAllReduce):
    def __init__(self, mapping, strategy=AllReduceStrategy.AUTO, dtype=None):
        super().__init__(mapping)
        self.strategy, self.dtype = strategy, dtype

    def forward(self, input, *, all_reduce_params=None):
        assert all_reduce_params is None, "only plain sums are used"
        return self.reduced(input)


def allgather(input, mapping, dim=-1, sizes=None):
    assert sizes is None, "ranks have equal parts"
    return gathered(input, mapping, dim)
