"""Settings and configs that cannot be served: one sentence before anything is loaded."""

import dataclasses

import pytest
from checkpoints import SHAPES, write
from models import engine_config, one_rank
from turbosparse.errors import TurboSparseError
from vllm.model_executor.model_loader.utils import initialize_model

SHAPE = {
    "bamboo": SHAPES["bamboo"],
    "mixtral": SHAPES["mixtral"],
    "qwen2": dataclasses.replace(SHAPES["bamboo without predictor"], family="qwen2"),
    "llama": dataclasses.replace(SHAPES["bamboo without predictor"], family="llama"),
}
LLAMA, QWEN2 = ({"architectures": [f"TurboSparse{name}ForCausalLM"], "turbosparse": {}} for name in ("Llama", "Qwen2"))


@pytest.mark.parametrize(
    ("model", "options", "problem"),
    [
        ("bamboo", {"enable_lora": True}, "do not support LoRA"),
        (
            "bamboo",
            {"quantization": "fp8", "dtype": "bfloat16"},
            "quantization 'fp8' is asked for by --quantization or config.json",
        ),
        ("bamboo", {"hf_overrides": {"hidden_act": "silu"}}, '"hidden_act" is \'silu\', expected "relu" or'),
        (
            "bamboo",
            {"hf_overrides": {"turbosparse": {"activation": "reglu"}}},
            'the key "activation" of "turbosparse" in config.json or --hf-overrides must be drelu, found \'reglu\'',
        ),
        (
            "bamboo",
            {"hf_overrides": {"turbosparse": {"densty": 1}}},
            'the key "densty" of "turbosparse" .* is not known',
        ),
        ("bamboo", {"hf_overrides": {"turbosparse": {"predictor_bits": 4}}}, "predictor_bits must be 8 or 16, not 4"),
        (
            "bamboo",
            {"hf_overrides": {"turbosparse": {"gate_threshold": 0.1}}},
            "gate_threshold must be 0 with .* drelu",
        ),
        ("llama", {"hf_overrides": LLAMA | {"turbosparse": {"gate_threshold": "0"}}}, "at least 0, found '0'"),
        ("llama", {"hf_overrides": LLAMA | {"hidden_act": "fatrelu"}}, "at least 0, found None"),
        ("qwen2", {"hf_overrides": QWEN2}, "must be drelu or reglu, found None: config.json cannot tell them apart"),
        (
            "mixtral",
            {"enable_expert_parallel": True, "expert_placement_strategy": "round_robin"},
            "are placed in order",
        ),
    ],
    ids=str,
)
def test_refused(model, options, problem, tmp_path):
    folder = write(tmp_path / "m", SHAPE[model])
    config = engine_config(folder, **options)
    with one_rank(config), pytest.raises(TurboSparseError, match=problem):
        initialize_model(vllm_config=config, model_config=config.model_config)


def test_more_ranks_than_experts_are_refused():
    from turbosparse.vllm.models.feed_forward import experts_of_rank

    with pytest.raises(TurboSparseError, match="4 experts do not fill 8 ranks: leave --enable-expert-parallel out"):
        experts_of_rank(4, (3, 8))
