"""`--load-format turbosparse_synthetic`: a model of config.json's shapes, without a weights file."""

from __future__ import annotations

import functools
import logging

from torch import nn
from vllm.config import ModelConfig
from vllm.distributed.parallel_state import get_tensor_model_parallel_rank
from vllm.model_executor import model_loader
from vllm.model_executor.model_loader import BaseModelLoader, register_model_loader

LOAD_FORMAT = "turbosparse_synthetic"


class SyntheticModelLoader(BaseModelLoader):
    """Plants weights on the device, see `turbosparse.vllm.synthetic`."""

    def download_model(self, model_config: ModelConfig) -> None:
        """Nothing is there to download."""

    def load_weights(self, model: nn.Module, model_config: ModelConfig) -> None:
        """Fill every parameter of `model`. Raises CheckpointError for options and parameters that do not fit."""
        from turbosparse.layers import Neurons
        from turbosparse.vllm.synthetic.fill import fill_model
        from turbosparse.vllm.synthetic.options import read_options

        config = model_config.hf_config
        options = read_options(
            getattr(config, "turbosparse", None) or {},
            self.load_config.model_loader_extra_config or {},
            layers=config.num_hidden_layers,
            experts=getattr(config, "num_local_experts", 1),
        )
        if not any(isinstance(module, Neurons) for module in model.modules()):
            raise ValueError(
                f"--load-format {LOAD_FORMAT} makes TurboSparse models, and {type(model).__name__} is none: load it "
                "with --load-format dummy"
            )
        fill_model(model, options, rank=get_tensor_model_parallel_rank())


@functools.cache
def register_load_format() -> None:
    """Make the load format known to vLLM, once in a process; says nothing to those who do not use it."""
    logger = logging.getLogger(model_loader.__name__)
    level = logger.level
    # vLLM reports every registration to every user.
    logger.setLevel(logging.WARNING)
    try:
        register_model_loader(LOAD_FORMAT)(SyntheticModelLoader)
    finally:
        logger.setLevel(level)
