r"""How far a correct evaluation in bfloat16 or float16 may be from the float64 reference.

Model of the arithmetic. Inputs are exact in the dtype; products of two are exact in float32; sums are float32 in any
order; a stored value is rounded to the dtype once. Write `u` for the dtype's unit roundoff (2**-8 or 2**-11) and `v`
for 2**-23, the float32 spacing rather than its half because tensor cores truncate. A sum of `n` terms then errs by at
most `g(n) * sum|terms|` with `g(n) = n v / (1 - n v)` (Higham, Accuracy and Stability of Numerical Algorithms, 3.1).

That worst case grows with `n` although errors of either sign nearly cancel: for rows of 4096 it would excuse most
neurons from comparison. With `confidence` c, the bound of Higham and Mary (SIAM J. Sci. Comput. 41, 2019, theorem 2.4)
is used instead: `g(n) = c sqrt(n) v`, and independent errors `e_i` bounded by `b_i` sum to less than
`c sqrt(sum b_i**2)`, each but for a probability of `2 exp(-c**2 / 2)` (Hoeffding): 2.5e-14 a sum at the default of 8.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from turbosparse.reference.activations import combine
from turbosparse.reference.planes import dequantized

_ACCUMULATION = 2.0**-23
_SMALLEST = {torch.bfloat16: 2.0**-134, torch.float16: 2.0**-25}


def unit_roundoff(dtype: torch.dtype) -> float:
    """Largest relative error of rounding a normal value to `dtype`: half of `torch.finfo(dtype).eps`."""
    return torch.finfo(dtype).eps / 2


def rounding(magnitude: Tensor, dtype: torch.dtype) -> Tensor:
    """Largest error of rounding values of at most `magnitude` to `dtype`, subnormals included."""
    return magnitude * unit_roundoff(dtype) + _SMALLEST[dtype]


def accumulation(terms: int, confidence: float | None) -> float:
    """Largest float32 error of a sum of `terms` terms, relative to the sum of their magnitudes."""
    if confidence is None:
        return terms * _ACCUMULATION / (1 - terms * _ACCUMULATION)
    return min(terms, confidence * math.sqrt(terms)) * _ACCUMULATION


def propagate(errors: Tensor, matrix: Tensor, confidence: float | None) -> Tensor:
    """Error of `values @ matrix` when each value errs by at most `errors`, rounding of the product apart."""
    worst = errors @ matrix.abs()
    return worst if confidence is None else torch.minimum(worst, confidence * (errors**2 @ matrix**2).sqrt())


def logit_margin(
    x: Tensor,
    fc1: Tensor,
    fc2: Tensor,
    confidence: float | None = 8.0,
    *,
    fc2_low: Tensor | None = None,
    fc2_scale: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Float64 predictor logits and the largest error of any evaluation in the dtype of `x`.

    Returns two float64 tensors `[tokens, experts, intermediate]`. Where `abs(logit - threshold) > margin`, every
    evaluation that rounds the hidden layer and the logit to the dtype must agree with
    `logit > threshold`; where it is not, either answer is right. `confidence` None gives the worst case. Other
    arguments as `float64.logits`: the logits of planes are those of the values they stand for.

    With `h = relu(fc1 x)`, `S = |fc1| |x|` and `d = g(hidden) S + u (h + g(hidden) S)` the error of the rounded `h`
    (ReLU does not widen it), the margin is `e + u (|z| + e)` for
    `e = propagate(d, fc2) + g(rank) |fc2| (h + d)`. Of planes `scale (|high| + |low| / 256)` takes the place of
    `|fc2|`, and `g(2 rank)`, larger by the rounding of the product with the scale, that of `g(rank)`: whichever way
    their products, which are exact, are summed.
    """
    dtype = x.dtype
    exact, logits, margins = x.double(), [], []
    row = accumulation(x.shape[1], confidence)
    weights = dequantized(fc2, fc2_low, fc2_scale)
    magnitudes, column = _terms(fc2, fc2_low, fc2_scale, confidence)
    for first, second, magnitude in zip(fc1.double(), weights, magnitudes):
        hidden = torch.relu(exact @ first.T)
        summed = row * (exact.abs() @ first.abs().T)
        error = summed + rounding(hidden + summed, dtype)
        logit = hidden @ second.T
        total = propagate(error, second.T, confidence)
        total += column * ((hidden + error) @ magnitude.T)
        logits.append(logit)
        margins.append(total + rounding(logit.abs() + total, dtype))
    return torch.stack(logits, 1), torch.stack(margins, 1)


