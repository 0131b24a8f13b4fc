r"""The most likely ways of roads across gaps, many gaps at once.

The probability is resampled to a window that lies along the straight line from start to end:

        . . . . . . . . .        The way is the path of least cost through it, found column by column (dynamic
        . . o-o-o-o . . .        programming): each step leads to the next column, in the same row or in one beside it.
    start-o . . . . o-o-end      A step of one pixel costs
        . . . . . . . . .
                                     1 - log(max(p, 0.002)) + d

                                 with the probability p, and the disagreement d of the predicted orientation with the
                                 straight line, 0..1, where there is a prediction of it.

1. Gaps are taken together in lots: from the same rows of the raster, so that little of it is read at a time, and about
   as long, so that their windows fit into one array.
2. All windows of a lot are filled and searched at once. What a gap costs does not depend on its lot.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.raster_rows import KeptRows, RasterRows
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

MIN_PROBABILITY = 0.002
"""Half the smallest step of what is stored."""

RIDGE = 1.5
"""A road stands out where it is so many times as likely as the places beside it."""

NO_RIDGE = 4.0
"""What a step costs more where no road stands out: with it the cost tells true gaps from false ones best."""

STRAY = 1 / 3
"""How far the way may stray from the straight line, as a share of that."""

_BAND_PX, _MIN_BAND_ROWS = 8_000_000, 128
"""Rule 1: gaps of a lot start within rows that hold about so many pixels."""

_LOT_PLACES = 500_000
"""Rule 1: places in all windows of a lot, about."""

_LONGER = 1.3
"""Rule 1: the longest gap of a lot, in lengths of the shortest."""

_SIDEWAYS = np.float32(math.sqrt(2) / 2)
"""Half the length of a step to another row."""


_COST: Singles = 1 - np.log(np.maximum(np.arange(256) / CERTAIN, MIN_PROBABILITY)).astype(np.float32)
"""Of a step, by what is stored."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was predicted, over the whole raster; only windows of it are read."""

    probability: RasterRows
    """0..254 = 0..1, 255 nodata, which counts as 0."""
    low: float
    """Probability from which on there is road."""
    orientation: Singles | None = None
    """(2, height, width), cosine and sine of twice the road's direction times how sure that is, 0..1."""


@dataclass(frozen=True, eq=False)
class Gaps:
    """k gaps to be crossed, no start of which is its end."""

    start: Floats
    """(k, 2) x, y."""
    end: Floats
    """(k, 2) x, y."""
    width_px: Floats
    """(k,) Of the road that ends at the start."""

    @property
    def length_px(self) -> Floats:
        """(k,) Of the straight lines."""
        length: Floats = np.hypot(*(self.end - self.start).T)
        return length

    def at(self, chosen: Indices) -> Gaps:
        """Some of them."""
        return Gaps(self.start[chosen], self.end[chosen], self.width_px[chosen])


@dataclass(frozen=True, eq=False)
class GapRoutes:
    """Ways over k gaps."""

    lines: Polylines
    """From start to end, both places included."""
    gap_px: Floats
    """(k,) Length of the part without road."""
    cost: Floats
    """(k,) Of that part; a step that is no ridge costs `NO_RIDGE` more."""
    probability: Floats
    """(k,) Geometric mean over that part; 1 where there is none."""
    ridge_share: Floats
    """(k,) Share of that part on which the route is a ridge of the probability: on either side, at half a width to one
    and a half, there is a place less likely. Between two roads beside each other there is none."""


def likely_routes(gaps: Gaps, evidence: Evidence) -> GapRoutes:
    """The paths of least cost."""
    return _routes(gaps, evidence, STRAY)


def straight_routes(gaps: Gaps, evidence: Evidence) -> GapRoutes:
    """The straight lines, where the probability is no evidence: a step costs 1."""
    return _routes(gaps, evidence, 0.0)


def _routes(gaps: Gaps, evidence: Evidence, stray: float) -> GapRoutes:
    columns = np.maximum(np.ceil(gaps.length_px).astype(np.int64), 2) + 1
    first = np.cumsum(columns) - columns
    total = int(columns.sum())
    points, at, cost, ridge = np.empty((total, 2)), np.empty(total), np.empty(total), np.empty(total, dtype=bool)
    evidence = replace(evidence, probability=KeptRows(_WithoutNodata(evidence.probability)))
    for lot in _lots(gaps, columns, evidence.probability.shape[1]):
        windows = _Windows(gaps.at(lot), columns[lot], stray)
        inside = np.arange(windows.column_count)[:, None] < columns[lot]
        place = (first[lot] + np.arange(windows.column_count)[:, None])[inside]
        found: tuple[npt.NDArray[Any], ...] = windows.ways(evidence)
        for all_of_them, some in zip((points, at, cost, ridge), found):
            all_of_them[place] = some[inside]
    return _weighed(Polylines(points, np.append(first, total)), at, cost, ridge, evidence.low)


