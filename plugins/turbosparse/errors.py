"""Exceptions a user of the package can act on; wrong operator arguments are plain `ValueError` and `TypeError`."""


class TurboSparseError(RuntimeError):
    """Base of the exceptions below."""


class LibraryError(TurboSparseError):
    """The compiled library is absent, cannot be loaded, or has no kernels for this GPU."""


class CheckpointError(TurboSparseError):
    """A checkpoint file or one of its tensors is missing, damaged or not of the expected shape or dtype."""
