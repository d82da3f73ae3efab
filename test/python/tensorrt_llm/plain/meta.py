"""Construction without memory, as the recorded versions do it: what they do not list is an error."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_any_only

META = torch.device("meta")
_ALLOCATIONS = {torch.ops.aten.empty.memory_format, torch.ops.aten.empty_like.default}


class MetaInitException(RuntimeError):  # noqa: N818  as recorded
    pass


class PlainMetaInitMode(TorchDispatchMode):
    """`initializers` are the other operators that tensors without memory may be given to."""

    initializers = frozenset()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in _ALLOCATIONS:
            return func(*args, **kwargs | {"device": META})
        if func not in self.initializers and tree_any_only(torch.Tensor, lambda t: t.device == META, (args, kwargs)):
            raise MetaInitException(f"Meta tensor used in unsupported function: {func}")
        return func(*args, **kwargs)
