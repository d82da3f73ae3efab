"""One operator a layer in graphs that are traced."""

import pytest
import torch
from checkpoints import SHAPES, write
from serving import load
from torch.library import opcheck
from turbosparse.layers import compute


@pytest.mark.parametrize("kind", ["bamboo", "mixtral"])
def test_a_traced_layer_has_one_operator(version, kind, tmp_path):
    from tensorrt_llm.mapping import Mapping

    layer = load(write(tmp_path / "m", SHAPES[kind]), Mapping()).model.layers[1]
    called = []

    def compiler(graph, _):
        called.extend(str(node.target) for node in graph.graph.nodes if "turbosparse" in str(node.target))
        return graph.forward

    x = torch.randn((3, 256), generator=torch.Generator().manual_seed(0))
    block, arguments = (layer.mlp, (x, x)) if kind == "bamboo" else (layer.block_sparse_moe, (x,))
    torch._dynamo.reset()
    traced = torch.compile(block, backend=compiler, fullgraph=True)
    with torch.inference_mode():
        torch.testing.assert_close(traced(*arguments), block(*arguments))
    assert called == [f"turbosparse_tensorrt_llm.{'mlp' if kind == 'bamboo' else 'moe'}"]


def test_fakes_and_schemas():
    from turbosparse.tensorrt_llm import operators  # noqa: F401

    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(shape, generator=generator)

    x, weights = random(3, 64), random(2, 32, 3, 64)
    predictor = (random(2, 16, 64), random(2, 32, 16), None, None)
    ids = torch.tensor([[0, 1], [1, -1], [0, 1]], dtype=torch.int32)
    function = ("drelu", 0.0)
    one = tuple(part if part is None else part[:1] for part in predictor)
    mlp = (x, x, weights[:1], *one, *function)
    moe = (x, ids, torch.ones((3, 2)), weights, *predictor, *function)
    for name, arguments in (("mlp", mlp), ("moe", moe)):
        operator = getattr(torch.ops.turbosparse_tensorrt_llm, name)
        opcheck(operator.default, arguments)
        assert torch.equal(operator(*arguments), getattr(compute, name)(*arguments))
