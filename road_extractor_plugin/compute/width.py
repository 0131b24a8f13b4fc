"""How wide the road is at pixels of its skeleton, and where its middle is.

Distances are wanted at skeleton pixels only, and most roads are narrow, so the pixels around are looked at, the nearer
ones first; the distance transform of the whole mask takes longer than all other steps of the tracer together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.near_cells import may_be_within
from road_extractor_plugin.compute.raster_rows import RasterRows, framed, places_in
from road_extractor_plugin.compute.threshold import ROAD
from road_extractor_plugin.contract.raster_coding import NODATA

BoolMask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

FIRST_HALO_PX = 64
"""Rows around the pixels that are read at first; enough for roads up to 40 px wide."""

NEAR_PX = 24
"""Sides of roads are looked for so far pixel by pixel, and beyond by search tree."""

SINGLE_PX = 5
"""So far circles are looked at one by one, and beyond several together: few roads are wider."""

FEW = 2000
"""Places that are looked around in one go; with more, one step at a time takes less time."""

REACH = 3
"""How many radii from its pixel the width looks: one to the near side, from the mirrored point at most two."""


@dataclass(frozen=True, eq=False)
class LocalWidths:
    """The mask around each of n skeleton pixels; every value depends only on pixels within about the road's width."""

    radius_px: Floats
    """(n,) Euclidean distance from the pixel's centre to the nearest pixel centre that is not road."""
    width_px: Floats
    """(n,) Width of the road across the pixel."""
    at_data_edge: BoolMask
    """(n,) Whether the data end where the road does: their edge is within 1.5 radii and a pixel."""

    def largest_of_each(self, group: npt.NDArray[np.int64], group_count: int) -> LocalWidths:
        """The largest of each measure in each group; `group` is (n,)."""
        radius, width, at_edge = np.zeros(group_count), np.zeros(group_count), np.zeros(group_count, dtype=bool)
        np.maximum.at(radius, group, self.radius_px)
        np.maximum.at(width, group, self.width_px)
        np.logical_or.at(at_edge, group, self.at_data_edge)
        return LocalWidths(radius, width, at_edge)

    @staticmethod
    def of_all(parts: Sequence[LocalWidths]) -> LocalWidths:
        """The measures of several lots of pixels, one behind the other."""
        none: Floats = np.empty(0)
        return LocalWidths(
            np.concatenate([none, *(part.radius_px for part in parts)]),
            np.concatenate([none, *(part.width_px for part in parts)]),
            np.concatenate([none.astype(bool), *(part.at_data_edge for part in parts)]),
        )

    def at(self, places: npt.NDArray[np.int64]) -> LocalWidths:
        """The measures at some of the places."""
        return LocalWidths(self.radius_px[places], self.width_px[places], self.at_data_edge[places])

    def and_then(self, others: LocalWidths) -> LocalWidths:
        """These measures and, behind them, others."""
        return LocalWidths.of_all([self, others])


MAX_OFF_MIDDLE_PX = 1.0
"""Thinning keeps to the middle of a road by less; what looks further off is a junction."""

WITHIN_PIXEL = 0.49
"""No further from a pixel's centre in x and y, so that no two places fall together and lines stay apart."""


