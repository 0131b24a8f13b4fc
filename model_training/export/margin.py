"""How wide a border of a tile is worse for want of context.

A tile is predicted alone and again as the middle of a larger tile, where its border has neighbours:

    +-------------------+
    |  larger tile      |        |p_alone - p_within| is large along the inner square's border
    |   +-----------+   |        and small in its middle. The margin is the smallest m from which
    |   |   tile    |   |        on the 95th percentile, over the pixels at one distance from the
    |   +-----------+   |        border, stays at most 0.1.
    |                   |
    +-------------------+
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from model_training.datasets.folders import Scene
from model_training.datasets.scenes import Scenes, evenly
from road_extractor_plugin.compute.normalise import normalise
from road_extractor_plugin.compute.protocol import Compute

LOG = logging.getLogger(__name__)
Float32 = npt.NDArray[np.float32]

PERCENTILE = 95.0
"""The 99th would give the starter model 52 px, of which tiles of 1024 px take a fifth more time than of 16 px; the IoU
of whole scenes is the same with 52, 24 and 8 px to within 0.0004."""
LARGEST_DIFFERENCE = 0.1
CONTEXT_PX = 128
"""What the larger tile has on each side."""
TILES_PX = (384, 256, 128)
"""Tiles to measure at, the first that finds a place."""
MOST_PLACES = 256
"""Measured at most, evenly spread over data sets and scenes; each costs two runs of the network."""
STEP_PX = 4
"""Width of the rings, and so the step of margins."""
LEAST_VALID = 0.9
"""Share of valid pixels from which a place is used."""


def measure_margin(data_sets: Collection[Scenes], compute: Compute) -> int:
    """The margin in pixels, from places of the scenes where the larger tile fits.

    The tile need not be that of the card: the border is as wide for any. It is the largest one that finds a place.

    Args:
        data_sets: Scenes at the model's ground resolution.
        compute: The exported network.
    """
    for tile in TILES_PX:
        differences = [
            difference for scene, most in _chosen(data_sets) for difference in _differences(scene, compute, tile, most)
        ]
        if differences:
            return smallest_margin(np.stack(differences))
    margin = compute.card.tiling.tile_px // 8
    side = TILES_PX[-1] + 2 * CONTEXT_PX
    LOG.warning("no held-out scene has %d valid px in a square: margin not measured, %d px assumed", side, margin)
    return margin


def _chosen(data_sets: Collection[Scenes]) -> Iterator[tuple[Scene, int]]:
    """Scenes to measure on, and how many places of each."""
    share = max(MOST_PLACES // len(data_sets), 1)
    for scenes in data_sets:
        numbers = evenly(len(scenes), share)
        yield from ((scenes[number], share // len(numbers)) for number in numbers)


def _differences(scene: Scene, compute: Compute, tile: int, most: int) -> Iterable[Float32]:
    inner = slice(CONTEXT_PX, CONTEXT_PX + tile)
    places = list(_places(scene, tile))
    for number in evenly(len(places), most):
        window = places[number]
        tensor = normalise(scene.image[window].transpose(2, 0, 1), scene.valid[window] > 0, compute.card.input)[None]
        within = compute.predict(tensor)[0][inner, inner]
        alone = compute.predict(np.ascontiguousarray(tensor[:, :, inner, inner]))[0]
        yield np.abs(within - alone)


def _places(scene: Scene, tile: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the larger tiles that fit and are valid enough."""
    large = tile + 2 * CONTEXT_PX
    height, width = scene.road.shape
    for top in range(0, height - large + 1, tile // 4):
        for left in range(0, width - large + 1, tile // 4):
            window = slice(top, top + large), slice(left, left + large)
            if scene.valid[window].mean() >= LEAST_VALID:
                yield window


def smallest_margin(differences: Float32) -> int:
    """The smallest margin beyond which the differences stay small, at most a quarter of the tile.

    Distances are taken together in rings of `STEP_PX`; the margin ends with the innermost ring that is too different.

    Args:
        differences: (tiles, tile_px, tile_px).
    """
    tile = differences.shape[1]
    along = np.minimum(np.arange(tile), np.arange(tile)[::-1])
    ring = np.minimum(along[:, None], along) // STEP_PX
    too_different = [
        index
        for index in range(tile // 4 // STEP_PX)
        if np.percentile(differences[:, ring == index], PERCENTILE) > LARGEST_DIFFERENCE
    ]
    return (too_different[-1] + 1) * STEP_PX if too_different else 0
