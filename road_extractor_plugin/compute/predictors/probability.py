"""From a network's output to the probability of road."""

from __future__ import annotations

import numpy as np

from road_extractor_plugin.compute.predictors.predictor import Float32
from road_extractor_plugin.contract.errors import ComputeError


def road_probability(scores: Float32, road_channel: int) -> Float32:
    """The road's probability from the scores of a network (n, channels, height, width).

    One channel is the probability itself. Of several, which models without a card may give, the road's channel
    is taken; scores that are not yet probabilities go through the softmax first.
    """
    if scores.shape[1] == 1:
        return scores[:, 0]
    in_range = scores.min() >= 0 and scores.max() <= 1
    if not (in_range and np.allclose(scores.sum(axis=1), 1.0, atol=1e-3)):
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores = scores / scores.sum(axis=1, keepdims=True)
    return scores[:, road_channel]


def checked_probability(scores: Float32, road_channel: int, tiles: Float32) -> Float32:
    """The same as float32, once its shape is known to be that of the tiles.

    Raises:
        ComputeError: It is not.
    """
    fits = scores.ndim == tiles.ndim and (len(scores), *scores.shape[2:]) == (len(tiles), *tiles.shape[2:])
    if not fits or road_channel >= scores.shape[1]:
        raise ComputeError(
            f"The network gave an output of shape {scores.shape} for tiles of shape {tiles.shape}",
            "The model does not fit its card: export it again",
        )
    return road_probability(scores.astype(np.float32, copy=False), road_channel)
