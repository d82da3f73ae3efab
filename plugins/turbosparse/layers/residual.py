"""One decoder layer around a server's own norms and attention."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from turbosparse.layers.sparse_mlp import SparseMLP


def decoder_step(
    hidden: Tensor,
    residual: Tensor | None,
    *,
    input_norm: nn.Module,
    attention: Callable[[Tensor], Tensor],
    post_attention_norm: Callable[..., tuple[Tensor, ...]],
    feed_forward: nn.Module,
    predictor_reads_residual: bool,
    scale: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """What is still to be added to the residual stream after a layer, and the stream, both `[tokens, hidden]`.

    Args:
        hidden: what is still to be added from the layer before; of the first layer, with `residual` None, the
            embedding.
        input_norm: of one tensor, or of two, whose sum it returns beside its norm, as servers fuse it into one kernel.
        post_attention_norm: likewise of two; before a `Mixture` it may return the routing as well.
        feed_forward: a `SparseMLP` or a `Mixture`.
        predictor_reads_residual: a predictor of a `SparseMLP` reads the stream before the norm, not what neurons read.
        scale: of what attention and FFN add.
    """
    if residual is None:
        residual, hidden = hidden, input_norm(hidden)
    else:
        hidden, residual = input_norm(hidden, residual)
    hidden, residual, *routing = post_attention_norm(_scaled(attention(hidden), scale), residual)
    if isinstance(feed_forward, SparseMLP):
        added = feed_forward(hidden, residual if predictor_reads_residual else hidden)
    else:
        added = feed_forward(hidden, *routing)
    return _scaled(added, scale), residual


def _scaled(branch: Tensor, scale: float) -> Tensor:
    return branch if scale == 1.0 else branch * scale
