r"""Joining the predictions of overlapping tiles without a seam, strip by strip.

Along each axis every tile gets a weight per pixel. It is 0 in the tile's margin, where the network saw too
little around, rises as a raised cosine over the rest of the overlap, and is 1 where no neighbour reaches:

       1 |          ________________
         |        /                  \
       0 |_______/                    \______
          margin  ramp            ramp  margin

At an edge of the raster there is no neighbour and so neither margin nor ramp. The weights of an axis are divided
by their sum, so they add up to 1 at each pixel, and so do their products over both axes: the blended value is a
plain weighted sum, without a second accumulator to divide by.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.grid import AxisTiles, TileGrid

Float32 = npt.NDArray[np.float32]


def axis_weights(axis: AxisTiles, margin_px: int) -> Float32:
    """Weights of the tiles along one axis.

    Args:
        axis: The tiles.
        margin_px: Border of a tile without weight; at most half the overlap.

    Returns:
        float32 (tiles, tile_px); over the pixels of the axis they add up to 1.
    """
    starts, tile = axis.starts, axis.tile_px
    weights = np.ones((len(starts), tile), dtype=np.float64)
    for index, (left, right) in enumerate(zip(starts, starts[1:])):
        ramp = _ramp(left + tile - right, margin_px)
        weights[index, right - left :] *= ramp[::-1]
        weights[index + 1, : ramp.size] *= ramp
    total = np.zeros(starts[-1] + tile)
    for start, weight in zip(starts, weights):
        total[start : start + tile] += weight
    for index, start in enumerate(starts):
        weights[index] /= total[start : start + tile]
    return weights.astype(np.float32)


def _ramp(overlap_px: int, margin_px: int) -> npt.NDArray[np.float64]:
    """Rising weights over an overlap: `margin_px` zeros, a raised cosine, `margin_px` ones."""
    length = overlap_px - 2 * margin_px
    phase = (np.arange(length) + 0.5) / max(length, 1)
    rise = 0.5 - 0.5 * np.cos(np.pi * phase)
    return np.concatenate([np.zeros(margin_px), rise, np.ones(margin_px)])


class StripBlender:
    """Blends rows of tiles into finished strips; holds one strip of the raster's width and no more.

    Tiles of one row may come in any order; they are summed from west to east, so the result does not depend
    on it.
    """

    def __init__(self, tiles: TileGrid, margin_px: int) -> None:
        self._tiles = tiles
        self._row_weights = axis_weights(tiles.rows, margin_px)
        self._column_weights = axis_weights(tiles.columns, margin_px)
        width = tiles.columns.starts[-1] + tiles.columns.tile_px
        self._strip: Float32 = np.zeros((tiles.rows.tile_px, width), dtype=np.float32)
        self._row = 0

    def add_row(self, predictions: dict[int, Float32]) -> Float32:
        """Add the next row of tiles, from the north.

        Args:
            predictions: Per column of tiles (tile_px, tile_px); one left out counts as 0.

        Returns:
            float32 (rows, width): the rows of the raster that no later tile touches.
        """
        weights = self._row_weights[self._row][:, None]
        for column, start in enumerate(self._tiles.columns.starts):
            if column in predictions:
                columns = slice(start, start + self._tiles.columns.tile_px)
                self._strip[:, columns] += predictions[column] * (weights * self._column_weights[column])
        return self._take_finished()

    def _take_finished(self) -> Float32:
        starts = self._tiles.rows.starts
        is_last = self._row == len(starts) - 1
        rows = self._tiles.rows.length_px - starts[-1] if is_last else starts[self._row + 1] - starts[self._row]
        finished = self._strip[:rows, : self._tiles.columns.length_px].copy()
        self._strip[:-rows] = self._strip[rows:].copy()
        self._strip[-rows:] = 0.0
        self._row += 1
        return finished
