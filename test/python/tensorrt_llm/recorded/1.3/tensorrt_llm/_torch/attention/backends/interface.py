"""Parameters of positional embeddings.

Signatures of `tensorrt_llm/_torch/attention/backends/interface.py` at commit 1262edbc3809b30af94c3cf2ec2736a14642b821.
"""

from dataclasses import dataclass

from tensorrt_llm.functional import PositionEmbeddingType


@dataclass(kw_only=True, unsafe_hash=True)
class RopeParams:
    dim: int = 0
    theta: float = 10000.0
    max_positions: int = 1024

    @staticmethod
    def from_config(config):
        head_dim = getattr(config, "head_dim", None)
        if not isinstance(head_dim, int):
            head_dim = config.hidden_size // config.num_attention_heads
        if getattr(config, "rope_parameters", None) is not None:
            config.update(config.rope_parameters)
        theta = getattr(config, "rope_theta", 10000.0)
        return RopeParams(dim=head_dim, theta=theta, max_positions=config.max_position_embeddings)


@dataclass(kw_only=True, frozen=True)
class PositionalEmbeddingParams:
    type: PositionEmbeddingType
    embedder: object = None
    rope: RopeParams | None = None
    is_neox: bool = True
    mrope_section: list[int] | None = None
    mrope_interleaved: bool = False
