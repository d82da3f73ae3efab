"""Weights, predictors, inputs and checkpoints with planted sparsity.

Released weights are tens of gigabytes, and random ones have no meaningful sparsity: three quarters of dReLU neurons are
zero whatever the token. Here density and overlap between tokens are parameters, so that a measurement of any density
and any union of tokens can be repeated by anyone, from a seed, on any device.

The model is a Gaussian one-factor copula. Neuron `n` has a popularity `b_n` and token `t` an affinity `e_tn`, both
standard normal; the token activates the neuron when `sqrt(overlap) * b_n + sqrt(1 - overlap) * e_tn` exceeds the
`1 - density` quantile. Overlap 0 makes tokens independent, overlap 1 makes them activate the same neurons. Density
0.101 and overlap 0.45 give unions of 10.1, 17.2, 27.0, 38.9, 51.3, 63.0 and 73.0 % at 1, 2, 4, … 64 tokens.
"""

from turbosparse.synthetic.layer import crowd_threshold, plant_gate, plant_predictor, random_inputs, random_weights
from turbosparse.synthetic.masks import expected_union, fit_overlap, overlap_for_union, plant_mask
from turbosparse.synthetic.measured import MEASURED_UNIONS
from turbosparse.synthetic.model import write_model
from turbosparse.synthetic.population import population_fc1, population_fc2, population_gate
from turbosparse.synthetic.shapes import PRESETS, ModelShape

__all__ = [
    "MEASURED_UNIONS",
    "PRESETS",
    "ModelShape",
    "crowd_threshold",
    "expected_union",
    "fit_overlap",
    "overlap_for_union",
    "plant_gate",
    "plant_mask",
    "plant_predictor",
    "population_fc1",
    "population_fc2",
    "population_gate",
    "random_inputs",
    "random_weights",
    "write_model",
]
