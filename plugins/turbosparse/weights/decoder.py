"""Loads a decoder for `turbosparse.reference.decoder`, a layer at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from turbosparse.reference.attention import AttentionWeights
from turbosparse.reference.decoder import DecoderLayer
from turbosparse.reference.predictor import PredictorWeights
from turbosparse.weights.checkpoint import Checkpoint
from turbosparse.weights.decoder_config import decoder_config
from turbosparse.weights.layouts import layout_for
from turbosparse.weights.load import layer_shape, load_ffn
from turbosparse.weights.predictor import load_predictor


class Decoder:
    """A checkpoint as its forward pass reads it. Nothing is held: each call loads what it returns.

    `decode(decoder.embed(ids), decoder.layers(), decoder.norm(), decoder.head(), decoder.config)` are its logits, with
    one layer in memory; `list(decoder.layers())` in the place of the layers serves many calls.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        dtype: torch.dtype | None,
        device: torch.device | str = "cpu",
        activation: str | None = None,
        gate_threshold: float | None = None,
    ) -> None:
        """Read the config. `dtype` is to compute in, None the checkpoint's; others and errors: `decoder_config`."""
        self.checkpoint, self.device = checkpoint, torch.device(device)
        self.layout = layout_for(checkpoint.config.get("model_type"))
        shape = layer_shape(checkpoint, self.layout, 0)
        self.experts, self._stored_dtype = shape.experts, shape.dtype
        self.dtype = dtype or shape.dtype
        self.config = decoder_config(checkpoint, shape.dtype, activation, gate_threshold)

    def embed(self, token_ids: Sequence[int]) -> Tensor:
        """`[tokens, hidden]` before the first layer. Raises ValueError for a token outside the vocabulary."""
        unknown = next((token for token in token_ids if not 0 <= token < self.config.vocab), None)
        if unknown is not None:
            raise ValueError(f"token {unknown} is not among the {self.config.vocab} of the vocabulary")
        table = self._stored("model.embed_tokens.weight", (self.config.vocab, self.config.hidden))
        return self._placed(table[torch.tensor(token_ids, dtype=torch.int64)])

    def layers(self) -> Iterator[DecoderLayer]:
        """All layers, each loaded when its turn comes."""
        return (self.layer(index) for index in range(self.config.layers))

    def layer(self, index: int) -> DecoderLayer:
        """One layer's weights. Raises CheckpointError for a tensor that is missing or of another shape or dtype."""
        prefix, hidden = f"model.layers.{index}.", self.config.hidden
        router, predictor = None, None
        if self.config.top_k is not None:
            router = self._tensor(prefix + "block_sparse_moe.gate.weight", (self.experts, hidden))
        if layer_shape(self.checkpoint, self.layout, index).rank:
            loaded = load_predictor(self.checkpoint, self.layout, index)
            predictor = PredictorWeights(self._placed(loaded.fc1), self._placed(loaded.fc2))
        return DecoderLayer(
            input_norm=self._tensor(prefix + "input_layernorm.weight", (hidden,)),
            attention=self._attention(prefix + "self_attn."),
            post_attention_norm=self._tensor(prefix + "post_attention_layernorm.weight", (hidden,)),
            router=router,
            weights=self._placed(load_ffn(self.checkpoint, self.layout, index)),
            predictor=predictor,
        )

    def norm(self) -> Tensor:
        """Weights `[hidden]` of the last norm."""
        return self._tensor("model.norm.weight", (self.config.hidden,))

    def head(self) -> Tensor:
        """The matrix `[vocab, hidden]` that makes logits: the embedding where the two are tied."""
        tied = self.checkpoint.config.get("tie_word_embeddings", False)
        name = "model.embed_tokens.weight" if tied else "lm_head.weight"
        return self._tensor(name, (self.config.vocab, self.config.hidden))

    def _attention(self, prefix: str) -> AttentionWeights:
        config = self.config
        queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
        biased = prefix + "q_proj.bias" in self.checkpoint
        projections = (("q_proj", queries), ("k_proj", keys), ("v_proj", keys))
        matrices = (self._tensor(f"{prefix}{name}.weight", (rows, config.hidden)) for name, rows in projections)
        output = self._tensor(prefix + "o_proj.weight", (config.hidden, queries))
        biases = (self._tensor(f"{prefix}{name}.bias", (rows,)) for name, rows in projections) if biased else ()
        return AttentionWeights(*matrices, output, *biases)

    def _tensor(self, name: str, shape: tuple[int, ...]) -> Tensor:
        # A copy even where nothing changes: a view would keep pages of the mapped file in memory.
        return self._stored(name, shape).to(self.device, self.dtype, copy=True)

    def _stored(self, name: str, shape: tuple[int, ...]) -> Tensor:
        return self.checkpoint.tensor(name, shape, self._stored_dtype)

    def _placed(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, self.dtype)
