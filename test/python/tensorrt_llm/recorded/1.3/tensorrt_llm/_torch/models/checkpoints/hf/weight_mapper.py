"""Which tensors a module is handed.

Signatures of `tensorrt_llm/_torch/models/checkpoints/hf/weight_mapper.py` at commit
f59aed070dabff4761d70e47c90fd761776c1bac and of `tensorrt_llm/_torch/models/checkpoints/base_weight_mapper.py` at commit
4dfeee6c04a4c75a8a10e67f64c782cfce0ad830.
"""

from plain.walk import FUSED, below, fused_parts


class HfWeightMapper:
    def __init__(self):
        self._skip_modules = []

    def init_model_and_config(self, model, config):
        self.model, self._tp_size = model, config.mapping.tp_size
        hidden, heads = model.config.hidden_size, model.config.num_attention_heads
        self._head_dim = getattr(model.config, "head_dim", None) or hidden // heads

    def add_skip_modules(self, value):
        self._skip_modules.extend(value)

    def should_skip_module(self, module_name):
        tied = self.model.config.tie_word_embeddings and module_name.startswith("lm_head")
        return tied or any(skipped in module_name for skipped in self._skip_modules)

    def does_require_special_handling(self, module_name):
        return module_name in FUSED

    def apply_callbacks(self, module, module_name, module_names_breakdown, weights):
        name = ".".join([*module_names_breakdown, module_name])
        return fused_parts(name, weights, self._head_dim, self._tp_size)

    def filter_weights(self, prefix, weights):
        return below(prefix, weights)
