"""Checkpoint files that are damaged, and what their readers say."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from turbosparse.errors import CheckpointError
from turbosparse.weights import Checkpoint, SafetensorsFile


def file_of(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(dtype="F16", shape=(2, 2), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("header", "data", "message"),
    [
        ({"w": entry()}, b"1234567", "tensor w ends at byte .* but the file has"),
        ({"w": entry(offsets=(0, 6))}, b"12345678", r"tensor w spans 6 bytes, but F16 \[2, 2\] takes 8"),
        ({"w": entry(offsets=(8, 0))}, b"12345678", "tensor w spans -8 bytes"),
        ({"w": entry(dtype="F3")}, b"12345678", "tensor w has dtype F3, expected one of BF16"),
        ({"w": entry(shape=(-2, -2))}, b"12345678", "tensor w needs dtype, shape and data_offsets"),
        ({"w": {"dtype": "F16"}}, b"", "tensor w needs dtype, shape and data_offsets"),
        ({"w": 3}, b"", "tensor w needs dtype, shape and data_offsets"),
        (b"{nonsense", b"", "header that is not JSON"),
        (b"[1]", b"", "header that is not a JSON object"),
    ],
)
def test_damaged_files_are_named(tmp_path, header, data, message):
    path = file_of(tmp_path / "a.safetensors", header, data)
    with pytest.raises(CheckpointError, match=message) as caught:
        SafetensorsFile(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"1234", b"\xff" * 8, (2**40).to_bytes(8, "little") + b"{}"])
def test_truncated_files_are_named(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="truncated or no safetensors file"):
        SafetensorsFile(path)


def test_empty_and_absent_files_are_named(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    for name in ("empty", "absent"):
        with pytest.raises(CheckpointError, match=f"{name} cannot be read"):
            SafetensorsFile(tmp_path / name)


@given(
    shape=st.lists(st.integers(0, 5), max_size=3),
    dtype=st.sampled_from([("BF16", torch.bfloat16), ("F32", torch.float32), ("I64", torch.int64)]),
    skew=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_tensors_are_read_from_any_offset(tmp_path_factory, shape, dtype, skew):
    values = torch.randint(0, 100, shape).to(dtype[1])
    data = bytes(values.contiguous().view(-1).view(torch.uint8).tolist()) if values.numel() else b""
    header = {"__metadata__": {"format": "pt"}, "w": entry(dtype[0], shape, (skew, skew + len(data)))}
    path = file_of(tmp_path_factory.mktemp("files") / "a.safetensors", header, b"\0" * skew + data)
    file = SafetensorsFile(path)
    assert torch.equal(file.tensor("w"), values)
    file.release("w")
    assert torch.equal(file.tensor("w"), values)
    with pytest.raises(CheckpointError, match="has no tensor v"):
        file.tensor("v")


def test_writing_to_a_tensor_leaves_the_file_alone(tmp_path):
    path = file_of(tmp_path / "a.safetensors", {"w": entry()}, b"\0" * 8)
    before = path.read_bytes()
    SafetensorsFile(path).tensor("w").fill_(1)
    assert path.read_bytes() == before


def checkpoint(folder, index=None, config="{}"):
    (folder / "config.json").write_text(config)
    if index is not None:
        (folder / "model.safetensors.index.json").write_text(index)
    return folder


@pytest.mark.parametrize(
    ("index", "config", "message"),
    [
        (None, "{}", "neither model.safetensors.index.json nor model.safetensors"),
        (None, "{", "config.json is not JSON"),
        (None, "[]", "config.json is not a JSON object"),
        ("{", "{}", "index.json is not JSON"),
        ("{}", "{}", "has no weight_map"),
        ('{"weight_map": {"w": 1}}', "{}", "has no weight_map"),
        ('{"weight_map": {"w": "../a.safetensors"}}', "{}", "names a file outside its folder"),
    ],
)
def test_damaged_checkpoints_are_named(tmp_path, index, config, message):
    with pytest.raises(CheckpointError, match=message):
        Checkpoint(checkpoint(tmp_path, index, config))


def test_no_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"config.json cannot be read"):
        Checkpoint(tmp_path / "absent")


def test_missing_shards_and_tensors_are_named(tmp_path):
    index = {"weight_map": {"here": "a.safetensors", "lost": "b.safetensors", "lied": "a.safetensors"}}
    found = Checkpoint(checkpoint(tmp_path, json.dumps(index)))
    file_of(tmp_path / "a.safetensors", {"here": entry()}, b"\0" * 8)
    assert found.tensor("here", (2, 2), torch.float16).shape == (2, 2)
    for name, message in (
        ("lost", "b.safetensors cannot be read"),
        ("lied", "says that a.safetensors has tensor lied; it has not"),
        ("other", "has no tensor other"),
    ):
        with pytest.raises(CheckpointError, match=message):
            found.entry(name)
    with pytest.raises(CheckpointError, match=r"tensor here is float16 \[2, 2\], expected float16 \[2, 3\]"):
        found.tensor("here", (2, 3), torch.float16)
    with pytest.raises(CheckpointError, match="expected bfloat16"):
        found.tensor("here", (2, 2), torch.bfloat16)
