"""What the user says of a model: the dictionary `turbosparse` of config.json or of --hf-overrides."""

from __future__ import annotations

import functools

from turbosparse import families

read_function = functools.partial(families.read_function, overrides="--hf-overrides")
