"""The released functions in float64, in plain torch of any dtype, and the bounds between the two."""

from turbosparse.reference import float64
from turbosparse.reference.activations import ACTIVATIONS, combine
from turbosparse.reference.active_set import pack_mask, unpack_mask, unpack_union
from turbosparse.reference.bounds import ffn_error_bound, logit_margin, rounding, unit_roundoff
from turbosparse.reference.dense import masked_ffn, masked_moe
from turbosparse.reference.planes import dequantized
from turbosparse.reference.predictor import PredictorWeights, default_threshold, predict_mask
from turbosparse.reference.routing import routed_mask, routing_scale

__all__ = [
    "ACTIVATIONS",
    "PredictorWeights",
    "combine",
    "default_threshold",
    "dequantized",
    "ffn_error_bound",
    "float64",
    "logit_margin",
    "masked_ffn",
    "masked_moe",
    "pack_mask",
    "predict_mask",
    "rounding",
    "routed_mask",
    "routing_scale",
    "unit_roundoff",
    "unpack_mask",
    "unpack_union",
]
