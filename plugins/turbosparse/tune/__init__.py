"""Measures from how many tokens on dense GEMMs are faster: `python -m turbosparse.tune`.

For each model of the wheel, at its expected density, the operator is timed over the sparse kernels' numbers of tokens,
once with them and once dense, both compared with float64 before. What comes out is a table as in `turbosparse/tables`,
which `turbosparse.crossover` reads.
"""