def _terms(
    fc2: Tensor, fc2_low: Tensor | None, fc2_scale: Tensor | None, confidence: float | None
) -> tuple[Tensor, float]:
    """Magnitudes of what is summed by column, and the largest float32 error of a logit relative to their sum."""
    rank = fc2.shape[-1]
    if fc2_low is None or fc2_scale is None:
        return fc2.double().abs(), accumulation(rank, confidence)
    error = accumulation(2 * rank, confidence)
    return dequantized(fc2.abs(), fc2_low.double().abs(), fc2_scale), error + _ACCUMULATION * (1 + error)


def ffn_error_bound(
    x: Tensor,
    weights: Tensor,
    mask: Tensor | None = None,
    activation: str = "drelu",
    gate_threshold: float = 0.0,
    *,
    scale: Tensor | None = None,
    confidence: float | None = 8.0,
) -> Tensor:
    """Largest error of any evaluation of `float64.ffn` in the dtype of `x`: float64 `[tokens, hidden]`.

    For `float64.moe` give `scale [tokens, experts]` from `routing_scale` and a mask cut by `routed_mask`.

    Covers the dense path, which rounds gate, up, their product, that product scaled and each expert's output to the
    dtype, and so every kernel that rounds less. With `dg`, `du` the errors of gate and up, both activations are
    Lipschitz in each argument, so a neuron errs by `|up| dg + |gate| du + dg du` plus its roundings. FATReLU jumps at a
    threshold above 0: a gate within `dg` of it may fall on either side and errs by the whole
    `(|gate| + dg)(|up| + du)`. The output errs by `propagate(neuron errors, down) + g(neurons) sum |act| |down|` plus
    one rounding an expert and one of the sum.
    """
    dtype, exact = x.dtype, x.double()
    column = accumulation(weights.shape[0] * weights.shape[1], confidence)
    total, out = torch.zeros_like(exact), torch.zeros_like(exact)
    for expert, block in enumerate(weights):
        act, error = _neuron_errors(exact, block.double(), dtype, activation, gate_threshold, confidence)
        if scale is not None:
            factor = scale[:, expert, None].double()
            act, error = act * factor, error * factor.abs()
            error += rounding(act.abs() + error, dtype)
        if mask is not None:
            act, error = torch.where(mask[:, expert], act, 0.0), torch.where(mask[:, expert], error, 0.0)
        down = block[:, 2].double()
        part = act @ down
        part_error = propagate(error, down, confidence) + column * ((act.abs() + error) @ down.abs())
        total += part_error + rounding(part.abs() + part_error, dtype)
        out += part
    return total + rounding(out.abs() + total, dtype)


def _neuron_errors(
    x: Tensor, block: Tensor, dtype: torch.dtype, activation: str, gate_threshold: float, confidence: float | None
) -> tuple[Tensor, Tensor]:
    """Activations `[tokens, intermediate]` and their errors once rounded; all tensors float64."""
    gate_rows, up_rows, _ = block.unbind(1)
    row = accumulation(x.shape[1], confidence)
    gate, up = x @ gate_rows.T, x @ up_rows.T
    gate_error, up_error = row * (x.abs() @ gate_rows.abs().T), row * (x.abs() @ up_rows.abs().T)
    gate_error += rounding(gate.abs() + gate_error, dtype)
    up_error += rounding(up.abs() + up_error, dtype)
    act = combine(gate, up, activation, gate_threshold)
    error = up.abs() * gate_error + gate.abs() * up_error + gate_error * up_error
    if gate_threshold != 0.0:
        jump = (gate - gate_threshold).abs() <= gate_error
        error = torch.where(jump, (gate.abs() + gate_error) * (up.abs() + up_error), error)
    # Exactly 0 in every evaluation when a factor is certainly cut off.
    zero = gate < gate_threshold - gate_error
    if activation == "drelu":
        zero |= up < -up_error
    error = torch.where(zero, 0.0, error + rounding(act.abs() + error, dtype))
    return act, error
