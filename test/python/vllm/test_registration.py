"""The entry point in processes of their own: what it registers, when it does not, and what it says."""

import subprocess
import sys

import pytest
import vllm
from turbosparse.vllm.versions import is_supported, supported_range

LISTING = """
from vllm.plugins import load_general_plugins
load_general_plugins()
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from vllm import ModelRegistry

def registered():
    modules = {name: getattr(model, "module_name", "") for name, model in ModelRegistry.models.items()}
    types = [name for name in ("bamboo", "sparsellama", "turbosparsemixtral") if name in CONFIG_MAPPING]
    return sorted(name for name, module in modules.items() if module.startswith("turbosparse")), types

print(registered())
"""
# Some versions give their loggers a handler only when an engine starts.
LOGGING = """
import logging
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
"""
AGAIN = """
import torch
from turbosparse.vllm import register
before = dict(ModelRegistry.models)
register()
assert ModelRegistry.models == before
assert not torch.cuda.is_initialized()
"""
ARCHITECTURES = [
    "BambooForCausalLM",
    "SparseLlamaForCausalLM",
    "TurboSparseLlamaForCausalLM",
    "TurboSparseMiniCPMForCausalLM",
    "TurboSparseMixtralForCausalLM",
    "TurboSparseQwen2ForCausalLM",
]


@pytest.fixture
def run(monkeypatch):
    def run(code, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
        assert result.returncode == 0, result.stderr
        # vLLM logs to one or the other, by version.
        return result.stdout.splitlines(), result.stderr.splitlines()

    return run


def test_this_version_is_within_the_window():
    assert is_supported(vllm.__version__)


def test_installing_the_wheel_registers_the_models_once_and_says_nothing(run):
    lines, _ = run(LISTING + AGAIN, VLLM_LOGGING_LEVEL="INFO")
    assert lines[-1] == str((ARCHITECTURES, ["bamboo", "sparsellama", "turbosparsemixtral"]))
    assert not [line for line in lines[:-1] if "turbosparse" in line.lower()]


def test_it_can_be_switched_off(run):
    lines, _ = run(LISTING, TURBOSPARSE_DISABLE="1")
    assert lines[-1] == "([], [])"


def test_naming_the_entry_point_is_light(run):
    code = """
import sys
from turbosparse.vllm import register
assert not [name for name in ("torch", "vllm", "transformers") if name in sys.modules]
"""
    run(code)


def test_architecture_of_vllm_itself_is_left_alone(run):
    lines, others = run(
        LOGGING
        + """
from vllm import ModelRegistry
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from turbosparse.vllm import register
ModelRegistry.register_model("BambooForCausalLM", "vllm.model_executor.models.llama:LlamaForCausalLM")
register()
print(ModelRegistry.models["BambooForCausalLM"].module_name)
print([name for name in ("bamboo", "sparsellama") if name in CONFIG_MAPPING])
""",
        VLLM_LOGGING_LEVEL="INFO",
    )
    assert lines[-2:] == ["vllm.model_executor.models.llama", "['sparsellama']"]
    said = [line for line in others + lines if "turbosparse" in line]
    assert len(said) == 1
    assert f"vLLM {vllm.__version__} has BambooForCausalLM itself; turbosparse leaves them to it" in said[0]


def test_other_versions_are_named_and_only_these_models_refused(run, tmp_path):
    versions = ["0.23.1", "0.34.0", "1.0.0", "dev"]
    (tmp_path / "config.json").write_text('{"model_type": "bamboo"}')
    lines, others = run(
        LOGGING
        + f"""
from transformers import AutoConfig
from vllm import ModelRegistry
from turbosparse.errors import TurboSparseError
from turbosparse.vllm import registration
for version in {versions}:
    registration.register(version)
    assert "BambooForCausalLM" not in ModelRegistry.models
    try:
        AutoConfig.from_pretrained({str(tmp_path)!r})
    except TurboSparseError as error:
        print("refused:", error)
"""
    )
    for version in versions:
        sentence = f"turbosparse 0.0.0+source supports vLLM {supported_range()}, and this is vLLM {version}: "
        said = [line for line in others + lines if sentence in line]
        assert ["WARNING" in line for line in said] == [True, False]
        assert said[1].startswith(f"refused: {sentence}")
