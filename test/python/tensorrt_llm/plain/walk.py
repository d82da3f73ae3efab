"""What both versions' walks over the modules share."""

FUSED = {"qkv_proj": ["q_proj", "k_proj", "v_proj"], "gate_up_proj": ["gate_proj", "up_proj"]}


def below(prefix, weights):
    """The tensors whose names start so, by what then remains of them."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in weights.items() if name.startswith(prefix)}


def fused_parts(name, weights, head_dim, ranks):
    """A dictionary for each of the modules of the checkpoint that `name` holds together."""
    owner, _, last = name.rpartition(".")
    parts = []
    for source in FUSED[last]:
        own = below(f"{owner}.{source}", weights)
        if source in ("k_proj", "v_proj"):
            own = {key: _repeated(tensor, tensor.shape[0] // head_dim, ranks) for key, tensor in own.items()}
        parts.append(own)
    return parts


def _repeated(tensor, heads, ranks):
    """Each head of keys or values once for each rank that needs it."""
    if heads >= ranks:
        return tensor
    return tensor.unflatten(0, (heads, -1)).repeat_interleave(ranks // heads, 0).flatten(0, 1)
