"""That the recorded interfaces say where they are from, and let nothing through that those do not."""

import ast
import re
from pathlib import Path

import pytest

RECORDED = Path(__file__).with_name("recorded")
MODULES = sorted(path for path in RECORDED.rglob("*.py") if path.name != "__init__.py" or "def " in path.read_text())
# Whose forward and from_config pass on what they do not know, as recorded.
_OPEN = {"Attention.forward", "DecoderLayer.forward", "DecoderModelForCausalLM.forward", "ModelConfig.from_pretrained"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(RECORDED)))
def test_module_names_its_source_and_is_strict(path):
    tree = ast.parse(path.read_text())
    said = ast.get_docstring(tree)
    assert re.search(r"`tensorrt_llm/[\w/]+\.py`", said)
    assert re.search(r"\b[0-9a-f]{40}\b", said)
    for owner in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        for method in (node for node in owner.body if isinstance(node, ast.FunctionDef)):
            name = f"{owner.name}.{method.name}"
            is_metaclass = name == "PostInitCaller.__call__"
            assert method.args.kwarg is None or name in _OPEN or is_metaclass, name


def test_unknown_keywords_fail(version):
    from tensorrt_llm._torch.modules.linear import Linear
    from tensorrt_llm._torch.modules.rms_norm import RMSNorm

    with pytest.raises(TypeError, match="unexpected keyword argument 'device'"):
        Linear(2, 2, device="cpu")
    with pytest.raises(TypeError, match="positional argument"):
        RMSNorm(2, 1e-5)


def test_only_listed_operations_on_tensors_without_memory(version):
    import torch
    from tensorrt_llm._torch.models.modeling_utils import MetaInitException, MetaInitMode

    with MetaInitMode():
        assert torch.empty(2).normal_().is_meta
        with pytest.raises(MetaInitException):
            torch.empty(2) + 1
        if version == "1.2":
            with pytest.raises(MetaInitException):
                torch.empty(2).zero_()
        else:
            assert torch.empty(2).zero_().is_meta