def local_widths(mask: RasterRows, pixels: Pixels) -> tuple[LocalWidths, Floats]:
    """Measure the mask at some of its pixels.

    1. The nearest pixel that is not road gives the radius r and the direction across the road. Of several at the same
       distance it is the first in row-major order, so that the result does not depend on what else was looked at.
    2. The far side is the not-road pixel nearest to the mirrored point, at distance s in that direction; the width is
       r + s - 1:

        . # # # # .        n = 4 px wide: the skeleton is on one of the two middle pixels,
        r <--o----> s      r = 2 and s = 3, so 2 r - 1 = 3 would be wrong and r + s - 1 = 4 is right.

    3. The middle of the road is half way between both sides, as far as that is within the pixel. Without it, rings come
       out up to 0.3 px too narrow: outside of a bend thinning takes more than inside.
    4. Only the rows around the pixels are read. Where the widest road turns out to need more of them, as many as it
       needs are; so the memory is that of the pixels' rows and three times the largest radius on either side.

    Args:
        mask: 1 road, 0 none, 255 nodata; there, and outside the raster, is no road.
        pixels: (n, 2) row, column of pixels on the road.

    Returns:
        The measures, in the order of `pixels`, and (n, 2) x, y of the road's middle there.
    """
    if not len(pixels):
        return LocalWidths(np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool)), np.empty((0, 2))
    top, bottom = int(pixels[:, 0].min()), int(pixels[:, 0].max()) + 1
    halo, needed = 0, FIRST_HALO_PX
    nearest, radius = np.empty_like(pixels), np.full(len(pixels), np.inf)
    while halo < needed and (top - halo >= 0 or bottom + halo <= mask.shape[0]):  # 4
        unsure = radius > halo
        halo = needed
        outline = _Outline.of(mask, max(top - halo, -1), min(bottom + halo, mask.shape[0] + 1))
        nearest[unsure] = outline.nearest(pixels[unsure])  # 1
        radius[unsure] = np.hypot(*(pixels[unsure] - nearest[unsure]).T)
        needed = math.ceil(REACH * radius.max()) + 2
    across = (pixels - nearest) / radius[:, None]
    opposite = outline.nearest(2 * pixels - nearest)  # 2
    far = np.einsum("ij,ij->i", opposite - pixels, across)
    off = 0.5 * (far - radius)  # 3
    off[np.abs(off) > MAX_OFF_MIDDLE_PX] = 0.0
    middle = pixels + 0.5 + np.clip(off[:, None] * across, -WITHIN_PIXEL, WITHIN_PIXEL)
    at_edge = _reaches(pixels, outline.at_data_edge, 1.5 * radius + 1)
    return LocalWidths(radius, np.maximum(radius + far - 1, 1.0), at_edge), middle[:, ::-1]


@dataclass(frozen=True, eq=False)
class _Outline:
    """The pixels in some rows that are not road and have a road pixel beside them, the rim outside the raster included.

    The nearest not-road pixel of any road pixel is among them.
    """

    first_row: int
    is_outline: BoolMask
    """(rows + 2 margin, width + 2 + 2 margin): the rows from `first_row`, a column more on either side, and a margin of
    `NEAR_PX` around it all."""
    at_data_edge: Pixels
    """(n, 2) row, column of those without data, or outside."""

    @staticmethod
    def of(mask: RasterRows, start: int, stop: int) -> _Outline:
        codes = framed(mask, start, stop)
        road = codes == ROAD
        beside = np.zeros((road.shape[0] + 2 * NEAR_PX, road.shape[1] + 2 * NEAR_PX), dtype=bool)
        inner = beside[NEAR_PX:-NEAR_PX, NEAR_PX:-NEAR_PX]
        inner[1:] |= road[:-1]
        inner[:-1] |= road[1:]
        inner[:, 1:] |= road[:, :-1]
        inner[:, :-1] |= road[:, 1:]
        np.greater(inner, road, out=inner)
        return _Outline(start, beside, _places(inner & (codes == NODATA), start))

    @cached_property
    def tree(self) -> cKDTree:
        """Of the row, column of all."""
        return _tree(_places(self.is_outline[NEAR_PX:-NEAR_PX, NEAR_PX:-NEAR_PX], self.first_row))

    def nearest(self, places: Pixels) -> Pixels:
        """(n, 2) the nearest pixel of the outline to each place (n, 2), of several the first in row-major order.

        Within `NEAR_PX` ring after ring is looked at, beyond that a search tree tells the distance.
        """
        outline, stride = self.is_outline.ravel(), self.is_outline.shape[1]
        flat = (places[:, 0] - self.first_row + NEAR_PX) * stride + places[:, 1] + 1 + NEAR_PX
        taken = np.zeros(len(places), dtype=np.int64)
        searching, tried = np.arange(len(places)), 0
        rings = _rings()
        for ring in rings:
            first = _first_true(outline, flat, ring[:, 0] * stride + ring[:, 1])
            hit = first >= 0
            taken[searching[hit]] = tried + first[hit]
            searching, flat, tried = searching[~hit], flat[~hit], tried + len(ring)
            if not searching.size:
                break
        found: Pixels = places + np.concatenate(rings)[taken]
        if searching.size:
            found[searching] = self._far(places[searching])
        return found

    def _far(self, places: Pixels) -> Pixels:
        """`nearest` by search tree."""
        squared = np.rint(self.tree.query(places)[0] ** 2).astype(np.int64)
        found = np.empty_like(places)
        order = np.argsort(squared, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(squared[order])) + 1):
            candidates = places[group, None] + _circle(int(squared[group[0]]))
            found[group] = candidates[np.arange(group.size), self._has(candidates).argmax(axis=1)]
        return found

    def _has(self, pixels: Pixels) -> BoolMask:
        """(...) which of the pixels (..., 2) are in the outline."""
        row, column = pixels[..., 0] - self.first_row + NEAR_PX, pixels[..., 1] + 1 + NEAR_PX
        height, width = self.is_outline.shape
        inside: BoolMask = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        inside[inside] = self.is_outline[row[inside], column[inside]]
        return inside


