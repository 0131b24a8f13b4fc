"""From road probability to a clean road mask."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Callable

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.raster_rows import (
    PassingRows,
    RasterRows,
    RowsInTheMaking,
    Stored,
    Strips,
    framed,
    values_at,
)
from road_extractor_plugin.compute.regions import Regions
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA

ROAD = 1
"""Value of the mask raster on road; 0 is beside it."""

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
_Layers = tuple[BoolMask, ...]


def hysteresis(
    probability: RasterRows, thresholds: Thresholds, min_area_px: float = 0.0, strips: Strips | None = None
) -> PassingRows:
    """Pixels >= `low` in 8-connected pieces that hold a pixel >= `high` (Canny 1986, doi:10.1109/TPAMI.1986.4767851).

    Args:
        probability: 0..254 = 0..1, 255 nodata.
        thresholds: Both 0..1.
        min_area_px: Smaller pieces are dropped, unless they touch the edge of the data.
        strips: What is worked on at a time; it does not change the result.

    Returns:
        1 road, 0 none, 255 nodata; made as it is read, once from north to south.
    """
    strips = strips or Strips.of(probability)
    low, high = _stored(thresholds.low), _stored(thresholds.high)

    def is_kept(area: Indices, sure: BoolMask, at_rim: BoolMask) -> BoolMask:
        return sure & ((area >= min_area_px) | at_rim)

    def looked_at(values: Stored, nodata: BoolMask, rim: BoolMask) -> _Layers:
        road = (values >= low) > nodata
        return road, road if high == low else values >= high, rim

    picked = _picked(probability, strips, Regions(is_kept, over_corners=True), looked_at)
    return PassingRows(probability.shape, (_coded(kept, nodata) for kept, nodata in picked))


def fill_small_holes(mask: RasterRows, max_area_px: float, strips: Strips | None = None) -> RowsInTheMaking:
    """Mask with its 4-connected holes of at most `max_area_px` filled; a hole at the edge of the data stays.

    Args:
        mask: 1 road, 0 none, 255 nodata.
        max_area_px: Largest hole filled; city blocks and roundabouts are larger.
        strips: What is worked on at a time; it does not change the result.

    Returns:
        The mask, coded likewise; made as it is read.
    """
    strips = strips or Strips.of(mask)

    def is_no_hole(area: Indices, at_rim: BoolMask) -> BoolMask:
        return (area > max_area_px) | at_rim

    def looked_at(codes: Stored, _nodata: BoolMask, rim: BoolMask) -> _Layers:
        return codes == 0, rim

    picked = _picked(mask, strips, Regions(is_no_hole, over_corners=False), looked_at)
    return RowsInTheMaking(mask.shape, (_coded(~beside, nodata) for beside, nodata in picked))


def is_road(mask: RasterRows, xy: Floats) -> BoolMask:
    """(n,) whether places (n, 2) x, y are on road; none outside the mask is."""
    column, row = np.floor(xy).astype(np.int64).T
    road: BoolMask = (row >= 0) & (column >= 0) & (row < mask.shape[0]) & (column < mask.shape[1])
    road[road] = values_at(mask, row[road], column[road]) == ROAD
    return road


def _stored(threshold: float) -> int:
    """The smallest stored value that reaches a threshold 0..1."""
    return math.ceil(threshold * CERTAIN - 1e-9)


def _picked(
    raster: RasterRows, strips: Strips, regions: Regions, looked_at: Callable[[Stored, BoolMask, BoolMask], _Layers]
) -> Iterator[tuple[BoolMask, BoolMask]]:
    """Of each strip what `regions` picks, and where it has nodata.

    Args:
        raster: What is seen.
        strips: Of it.
        regions: Have seen nothing yet.
        looked_at: Makes of values, nodata and rim of a strip what `Regions.add` takes.
    """
    unknown: deque[BoolMask] = deque()
    for start, stop in strips:
        values, nodata, rim = _with_rim(raster, start, stop)
        unknown.append(nodata)
        for picked in regions.add(*looked_at(values, nodata, rim)):
            yield picked, unknown.popleft()
    for picked in regions.rest():
        yield picked, unknown.popleft()


def _coded(road: BoolMask, nodata: BoolMask) -> Stored:
    codes = road.astype(np.uint8)
    if nodata.any():
        codes[nodata] = NODATA
    return codes


def _with_rim(raster: RasterRows, start: int, stop: int) -> tuple[Stored, BoolMask, BoolMask]:
    """Rows of a raster, where they have nodata, and which of their pixels have (8-connected) that beside them.

    The raster's edge counts as nodata.
    """
    window = framed(raster, start - 1, stop + 1)
    values, unknown = window[1:-1, 1:-1], window == NODATA
    if unknown[1:-1, 1:-1].any() or unknown[0].any() or unknown[-1].any():
        in_column = unknown[:-2] | unknown[1:-1] | unknown[2:]
        return values, unknown[1:-1, 1:-1], in_column[:, :-2] | in_column[:, 1:-1] | in_column[:, 2:]
    rim = np.zeros(values.shape, dtype=bool)
    rim[:, [0, -1]] = True
    return values, unknown[1:-1, 1:-1], rim
