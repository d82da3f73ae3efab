"""The compiled library: found beside this file, loaded on first use, its functions kept as handles."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Protocol

import torch

from turbosparse.errors import LibraryError
from turbosparse.manifest import archs

LIBRARY_PATH = Path(__file__).with_name("lib") / "libturbosparse.so"
# Architectures whose kernels a GPU runs, best first, by compute capability; any newer GPU also runs PTX of compute_80.
# Machine code runs on later minor versions too, but 8.6 and 8.9 have less shared memory than sm_80 kernels are planned
# for. The same table is in kernels/launch/select_kernel.cc.
_RUNS = {
    (8, 0): ("sm_80",),
    (8, 6): ("sm_86",),
    (8, 7): ("sm_80",),
    (8, 9): ("sm_89", "sm_86"),
    (9, 0): ("sm_90a",),
    (10, 0): ("sm_100a",),
    (12, 0): ("sm_120a",),
}
_BUILD_HINT = "Build a wheel with `npx turbosparse-plugin build` and install it from dist/."


class Functions(Protocol):
    """The exports of libturbosparse.so, as listed under tvm-ffi in docs/architecture.md."""

    pack_mask: Any
    predict: Any
    ffn: Any
    gate_first: Any
    pack_logits: Any
    activate: Any
    group_tokens: Any
    sum_slots: Any
    add_rms_norm: Any
    workspace_bytes: Any
    built_kernels: Any


@functools.cache
def load() -> Functions:
    """The library's functions, of whatever GPU.

    Raises LibraryError when the package has no library, tvm-ffi is not installed, or the loader refuses the file.
    """
    if not LIBRARY_PATH.is_file():
        raise LibraryError(f"this installation of turbosparse has no {LIBRARY_PATH.name}. {_BUILD_HINT}")
    try:
        import tvm_ffi
    except ImportError as error:
        raise LibraryError('apache-tvm-ffi is not installed: pip install "apache-tvm-ffi>=0.1.9,<0.2"') from error
    try:
        return tvm_ffi.load_module(str(LIBRARY_PATH))
    except (OSError, RuntimeError) as error:
        raise LibraryError(f"{LIBRARY_PATH} cannot be loaded: {error}") from error


def arch_for(capability: tuple[int, int], built: list[str]) -> str | None:
    """The architecture of `built` whose kernels a GPU of this compute capability runs, or None."""
    portable = ("compute_80",) if capability >= (8, 0) else ()
    return next((name for name in (*_RUNS.get(capability, ()), *portable) if name in built), None)


@functools.cache
def functions(device_index: int) -> Functions:
    """The library's functions, once it is known that they have code for this CUDA device.

    Raises LibraryError as `load`, and when no built architecture runs on the device.
    """
    library = load()
    capability = torch.cuda.get_device_capability(device_index)
    if arch_for(capability, archs()) is None:
        name = torch.cuda.get_device_name(device_index)
        raise LibraryError(
            f"cuda:{device_index} ({name}) has compute capability {capability[0]}.{capability[1]}, but this wheel was "
            f"built for {', '.join(archs())}. Build it with `npx turbosparse-plugin build --arch "
            f"{_RUNS.get(capability, ('compute_80',))[0]}`."
        )
    return library


@functools.cache
def workspace_bytes(
    device_index: int, op: str, tokens: int, hidden: int, intermediate: int, experts: int, rank: int
) -> int:
    """Bytes of device memory that one call of `op` (`"predict"`, `"ffn"` or `"gate_first"`) needs on the device."""
    with torch.cuda.device(device_index):
        return int(functions(device_index).workspace_bytes(op, tokens, hidden, intermediate, experts, rank))
