"""From a raster to strips of road probability, one row of tiles at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.blend import StripBlender
from road_extractor_plugin.compute.normalise import normalise
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.grid import AxisTiles, TileGrid, Window
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.core.stopwatch import Stopwatch

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_SHORTEST_RAMP_PX = 16
"""Neighbours fade into each other over at least this much, beyond the margins that neither uses."""


class PixelSource(Protocol):
    """What inference needs of a raster."""

    def read(self, window: Window) -> tuple[npt.NDArray[Any], Mask]:
        """Pixels (bands, height, width) in the card's value range, and where they are valid (height, width)."""


@dataclass(frozen=True, eq=False)
class Strip:
    """Finished rows of the raster."""

    probability: Float32
    """(rows, width), 0..1; meaningless where not valid."""
    valid: Mask
    """(rows, width)."""
    tiles_run: int
    """Tiles computed for it."""


def plan_tiles(card: ModelCard, height_px: int, width_px: int, tile_px: int | None = None) -> TileGrid:
    """Tiles that overlap by twice the card's margin and a short ramp.

    Raises:
        RequestError: The tile is too small for the margin, or no multiple of what the network needs.
    """
    tiling = card.tiling
    return TileGrid.plan(
        height_px,
        width_px,
        tile_px=tile_px or tiling.tile_px,
        overlap_px=2 * tiling.margin_px + _SHORTEST_RAMP_PX,
        multiple_of=tiling.multiple_of,
    )


def infer_strips(
    source: PixelSource, compute: Compute, tiles: TileGrid, clock: Stopwatch, feedback: Feedback
) -> Iterator[Strip]:
    """Compute the probability of a raster, from north to south.

    Tiles without a valid pixel are not computed. Memory is one row of tiles, whatever the raster's height.

    Raises:
        RasterUnreadableError: The raster breaks off.
        ComputeError: The network failed.
        Cancelled: The user asked for it; looked at before each tile.
    """
    blender = StripBlender(tiles, compute.card.tiling.margin_px)
    width = tiles.columns.starts[-1] + tiles.columns.tile_px
    for top in tiles.rows.starts:
        with clock.stage("read"):
            pixels, valid = source.read(Window(top, 0, tiles.rows.tile_px, width))
        with clock.stage("network"):
            predictions = _predict_row(pixels, valid, compute, tiles.columns, feedback)
        with clock.stage("blend"):
            probability = blender.add_row(predictions)
        rows, columns = probability.shape
        yield Strip(probability, valid[:rows, :columns], len(predictions))


def _predict_row(
    pixels: npt.NDArray[Any], valid: Mask, compute: Compute, columns: AxisTiles, feedback: Feedback
) -> dict[int, Float32]:
    """Predictions of the tiles of one row that have a valid pixel, by column of tiles."""
    predictions = {}
    for column, left in enumerate(columns.starts):
        stop_if_cancelled(feedback)
        tile = slice(left, left + columns.tile_px)
        if valid[:, tile].any():
            tensor = normalise(pixels[:, :, tile], valid[:, tile], compute.card.input)
            predictions[column] = compute.predict(tensor[None])[0]
    return predictions
