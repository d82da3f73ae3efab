"""Everything of vLLM that the adapter names is there in this version."""

import ast
import importlib
from pathlib import Path

import pytest

ADAPTER = Path(__file__).parents[3] / "plugins" / "turbosparse" / "vllm"


def imported(path):
    """`(module, name)` of each import from vLLM, those within functions included; name None for a module itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


SYMBOLS = sorted(
    {
        (module, name or "")
        for path in ADAPTER.rglob("*.py")
        for module, name in imported(path)
        if module == "vllm" or module.startswith("vllm.")
    }
)


def test_the_adapter_uses_vllm():
    assert ("vllm.model_executor.layers.attention", "Attention") in SYMBOLS


@pytest.mark.parametrize(("module", "name"), SYMBOLS)
def test_symbol_exists(module, name):
    found = importlib.import_module(module)
    assert not name or hasattr(found, name) or importlib.import_module(f"{module}.{name}")
