"""What a checkpoint's greedy decoding must say, by the float64 reference of the whole model."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from turbosparse.reference.decoder import DecoderLayer, decode
from turbosparse.weights import Checkpoint
from turbosparse.weights.decoder import Decoder


@dataclass(frozen=True)
class Verdict:
    """On the tokens generated for one request, position by position.

    `right`: the token's logit is within the bound of the largest. `decided`: no other token's is, so that a correct
    16-bit evaluation says this one. `changed_by_neurons`: without active neurons the model would say another.
    """

    right: list[bool]
    decided: list[bool]
    changed_by_neurons: list[bool]


class Truth:
    """A checkpoint's logits in float64, and how far an evaluation in its own dtype may be from them."""

    def __init__(self, folder: Path, dtype: torch.dtype, device: str) -> None:
        checkpoint = Checkpoint(folder)
        self.exact, self.rounded = (_Model(checkpoint, kind, device) for kind in (torch.float64, dtype))
        self.bound = 0.0

    def measure_bound(self, sequences: list[list[int]]) -> float:
        """Set how much further apart two logits may be in the checkpoint's dtype than they are in float64.

        Twice the largest error of any logit in plain torch in that dtype, over all positions of the sequences: both
        of a pair may be off by that much. Other orders of summation err as much.
        """
        errors = [(self.rounded.logits(ids).double() - self.exact.logits(ids)).abs().max().item() for ids in sequences]
        self.bound = 2 * max(errors)
        return self.bound

    def judge(self, prompt: list[int], tokens: list[int]) -> Verdict:
        ids = prompt + tokens[:-1]
        logits = self.exact.logits(ids)[len(prompt) - 1 :]
        best, second = logits.topk(2, dim=-1).values.unbind(-1)
        said = logits.gather(1, torch.tensor(tokens, device=logits.device)[:, None])[:, 0]
        idle = self.exact.logits(ids, predictor_threshold=math.inf)[len(prompt) - 1 :]
        return Verdict(
            right=(best - said <= self.bound).tolist(),
            decided=(best - second > self.bound).tolist(),
            changed_by_neurons=(idle.argmax(-1) != logits.argmax(-1)).tolist(),
        )


class _Model:
    def __init__(self, checkpoint: Checkpoint, dtype: torch.dtype, device: str) -> None:
        self.decoder = Decoder(checkpoint, dtype=dtype, device=device)
        self.layers: list[DecoderLayer] = list(self.decoder.layers())
        self.norm, self.head = self.decoder.norm(), self.decoder.head()

    def logits(self, ids: list[int], **changes: float) -> Tensor:
        """`[tokens, vocab]`, with changes of the config."""
        config = dataclasses.replace(self.decoder.config, **changes)
        with torch.inference_mode():
            return decode(self.decoder.embed(ids), self.layers, self.norm, self.head, config)
