"""Runs a model over token sequences with one layer's weights in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from turbosparse.profile.layer import LayerCounts, LayerProfile
from turbosparse.profile.sample import SAMPLED, deal
from turbosparse.reference.decoder import decoder_layer
from turbosparse.weights.decoder import Decoder


def profile(decoder: Decoder, sequences: Sequence[Sequence[int]]) -> Iterator[LayerProfile]:
    """A layer after the other, of sequences with at least one token each.

    In memory are one layer, every token's residual stream, and masks of one sequence and of 512 sampled tokens.
    """
    with torch.inference_mode():
        streams = [decoder.embed(sequence) for sequence in sequences]
        lengths = [len(stream) for stream in streams]
        dealt = [(rows.to(decoder.device), places.to(decoder.device)) for rows, places in deal(lengths)]
        for index in range(decoder.config.layers):
            layer = decoder.layer(index)
            counts = LayerCounts(index, layer, decoder.config, min(SAMPLED, sum(lengths)))
            for number, stream in enumerate(streams):
                counts.start(len(stream))
                streams[number] = decoder_layer(stream, layer, decoder.config, counts.trace)
                counts.finish(*dealt[number])
            yield counts.result()
