r"""The most likely way of a road across a gap.

The probability is resampled to a window that lies along the straight line from start to end:

        . . . . . . . . .        The way is the path of least cost through it, as Dijkstra's algorithm finds it over
        . . o-o-o-o . . .        the eight neighbours (scikit-image). A step of one pixel costs
    start-o . . . . o-o-end
        . . . . . . . . .            1 - log(max(p, 0.002)) + d
        . . . . . . . . .
                                 with the probability p, and the disagreement d of the predicted orientation with the
                                 straight line, 0..1, where there is a prediction of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.graph import route_through_array

from road_extractor_plugin.compute.raster_rows import RasterRows
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

MIN_PROBABILITY = 0.002
"""Half the smallest step of what is stored."""

RIDGE = 1.5
"""A road stands out where it is so many times as likely as the places beside it."""

NO_RIDGE = 4.0
"""What a step costs more where no road stands out: with it the cost tells true gaps from false ones best."""

STRAY = 1 / 3
"""How far the way may stray from the straight line, as a share of that."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was predicted, over the whole raster; only windows of it are read."""

    probability: RasterRows
    """0..254 = 0..1, 255 nodata, which counts as 0."""
    low: float
    """Probability from which on there is road."""
    orientation: npt.NDArray[np.float32] | None = None
    """(2, height, width), cosine and sine of twice the road's direction times how sure that is, 0..1."""


@dataclass(frozen=True, eq=False)
class GapRoute:
    """A way from one place to another."""

    points: Floats
    """(n, 2) x, y, both places included."""
    gap_px: float
    """Length of its part without road."""
    cost: float
    """Of that part; a step that is no ridge costs `NO_RIDGE` more."""
    probability: float
    """Geometric mean over that part; 1 where there is none."""
    ridge_share: float
    """Share of that part on which the route is a ridge of the probability: on either side, at half a width to one and a
    half, there is a place less likely. Between two roads beside each other there is none."""


def likely_route(start: Floats, end: Floats, width_px: float, evidence: Evidence) -> GapRoute:
    """The path of least cost between two places, no two of them alike, for a road of the given width."""
    beside = _beside(width_px)
    rows = math.ceil(STRAY * float(np.hypot(*(end - start)))) + 1
    grid = _window(start, end, rows + int(beside[-1]))
    probability = _sampled(evidence.probability, grid)
    cost = 1.0 - np.log(np.maximum(probability, MIN_PROBABILITY))
    if evidence.orientation is not None:
        cost += _disagreement(evidence.orientation, grid, end - start)
    inner = cost[beside[-1] : len(cost) - beside[-1]]
    steps, _ = route_through_array(inner, (rows, 0), (rows, inner.shape[1] - 1), fully_connected=True, geometric=True)
    row, column = np.array(steps).T
    row += beside[-1]
    at = probability[row, column]
    higher = np.maximum(
        *(probability[row + side * beside[:, None], column].min(axis=0) for side in (-1, 1)),
    )
    return _route(grid[:, row, column].T, at, cost[row, column], at >= RIDGE * higher + MIN_PROBABILITY, evidence.low)


def straight_route(start: Floats, end: Floats, evidence: Evidence) -> GapRoute:
    """The straight line, where the probability is no evidence: a step costs 1."""
    grid = _window(start, end, 0)
    probability = _sampled(evidence.probability, grid)[0]
    cost = np.ones_like(probability)
    return _route(grid[:, 0].T, probability, cost, cost > 0, evidence.low)


def _beside(width_px: float) -> Indices:
    """Rows beside the road that show whether it stands out."""
    return np.arange(math.ceil(0.5 * width_px), math.ceil(1.5 * width_px) + 1)


def _window(start: Floats, end: Floats, rows: int) -> Floats:
    """(2, 2 rows + 1, n) x and y of the window's places, the straight line in its middle row."""
    way = end - start
    count = max(math.ceil(float(np.hypot(*way))), 2)
    along, across = way / count, np.array([-way[1], way[0]]) / count
    column, row = np.arange(count + 1), np.arange(-rows, rows + 1)
    grid: Floats = start[:, None, None] + along[:, None, None] * column + across[:, None, None] * row[:, None]
    return grid


def _sampled(stored: RasterRows, grid: Floats) -> Floats:
    """Probability at places, bilinear; 0 without data."""
    rows, columns, place = _crop(stored.shape, grid)
    part = stored.read(rows.start, rows.stop)[:, columns]
    values = np.where(part == NODATA, 0, part) / CERTAIN
    sampled: Floats = ndimage.map_coordinates(values, place, order=1, mode="constant")
    return sampled


def _disagreement(orientation: npt.NDArray[np.float32], grid: Floats, way: Floats) -> Floats:
    """Squared sine of the angle between the predicted direction and the way, times how sure the prediction is."""
    twice = 2 * math.atan2(way[1], way[0])
    rows, columns, place = _crop(orientation.shape[1:], grid)
    cosine, sine = (
        ndimage.map_coordinates(layer[rows, columns], place, order=1, mode="constant") for layer in orientation
    )
    disagreement: Floats = 0.5 * (np.hypot(cosine, sine) - cosine * math.cos(twice) - sine * math.sin(twice))
    return disagreement


def _crop(shape: tuple[int, ...], grid: Floats) -> tuple[slice, slice, Floats]:
    """The rows and columns of a raster around places, and where these are in that part (2, ...)."""
    x, y = grid
    top, left = (min(max(math.floor(a.min()) - 1, 0), side) for a, side in zip((y, x), shape))
    bottom, right = (min(max(math.ceil(a.max()) + 1, 0), side) for a, side in zip((y, x), shape))
    return slice(top, max(bottom, top)), slice(left, max(right, left)), np.stack([y - 0.5 - top, x - 0.5 - left])


def _route(points: Floats, probability: Floats, cost: Floats, is_ridge: BoolMask, low: float) -> GapRoute:
    steps = np.hypot(*np.diff(points, axis=0).T)
    weight = np.append(steps, 0.0) / 2 + np.append(0.0, steps) / 2
    weight[probability >= low] = 0.0
    gap = float(weight.sum())
    if not gap:
        return GapRoute(points, 0.0, 0.0, 1.0, 1.0)
    surprise = float(weight @ np.log(np.maximum(probability, MIN_PROBABILITY)))
    paid = float(weight @ (cost + NO_RIDGE * ~is_ridge))
    return GapRoute(points, gap, paid, math.exp(surprise / gap), float(weight @ is_ridge) / gap)