def _lots(gaps: Gaps, columns: Indices, raster_width: int) -> Iterator[Indices]:
    """Rule 1."""
    band = gaps.start[:, 1] // max(_BAND_PX // max(raster_width, 1), _MIN_BAND_ROWS)
    order = np.lexsort((columns, band))
    places = columns[order] * (2 * STRAY * columns[order] + 3)
    begin = 0
    while begin < order.size:
        alike = (band[order[begin:]] == band[order[begin]]) & (
            columns[order[begin:]] <= _LONGER * columns[order[begin]] + 1
        )
        alike &= np.cumsum(places[begin:]) <= max(_LOT_PLACES, places[begin])
        stop = begin + int(np.argmin(np.append(alike, False)))
        yield order[begin:stop]
        begin = stop


class _Windows:
    """The windows of a lot; arrays are (columns, rows, k) or (columns, k).

    Args:
        gaps: k of them.
        columns: (k,) How many columns each window has; those behind do not matter.
        stray: How far ways may stray from the straight line, as a share of that.
    """

    def __init__(self, gaps: Gaps, columns: Indices, stray: float) -> None:
        self._gaps, self._columns = gaps, columns
        self.column_count = int(columns.max())
        self._along = (gaps.end - gaps.start) / (columns - 1)[:, None]
        self._across = self._along[:, ::-1] * np.array([-1.0, 1.0])
        self._straight = not stray
        self._reach = np.ceil(stray * gaps.length_px).astype(np.int64) + 1 if stray else np.zeros_like(columns)

    def ways(self, evidence: Evidence) -> tuple[Floats, Singles, Singles, BoolMask]:
        """Points (columns, k, 2) of the ways, and (columns, k) probability, cost and whether they stand out there."""
        raster = self._part_of(evidence.probability)
        if self._straight:
            places = self._places(np.zeros((self.column_count, len(self._columns)), dtype=np.int64))
            at = raster.at(places)
            return _points(places), at, np.ones_like(at), np.ones_like(at, dtype=bool)
        row = np.arange(-self._reach.max(), self._reach.max() + 1)
        window = self._places(np.broadcast_to(row[:, None], (self.column_count, row.size, len(self._columns))))
        cost = _COST[raster.nearest(window)]
        if evidence.orientation is not None:
            cost += self._disagreement(evidence.orientation, window)
        cost[:, np.abs(row)[:, None] > self._reach] = np.inf
        taken = row[_least_way(cost, self._columns)]
        way = self._places(taken)
        at = raster.at(way)
        paid = 1 - np.log(np.maximum(at, np.float32(MIN_PROBABILITY)))
        if evidence.orientation is not None:
            paid += self._disagreement(evidence.orientation, way)
        return _points(way), at, paid, self._stands_out(raster, taken, at)

    def _places(self, row: Indices) -> Floats:
        """(2, columns, ..., k) y and x of places by their row (columns, ..., k)."""
        column = np.arange(self.column_count).reshape(-1, *(1,) * (row.ndim - 1))
        places = np.empty((2, *row.shape))
        for number, axis in enumerate((1, 0)):
            np.multiply(row, self._across[:, axis], out=places[number])
            places[number] += self._gaps.start[:, axis] + column * self._along[:, axis]
        return places

    def _stands_out(self, raster: _Part, row: Indices, at: Singles) -> BoolMask:
        """(columns, k) whether ways stand out from both their sides, at half a width to one and a half."""
        near, far = (np.ceil(share * self._gaps.width_px).astype(np.int64) for share in (0.5, 1.5))
        beside = np.minimum(np.arange(int((far - near).max()) + 1)[:, None] + near, far)
        higher = np.zeros_like(at)
        for side in (-1, 1):
            higher = np.maximum(higher, raster.at(self._places(row[:, None] + side * beside)).min(axis=1))
        stands_out: BoolMask = at >= np.float32(RIDGE) * higher + np.float32(MIN_PROBABILITY)
        return stands_out

    def _part_of(self, raster: RasterRows) -> _Part:
        """What of a raster the windows, and what is beside ways, lie in."""
        margin = float((self._reach + np.ceil(1.5 * self._gaps.width_px)).max()) + 1
        return _Part.of(raster, np.concatenate([self._gaps.start, self._gaps.end]), margin)

    def _disagreement(self, orientation: Singles, window: Floats) -> Singles:
        """Squared sine of the angle between the predicted direction and the way, times how sure the prediction is."""
        twice = 2 * np.arctan2(self._along[:, 1], self._along[:, 0]).astype(np.float32)
        cosine, sine = (_Part(layer, 0, 0).at(window, 1.0) for layer in orientation)
        disagreement: Singles = 0.5 * (np.hypot(cosine, sine) - cosine * np.cos(twice) - sine * np.sin(twice))
        return disagreement


