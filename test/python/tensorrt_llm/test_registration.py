"""The ways into a server, each in a process of its own, and versions that are not known."""

import shutil
from pathlib import Path

import pytest
from turbosparse.windows import Window

PACKAGE = Path(__file__).parents[3] / "plugins" / "turbosparse" / "tensorrt_llm"
CUSTOM = PACKAGE / "custom_modules" / "turbosparse_models"
RECORDED = Path(__file__).with_name("recorded")

LISTING = """
from tensorrt_llm._torch.models.modeling_utils import MODEL_CLASS_MAPPING
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
print({name: cls.__module__ for name, cls in sorted(MODEL_CLASS_MAPPING.items())})
print([name for name in ("bamboo", "turbosparsemixtral") if name in CONFIG_MAPPING])
"""
LISTED = [
    str(
        {
            "BambooForCausalLM": "turbosparse.tensorrt_llm.bamboo",
            "TurboSparseMixtralForCausalLM": "turbosparse.tensorrt_llm.mixtral",
        }
    ),
    "['bamboo', 'turbosparsemixtral']",
]
# As `import_custom_module_from_dir` of `tensorrt_llm/tools/importlib_utils.py` does it.
CUSTOM_MODULE_DIRS = """
import importlib, sys
from pathlib import Path
import tensorrt_llm
folder = Path({folder!r})
sys.path.insert(0, str(folder.parent))
importlib.import_module(folder.name)
"""


def printed(result):
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.parametrize("recorded", ["1.2", "1.3"])
def test_importing_the_package_registers(python, recorded):
    again = "import turbosparse.tensorrt_llm\nturbosparse.tensorrt_llm.register()\n"
    assert printed(python(again + LISTING, recorded=recorded)) == LISTED


def test_custom_module_dirs(python):
    assert printed(python(CUSTOM_MODULE_DIRS.format(folder=str(CUSTOM)) + LISTING, recorded="1.3")) == LISTED
    # Nothing else may come to hide other packages.
    assert [path.name for path in CUSTOM.parent.iterdir() if path.name != "__pycache__"] == [CUSTOM.name]


def test_a_worker_that_imports_a_class_has_the_config_types_too(python):
    assert printed(python("import turbosparse.tensorrt_llm.mixtral\n" + LISTING, recorded="1.3")) == LISTED


def test_the_adapters_own_folder_is_no_custom_module(python):
    code = "import tensorrt_llm"
    result = python(code, path=[PACKAGE.parent])
    assert "give --custom_module_dirs the folder custom_modules/turbosparse_models in it" in result.stderr


def test_without_tensorrt_llm_the_sentence_says_so(python):
    result = python("import turbosparse.tensorrt_llm")
    assert "needs TensorRT-LLM 1.2 to 1.3, which is not installed here" in result.stderr.splitlines()[-1]


def test_other_versions_are_refused(python):
    code = "import tensorrt_llm\ntensorrt_llm.__version__ = '1.4.0rc1'\nimport turbosparse.tensorrt_llm"
    said = python(code, recorded="1.3").stderr.splitlines()[-1]
    assert "supports TensorRT-LLM 1.2 to 1.3, and this is TensorRT-LLM 1.4.0rc1: " in said


def test_window():
    window = Window("Server", (1, 2), (1, 3))
    assert [window.holds(version) for version in ("1.2.0", "1.3.0rc21", "1.1.9", "1.4", "dev")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_the_layout_between_the_two_is_found(python, tmp_path):
    shutil.copytree(RECORDED / "1.3", tmp_path / "1.3")
    torch_side = tmp_path / "1.3" / "tensorrt_llm" / "_torch"
    (torch_side / "attention" / "backends").rename(torch_side / "attention_backend")
    assert printed(python("import turbosparse.tensorrt_llm\n" + LISTING, path=[tmp_path / "1.3"])) == LISTED


def test_a_module_that_is_broken_is_not_passed_over(python, tmp_path):
    shutil.copytree(RECORDED / "1.3", tmp_path / "1.3")
    attention = tmp_path / "1.3" / "tensorrt_llm" / "_torch" / "attention" / "attention.py"
    attention.write_text("import nothing_of_this_name\n")
    result = python("import turbosparse.tensorrt_llm", path=[tmp_path / "1.3"])
    assert "No module named 'nothing_of_this_name'" in result.stderr.splitlines()[-1]
