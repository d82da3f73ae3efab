"""Schemas of the operators and the functions behind each device.

`Library.define/impl` instead of `torch.library.custom_op`: its wrapper costs some 20 us a call.
"""

from __future__ import annotations

from torch.library import Library, register_fake

from turbosparse.ops import cpu, cuda, fake

_SCHEMAS = (
    "pack_mask(Tensor mask) -> (Tensor, Tensor)",
    "predict(Tensor x, Tensor fc1, Tensor fc2, float threshold, Tensor? topk_ids=None, Tensor? padding=None,"
    " Tensor? fc2_low=None, Tensor? fc2_scale=None) -> (Tensor, Tensor)",
    "ffn(Tensor x, Tensor weights, Tensor union_bits, Tensor token_bits, str activation='drelu',"
    " float gate_threshold=0.0) -> Tensor",
    "ffn_gate_first(Tensor x, Tensor weights, str activation='drelu', float gate_threshold=0.0, Tensor? padding=None)"
    " -> Tensor",
    "moe(Tensor x, Tensor weights, Tensor topk_ids, Tensor topk_weights, Tensor? fc1=None, Tensor? fc2=None,"
    " float threshold=0.0, str activation='drelu', float gate_threshold=0.0, Tensor? padding=None,"
    " Tensor? fc2_low=None, Tensor? fc2_scale=None) -> Tensor",
    "add_rms_norm(Tensor x, Tensor residual, Tensor weight, float eps) -> (Tensor, Tensor)",
    "add_rms_norm_route(Tensor x, Tensor residual, Tensor weight, float eps, Tensor router, int top_k)"
    " -> (Tensor, Tensor, Tensor, Tensor)",
    # Of the dense path, around its GEMMs.
    "pack_logits_(Tensor(a!) token_bits, Tensor(b!)? union_bits, Tensor logits, Tensor? scale, Tensor? ends,"
    " Tensor? dropped, ScalarType dtype, float threshold) -> ()",
    "activate_(Tensor(a!) gate, Tensor up, Tensor? token_bits, Tensor? dropped, str activation,"
    " float gate_threshold) -> ()",
    "group_tokens(Tensor topk_ids, Tensor? padding, int experts) -> (Tensor, Tensor, Tensor)",
    "sum_slots_(Tensor(a!) out, Tensor rows, Tensor position, Tensor topk_weights) -> ()",
)

# Registrations live as long as this object.
_library = Library("turbosparse", "DEF")

for _schema in _SCHEMAS:
    _name = _schema.partition("(")[0]
    _library.define(_schema)
    _library.impl(_name, getattr(cpu, _name), "CPU")
    _library.impl(_name, getattr(cuda, _name), "CUDA")
    register_fake(f"turbosparse::{_name}", getattr(fake, _name), lib=_library)