@dataclass(frozen=True, eq=False)
class _WithoutNodata:
    """A raster with 0 where it has no data."""

    raster: RasterRows

    @property
    def shape(self) -> tuple[int, int]:
        return self.raster.shape

    def read(self, start: int, stop: int) -> npt.NDArray[np.uint8]:
        values = self.raster.read(start, stop)
        unknown = values == NODATA
        return np.where(unknown, np.uint8(0), values) if unknown.any() else values


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows and columns of a raster from some on."""

    values: npt.NDArray[np.uint8] | Singles
    top: int
    left: int

    @staticmethod
    def of(raster: RasterRows, places: Floats, margin_px: float) -> _Part:
        """What is around places (n, 2)."""
        low, high = places.min(axis=0) - margin_px, places.max(axis=0) + margin_px
        (left, right), (top, bottom) = (
            (min(max(math.floor(one), 0), side), min(max(math.ceil(other), 0), side))
            for one, other, side in zip(low, high, raster.shape[::-1])
        )
        values = raster.read(top, max(bottom, top))[:, left : max(right, left)]
        return _Part(values, top, left)

    def at(self, places: Floats, certain: float = CERTAIN) -> Singles:
        """(...) What is stored at places (2, ...) y and x, bilinear, over what is certain; beyond the raster is 0."""
        first = np.array([0.5 + self.top, 0.5 + self.left]).reshape(2, *(1,) * (places.ndim - 1))
        values: Singles = ndimage.map_coordinates(
            self.values, places - first, order=1, mode="constant", output=np.float32
        )
        values /= np.float32(certain)
        return values

    def nearest(self, places: Floats) -> npt.NDArray[np.uint8]:
        """(...) What is stored in the pixels that places (2, ...) y and x lie in; beyond the raster is 0."""
        row, column = (axis.astype(np.int32) for axis in places)
        row -= self.top
        column -= self.left
        height, width = self.values.shape
        if places.min() >= 0 and row.max(initial=0) < height and column.max(initial=0) < width:
            near: npt.NDArray[np.uint8] = self.values.ravel().take(row * width + column)
            return near
        inside = (places >= 0).all(axis=0) & (row < height) & (column < width)
        stored = np.zeros(row.shape, dtype=np.uint8)
        stored[inside] = self.values[row[inside], column[inside]]
        return stored


def _points(places: Floats) -> Floats:
    """(..., 2) x, y of places (2, ...) y and x."""
    return np.stack([places[1], places[0]], axis=-1)


def _least_way(cost: Singles, columns: Indices) -> Indices:
    """(columns, k) the row that the path of least cost through each window takes in each column.

    Args:
        cost: (columns, rows, k), infinite where no way may be.
        columns: (k,) The paths lead from the middle row of the first column to that of the last.
    """
    count, rows, gap_count = cost.shape
    turns = np.zeros(cost.shape, dtype=np.int8)
    paid = np.full((rows, gap_count), np.inf, dtype=np.float32)
    paid[rows // 2] = 0.0
    beside = np.full((rows + 2, gap_count), np.inf, dtype=np.float32)
    for column in range(1, count):
        before, here = cost[column - 1], cost[column]
        straight = paid + np.float32(0.5) * (before + here)
        beside[1:-1] = paid + _SIDEWAYS * before
        above, below = beside[:-2], beside[2:]
        sideways = np.minimum(above, below) + _SIDEWAYS * here
        turns[column] = (sideways < straight) * np.where(below < above, np.int8(1), np.int8(-1))
        paid = np.minimum(straight, sideways)
    way = np.empty((count, gap_count), dtype=np.int64)
    row, gap = np.full(gap_count, rows // 2), np.arange(gap_count)
    for column in range(count - 1, -1, -1):
        way[column] = row
        row = row + turns[column, row, gap] * (column < columns)
    return way


def _weighed(lines: Polylines, at: Floats, cost: Floats, is_ridge: BoolMask, low: float) -> GapRoutes:
    """Ways from what there is at each of their points."""
    if not lines.first.size:
        return GapRoutes(lines, *np.empty((4, 0)))
    steps = np.hypot(*np.diff(lines.points, axis=0).T)
    steps[lines.last[:-1]] = 0.0  # between two lines
    weight = np.append(steps, 0.0) / 2 + np.append(0.0, steps) / 2
    weight[at >= low] = 0.0
    gap, paid, surprise, standing_out = (
        np.add.reduceat(weight * of, lines.first)
        for of in (1.0, cost + NO_RIDGE * ~is_ridge, np.log(np.maximum(at, MIN_PROBABILITY)), is_ridge)
    )
    length = np.where(gap > 0, gap, 1.0)
    return GapRoutes(lines, gap, paid, np.exp(surprise / length), np.where(gap > 0, standing_out / length, 1.0))
