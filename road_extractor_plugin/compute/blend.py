r"""Joining the predictions of overlapping tiles without a seam, block by block.

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

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.grid import AxisTiles, TileGrid, Window

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


def _edges(weights: Float32) -> tuple[slice, ...]:
    """Where the weights (tile_px,) of a tile are not 1: before and behind its middle, or all of it."""
    ones = np.flatnonzero(weights == 1)
    if not ones.size or ones[-1] - ones[0] >= ones.size:
        return (slice(None),)
    return slice(0, int(ones[0])), slice(int(ones[-1]) + 1, None)


@dataclass(frozen=True, eq=False)
class Block:
    """A finished part of the raster."""

    window: Window
    values: Float32
    """(height, width) of the window."""


class TileBlender:
    """Blends tiles into finished blocks. Tiles come row by row from the north, in each row from the west.

          finished before
        +-----------+-------+       Tiles move east over their row. What no later tile of the row touches leaves the
        |  carried  | south |       tile: the upper rows as a finished block, the lower ones are carried until tiles
        +---+-------+---+---+       come by again, one row of tiles further south. The other columns are the overhang,
            |   tile    |           to be added to the next tile. Held are the overhang and, over the raster's width,
            +-----------+           the rows that are carried.

    Only the edges of a tile are weighted and added up; most of its pixels pass through as they are.

    Args:
        tiles: Where they are.
        margin_px: Border of a tile without weight; at most half the overlap.
    """

    def __init__(self, tiles: TileGrid, margin_px: int) -> None:
        rows, columns = tiles.rows, tiles.columns
        self._tiles = tiles
        self._row_weights = axis_weights(rows, margin_px)
        self._column_weights = axis_weights(columns, margin_px)
        self._row_edges, self._column_edges = (
            [_edges(tile) for tile in weights] for weights in (self._row_weights, self._column_weights)
        )
        deepest = max((rows.tile_px - rows.step(row) for row in range(len(rows.starts) - 1)), default=0)
        self._carried: Float32 = np.zeros((deepest, columns.starts[-1] + columns.tile_px), dtype=np.float32)
        self._overhang: Float32 = self._none()
        """(height, width) of what the tile before, and those above it, gave to the first columns of the next one."""

    def add(self, row: int, column: int, prediction: Float32) -> Block:
        """Add the next tile.

        Args:
            row: Of tiles.
            column: Of tiles.
            prediction: (height, width) of a tile.

        Returns:
            What no later tile touches, cut to the raster; where a tile that was left out lies, it means nothing.
        """
        total = self._weighted(row, column, prediction)
        self._add_earlier(row, column, total)
        self._keep_for_later(row, column, total)
        window = self._tiles.finished(row, column)
        return Block(window, total[: window.height, : window.width])

    def leave_out(self, row: int, column: int) -> None:
        """Pass over the next tile: nothing in it counts, not even what its neighbours give."""
        self._overhang = self._none()
        if row + 1 < len(self._tiles.rows.starts):
            left = self._tiles.columns.starts[column]
            self._carried[:, left : left + self._tiles.columns.step(column)] = 0.0

    def _none(self) -> Float32:
        return np.empty((self._tiles.rows.tile_px, 0), dtype=np.float32)

    def _weighted(self, row: int, column: int, prediction: Float32) -> Float32:
        weighted: Float32 = prediction.copy()
        for rows in self._row_edges[row]:
            weighted[rows] *= self._row_weights[row, rows, None]
        for columns in self._column_edges[column]:
            weighted[:, columns] *= self._column_weights[column, columns]
        return weighted

    def _add_earlier(self, row: int, column: int, total: Float32) -> None:
        """Add what tiles to the west and to the north gave; the overhang has that of the north in it already."""
        columns = self._tiles.columns
        left, done = columns.starts[column], self._overhang.shape[1]
        height = self._tiles.rows.tile_px - self._tiles.rows.step(row - 1) if row > 0 else 0
        total[:, :done] += self._overhang
        total[:height, done:] += self._carried[:height, left + done : left + columns.tile_px]

    def _keep_for_later(self, row: int, column: int, total: Float32) -> None:
        rows, columns = self._tiles.rows, self._tiles.columns
        left, width, height = columns.starts[column], columns.step(column), rows.step(row)
        self._carried[: rows.tile_px - height, left : left + width] = total[height:, :width]
        self._overhang = total[:, width:].copy()
