"""The README's example runs as it stands."""

import re
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]


def test_example_computes_a_layer(python, tmp_path, monkeypatch):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    written = python("-m", "turbosparse.synthetic", str(tmp_path / "model"))
    assert written.returncode == 0, written.stderr
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example, names)
    assert names["y"].shape == names["x"].shape
    assert torch.isfinite(names["y"]).all()
    assert names["y"].abs().max() > 0
