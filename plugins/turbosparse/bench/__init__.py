"""Measures the operators beside dense GEMMs: `python -m turbosparse.bench`.

A call is timed as a server makes it: one CUDA graph runs the same operator in layers of distinct weights, more of them
than L2 holds, so that every byte comes from device memory. Weights, masks, predictors and routing are synthetic with
planted sparsity, so that anyone can repeat a number. A result is compared with float64 before it is timed.
"""
