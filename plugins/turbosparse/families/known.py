"""The families that adapters serve. MiniCPM's scales are in the config of each model."""

from __future__ import annotations

from turbosparse.families.family import Activations, Family
from turbosparse.weights.layouts import LAYOUTS

# TurboSparse-Mistral, and Bamboo, which has no predictor.
BAMBOO = Family(
    layout=LAYOUTS["bamboo"],
    activations=Activations(("drelu",)),
    # The released code evaluates it before post_attention_layernorm.
    predictor_reads_residual=True,
)

TURBOSPARSE_MIXTRAL = Family(
    layout=LAYOUTS["turbosparsemixtral"], activations=Activations(("drelu",)), block="block_sparse_moe"
)

# ReluLLaMA and ProSparse.
LLAMA = Family(layout=LAYOUTS["llama"], activations=Activations(("reglu", "drelu")))

MINICPM = Family(layout=LAYOUTS["minicpm"], activations=Activations(("reglu",)))

# SparseQwen2 is dReLU, other ReLU fine-tunes are ReGLU, and their configs read alike.
QWEN2 = Family(layout=LAYOUTS["qwen2"], activations=Activations(("drelu", "reglu"), has_default=False), qkv_bias=True)
