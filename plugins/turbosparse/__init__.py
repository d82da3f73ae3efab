"""Operators that compute a TurboSparse feed-forward layer by reading only its active neurons.

Importing this package needs neither a GPU nor the compiled library: both are looked for when an operator first runs
on a CUDA tensor.
"""

from turbosparse.manifest import version

__version__ = version()
__all__ = ["__version__"]
