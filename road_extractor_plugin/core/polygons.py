"""Road surfaces as polygons, exact to the pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.ranges import counted
from road_extractor_plugin.compute.raster_rows import RasterRows
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.raster_coding import CERTAIN
from road_extractor_plugin.core.ground import Ground
from road_extractor_plugin.core.pixel_outlines import Rings, pixel_outlines

Float64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_STRIP_PX = 2_000_000
"""Pixels worked on at a time: few, so that their memory is used again for the next ones."""


@dataclass(frozen=True, eq=False)
class RoadPolygon:
    """A piece of road surface."""

    rings: Rings
    """Outline, then holes; each (n, 2) x, y in pixels of the grid, closed, along the edges of pixels."""
    area_m2: float
    """On the ground."""
    confidence: float
    """Mean probability of its pixels, 0..1."""


def road_polygons(mask: RasterRows, probability: RasterRows, grid: Grid) -> tuple[RoadPolygon, ...]:
    """Polygons of the pixels of road that touch along an edge.

    Memory is that of the polygons and of one strip.

    Args:
        mask: 1 where there is road.
        probability: 0..254 = 0..1 where there is road.
        grid: Of both.

    Raises:
        RasterUnreadableError: One of them cannot be read.
    """
    polygons = pixel_outlines(mask)
    sums = _sums(polygons, probability, grid)
    return tuple(
        RoadPolygon(rings, float(square_metres), float(probability_sum / pixels))
        for rings, pixels, square_metres, probability_sum in zip(polygons, *sums)
    )


def _sums(polygons: Sequence[Rings], probability: RasterRows, grid: Grid) -> Float64:
    """(3, polygons): number of pixels, their ground area in m2, sum of their probabilities.

    In each row, a polygon reaches from every other piece of border to the next.
    """
    sums = np.zeros((3, len(polygons)))
    row_area_m2 = _pixel_areas_m2(grid)
    all_borders = _Border.of(polygons)
    strip_rows = max(_STRIP_PX // grid.width_px, 1)
    for top in range(0, grid.height_px, strip_rows):
        stop = min(top + strip_rows, grid.height_px)
        row, column, polygon = all_borders.between(top, stop)
        if row.size == 0:
            continue
        codes, bounds = probability.read(top, stop).ravel(), (row - top) * grid.width_px + column
        pixels = column[1::2] - column[::2]
        inside = bounds[: np.searchsorted(bounds, codes.size)]  # the last may be behind all
        codes_sum = np.add.reduceat(codes, inside, dtype=np.int64)[::2]
        for index, amount in enumerate((pixels, pixels * row_area_m2[row[::2]], codes_sum / CERTAIN)):
            sums[index] += np.bincount(polygon[::2], amount, len(polygons))
    return sums


@dataclass(frozen=True, eq=False)
class _Border:
    """Vertical pieces of the borders of polygons; (n,) arrays."""

    polygon: Indices
    column: Indices
    row: Indices
    """Of the pixels beside it; the northernmost one of a piece that is longer."""
    length: Indices
    """In rows."""

    @classmethod
    def of(cls, polygons: Sequence[Rings]) -> _Border:
        """All of them, from corner to corner."""
        if not polygons:
            return cls(*np.zeros((4, 0), dtype=np.int64))
        rings = [ring for polygon in polygons for ring in polygon]
        ring_of = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
        polygon_of = np.repeat(np.arange(len(polygons)), [len(polygon) for polygon in polygons])
        x, y = np.rint(np.concatenate(rings)).astype(np.int64).T
        rise = np.where(ring_of[1:] == ring_of[:-1], y[1:] - y[:-1], 0)
        piece = np.flatnonzero(rise)
        rise = rise[piece]
        return cls(polygon_of[ring_of[piece]], x[piece], np.minimum(y[piece], y[piece] + rise), np.abs(rise))

    def between(self, top: int, stop: int) -> tuple[Indices, Indices, Indices]:
        """Row, column and polygon of the part in the rows from `top` to before `stop`, row by row from the west."""
        here = np.flatnonzero((self.row < stop) & (self.row + self.length > top))
        first = np.maximum(self.row[here], top)
        count = np.minimum((self.row + self.length)[here], stop) - first
        piece, row = np.repeat(here, count), counted(first, first + count)
        in_order = np.lexsort((self.column[piece], row))
        piece = piece[in_order]
        return row[in_order], self.column[piece], self.polygon[piece]


def _pixel_areas_m2(grid: Grid) -> Float64:
    """Ground area of a pixel in each row, at the middle of the row."""
    x0, x_size, _, y0, _, y_size = grid.geotransform
    y = y0 + (np.arange(grid.height_px) + 0.5) * y_size
    x = np.full_like(y, x0 + x_size * grid.width_px / 2)
    return Ground.of_grid(grid).square_metres_per_unit(np.column_stack([x, y])) * abs(x_size * y_size)
