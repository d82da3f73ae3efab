"""Tiny checkpoints in the released layouts, and what a plain evaluation of them says."""

import dataclasses
import json

import torch
from safetensors.torch import load_file, save_file
from turbosparse import synthetic
from turbosparse.reference.decoder import decode
from turbosparse.synthetic import PRESETS
from turbosparse.weights import Checkpoint
from turbosparse.weights.decoder import Decoder

SHAPES = {
    "bamboo": dataclasses.replace(PRESETS["bamboo-tiny"], sliding_window=16),
    "bamboo without predictor": dataclasses.replace(PRESETS["bamboo-tiny"], ranks=()),
    "mixtral": PRESETS["mixtral-tiny"],
}


def write(folder, shape, **config):
    """A checkpoint whose FFNs decide what it says, with these keys of config.json changed."""
    synthetic.write_model(folder, shape, branch=1.0)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return folder


def remove(folder, name):
    """Take a tensor out of a checkpoint of one file."""
    (path,) = folder.glob("*.safetensors")
    tensors = load_file(path)
    del tensors[name]
    save_file(tensors, path)
    index = folder / "model.safetensors.index.json"
    entries = json.loads(index.read_text())
    del entries["weight_map"][name]
    index.write_text(json.dumps(entries))


class Reference:
    """A checkpoint in float32, one whole sequence at a time."""

    def __init__(self, folder, *, masked=True, **options):
        self.decoder = Decoder(Checkpoint(folder), dtype=torch.float32, **options)
        self.layers = list(self.decoder.layers())
        if not masked:
            self.layers = [layer._replace(predictor=None) for layer in self.layers]
        # That of float32, in which the server runs too, and not of the stored dtype.
        self.config = dataclasses.replace(self.decoder.config, predictor_threshold=0.0)

    def logits(self, tokens):
        """`[tokens, vocab]`."""
        decoder = self.decoder
        return decode(decoder.embed(tokens), self.layers, decoder.norm(), decoder.head(), self.config)

    def greedy(self, prompt, count):
        """The next `count` tokens."""
        tokens = list(prompt)
        for _ in range(count):
            tokens.append(int(self.logits(tokens)[-1].argmax()))
        return tokens[len(prompt) :]


def prompts(count, vocab=512):
    """Lists of token ids of lengths 1 to 60."""
    generator = torch.Generator().manual_seed(count)
    lengths = torch.randint(1, 60, (count,), generator=generator).tolist()
    return [torch.randint(3, vocab, (length,), generator=generator).tolist() for length in lengths]
