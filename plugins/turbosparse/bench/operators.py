"""The operators that are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from turbosparse import ops, reference
from turbosparse.bench import reads
from turbosparse.bench.layer import Layer
from turbosparse.bench.machine import Machine
from turbosparse.bench.model import Model
from turbosparse.bench.timing import Step
from turbosparse.bench.verify import WrongResultError, compare, expected
from turbosparse.crossover import MOST_SPARSE_TOKENS, OperatorShape


@dataclass(frozen=True)
class Operator:
    """One operator, or the two that make a layer.

    selection: how the call comes to its active neurons: they are given, predicted or found by the gates.
    mixture: whether it is of models with several experts; None is of both.
    computes: whether it computes the FFN, or only predicts.
    chosen_as: the operator whose crossover decides between sparse and dense; None for up to 64 tokens sparse.
    """

    name: str
    selection: Literal["given", "predictor", "gate"]
    mixture: bool | None
    computes: bool = True
    chosen_as: str | None = None

    def belongs_to(self, model: Model) -> bool:
        if self.mixture is not None and self.mixture != (model.experts > 1):
            return False
        return self.selection == "given" or (self.selection == "predictor") == model.predictor

    def shape(self, model: Model) -> OperatorShape:
        return model.shape(predicts=self.selection == "predictor")

    def runs_dense(self, machine: Machine, model: Model, tokens: int) -> bool:
        """Whether so many tokens take dense GEMMs."""
        if self.chosen_as is None:
            return tokens > MOST_SPARSE_TOKENS
        # An ffn does not know of the predictor that its active set is from.
        shape = model.shape(predicts=self.chosen_as == "moe")
        return machine.runs_dense(self.chosen_as, shape, tokens)

    def step(self, layer: Layer) -> Step:
        """A call on the layer; what the operator is given is made here."""
        if not self.computes:
            return layer.predict
        if self.selection != "given":
            return layer.run
        active = ops.pack_mask(layer.mask)
        return lambda: ops.ffn(layer.x, layer.weights, *active, *layer.model.function)

    def verify(self, layer: Layer) -> None:
        """Raises WrongResultError when a call computes something else than float64 does."""
        result = self.step(layer)()
        if self.computes:
            compare(result, *expected(layer))
        else:
            _compare_active_set(layer, *result)

    def bytes_read(self, layer: Layer) -> int:
        """Bytes of weights that a call must read."""
        if self.selection == "gate":
            return reads.gate_first(layer)
        predicted = reads.predictor(layer) if self.selection == "predictor" else 0
        return predicted + (reads.active_neurons(layer) if self.computes else 0)

    def least_bytes_read(self, model: Model, density: float) -> float:
        """Those of one token, before there is a layer."""
        if self.selection == "gate":
            return reads.least_gate_first(model)
        predicted = reads.least_predictor(model) if self.selection == "predictor" else 0.0
        return predicted + (reads.least_active_neurons(model, density) if self.computes else 0.0)


def _compare_active_set(layer: Layer, union_bits: torch.Tensor, token_bits: torch.Tensor) -> None:
    mask = layer.routed()
    wrong = int((reference.unpack_mask(token_bits, len(layer.x)) != mask).sum())
    if wrong:
        raise WrongResultError(f"{wrong} of {mask.numel()} neurons are selected or dropped against the planted mask")
    if not torch.equal(reference.unpack_union(union_bits, mask.shape[2]), mask.any(0)):
        raise WrongResultError("the union is not that of the tokens")


OPERATORS = {
    operator.name: operator
    for operator in (
        Operator("ffn", "given", mixture=False, chosen_as="ffn"),
        Operator("predict", "predictor", mixture=None, computes=False),
        Operator("ffn_predicted", "predictor", mixture=False, chosen_as="ffn"),
        Operator("ffn_gate_first", "gate", mixture=False, chosen_as="ffn_gate_first"),
        Operator("moe", "predictor", mixture=True, chosen_as="moe"),
        Operator("moe_gate_first", "gate", mixture=True, chosen_as="moe_gate_first"),
    )
}
