"""The vLLM plugin: `register` is the entry point `turbosparse` of the group `vllm.general_plugins`.

vLLM calls it in every process that it starts, whatever model it serves. So importing this package imports neither torch
nor vLLM, and `register` only names classes that vLLM imports when a model needs them.
"""

from __future__ import annotations

import os

__all__ = ["register"]


def register() -> None:
    """Make vLLM know the models of `turbosparse.vllm.registration`. May be called any number of times.

    Does nothing where the environment variable TURBOSPARSE_DISABLE is set to anything but 0.
    """
    if os.environ.get("TURBOSPARSE_DISABLE", "0") not in ("", "0"):
        return
    from turbosparse.vllm import registration

    registration.register()