def _places(framed_mask: BoolMask, first_row: int) -> Pixels:
    """(n, 2) row, column where a mask is true that starts at a row, and one column outside the raster."""
    row, column = places_in(framed_mask)
    return np.column_stack([row + first_row, column - 1])


@lru_cache(maxsize=1024)
def _circle(squared_radius: int) -> Pixels:
    """(n, 2) all steps of whole rows and columns that have a length, in row-major order."""
    reach = math.isqrt(squared_radius)
    rows = np.arange(-reach, reach + 1)
    columns = np.rint(np.sqrt(squared_radius - rows**2)).astype(np.int64)
    exact = rows**2 + columns**2 == squared_radius
    steps = np.column_stack([np.tile(rows[exact], 2), np.append(-columns[exact], columns[exact])])
    circle: Pixels = np.unique(steps, axis=0)
    return circle


@lru_cache(maxsize=1)
def _rings() -> tuple[Pixels, ...]:
    """All steps up to `NEAR_PX`, the shortest first and those of a length in row-major order, ring by ring."""
    steps = np.arange(NEAR_PX + 1) ** 2
    squares = np.unique(steps[:, None] + steps)
    squares = squares[squares <= NEAR_PX**2]
    ring = np.where(squares <= SINGLE_PX**2, squares, np.ceil(np.sqrt(squares) / SINGLE_PX) * NEAR_PX**2)
    return tuple(
        np.concatenate([_circle(square) for square in squares[ring == number].tolist()]) for number in np.unique(ring)
    )


def _first_true(values: BoolMask, places: Indices, steps: Indices) -> Indices:
    """(n,) The first of the steps that leads from each place to what is true, -1 where none does."""
    if places.size <= FEW:
        is_there = values[places[:, None] + steps]
        return np.where(is_there.any(axis=1), is_there.argmax(axis=1), -1)
    first = np.full(places.size, -1)
    for number, step in reversed(list(enumerate(steps.tolist()))):
        np.copyto(first, number, where=values.take(places + step))
    return first


def _reaches(pixels: Pixels, targets: Pixels, reach_px: Floats) -> BoolMask:
    """Which pixels have a target within their reach."""
    if not len(targets):
        return np.zeros(len(pixels), dtype=bool)
    longest = float(reach_px.max()) + 1
    reaches = may_be_within(longest, pixels, targets)
    distance, _ = _tree(targets).query(pixels[reaches], distance_upper_bound=longest)
    reaches[reaches] = distance <= reach_px[reaches]
    return reaches


def _tree(points: Pixels) -> cKDTree:
    """A search tree that is quick to build; the points are spread evenly enough."""
    return cKDTree(points, balanced_tree=False, compact_nodes=False)
