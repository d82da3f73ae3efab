"""What the families of checkpoints have of their own, for the adapters of all servers: names, places, activations.

`turbosparse.families.configs` has their config types for transformers, which nothing else here needs.
"""

from turbosparse.families.family import Activations, Family, Scales, head_dim, sliding_window
from turbosparse.families.function import read_function
from turbosparse.families.inventory import Inventory, check_shape
from turbosparse.families.known import BAMBOO, LLAMA, MINICPM, QWEN2, TURBOSPARSE_MIXTRAL
from turbosparse.families.places import NeuronPlace, Place, checkpoint_places, neuron_places

__all__ = [
    "BAMBOO",
    "LLAMA",
    "MINICPM",
    "QWEN2",
    "TURBOSPARSE_MIXTRAL",
    "Activations",
    "Family",
    "Inventory",
    "NeuronPlace",
    "Place",
    "Scales",
    "check_shape",
    "checkpoint_places",
    "head_dim",
    "neuron_places",
    "read_function",
    "sliding_window",
]
