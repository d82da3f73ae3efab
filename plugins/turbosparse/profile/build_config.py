"""What a profile says in the configuration of `turbosparse-plugin build`."""

from __future__ import annotations

import json
import math

_DIGITS = 3


def build_config(model: str, density: float) -> str:
    """The `models` of turbosparse.yaml for one model, of which a token selects a share `density` of the neurons."""
    # JSON strings are YAML strings, whatever they hold; and no density rounds to 0, which build refuses.
    smallest = 10**-_DIGITS
    rounded = max(round(density, _DIGITS), smallest) if math.isfinite(density) else smallest
    return f"models:\n  - path: {json.dumps(model, ensure_ascii=False)}\n    density: {rounded}\n"
