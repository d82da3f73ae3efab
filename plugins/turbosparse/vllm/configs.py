"""Config types of the released checkpoints, and what takes their place in a version that cannot serve them."""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig

from turbosparse.errors import TurboSparseError
from turbosparse.families.configs import BambooConfig, SparseLlamaConfig, TurboSparseMixtralConfig

ALL = (BambooConfig, TurboSparseMixtralConfig, SparseLlamaConfig)


def refused(config_class: type[PretrainedConfig], reason: str) -> type[PretrainedConfig]:
    """A config type in the place of `config_class` that cannot be loaded."""

    class RefusedConfig(PretrainedConfig):
        model_type = config_class.model_type

        @classmethod
        def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> PretrainedConfig:
            raise TurboSparseError(reason)

    return RefusedConfig
