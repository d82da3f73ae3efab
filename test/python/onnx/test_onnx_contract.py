"""That exported nodes are those of the TensorRT plugin, by its sources: its library is not built for these tests."""

import re
from pathlib import Path

import onnx
from runtimes import checkpoint, export

ROOT = Path(__file__).parents[3]


def test_plugin_has_the_nodes_and_their_attributes(tmp_path):
    settings = {
        path.name: path.read_text(encoding="utf-8") for path in (ROOT / "kernels/bindings/tensorrt").glob("settings.*")
    }
    names = re.search(r'name_of\(Kind kind\) \{ return kind == Kind::ffn \? "(\w+)" : "(\w+)"', settings["settings.h"])
    constants = dict(re.findall(r'constexpr const char\* (k\w+) = "(\w+)";', settings["settings.h"]))
    fields = set(re.findall(r'\{"(\w+)", nullptr, PluginFieldType::\w+, \d\}', settings["settings.cc"]))
    for name, operator in (("llama", names[1]), ("mixtral", names[2])):
        source, options = checkpoint(name, tmp_path / name)
        out = export(source, tmp_path / name / "graphs", "--layers=0", **options)
        node = next(node for node in onnx.load(out / "layer-000.onnx").graph.node if node.domain == "turbosparse")
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        assert node.op_type == operator
        assert attributes.pop("plugin_namespace") == constants["kNamespace"].encode()
        assert attributes.pop("plugin_version") == constants["kVersion"].encode()
        assert attributes.keys() <= fields
