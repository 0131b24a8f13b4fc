"""From road probability to a clean road mask."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.raster_rows import PackedRows, RasterRows, Stored, Strips, framed, values_at
from road_extractor_plugin.compute.regions import Regions
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA

ROAD = 1
"""Value of the mask raster on road; 0 is beside it."""

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def hysteresis(
    probability: RasterRows, thresholds: Thresholds, min_area_px: float = 0.0, strips: Strips | None = None
) -> PackedRows:
    """Pixels >= `low` in 8-connected pieces that hold a pixel >= `high` (Canny 1986, doi:10.1109/TPAMI.1986.4767851).

    Args:
        probability: 0..254 = 0..1, 255 nodata.
        thresholds: Both 0..1.
        min_area_px: Smaller pieces are dropped, unless they touch the edge of the data.
        strips: What is worked on at a time; it does not change the result.

    Returns:
        1 road, 0 none, 255 nodata.
    """
    strips = strips or Strips.of(probability)
    low, high = _stored(thresholds.low), _stored(thresholds.high)
    pieces = Regions(over_corners=True)
    for start, stop in strips:
        values, rim = _with_rim(probability, start, stop)
        likely = (values >= low) & (values != NODATA)
        pieces.add(likely, likely & (values >= high), likely & rim)
    area, sure, at_rim = pieces.counts()
    kept = (sure > 0) & ((area >= min_area_px) | (at_rim > 0))
    mask = PackedRows(probability.shape[1])
    for number, (start, stop) in enumerate(strips):
        values = probability.read(start, stop)
        likely = (values >= low) & (values != NODATA)
        mask.append(np.where(values == NODATA, values, pieces.picked(number, likely, kept)))
    return mask


def fill_small_holes(mask: RasterRows, max_area_px: float, strips: Strips | None = None) -> PackedRows:
    """Mask with its 4-connected holes of at most `max_area_px` filled; a hole at the edge of the data stays.

    Args:
        mask: 1 road, 0 none, 255 nodata.
        max_area_px: Largest hole filled; city blocks and roundabouts are larger.
        strips: What is worked on at a time; it does not change the result.

    Returns:
        The mask, coded likewise.
    """
    strips = strips or Strips.of(mask)
    holes = Regions(over_corners=False)
    for start, stop in strips:
        codes, rim = _with_rim(mask, start, stop)
        holes.add(codes == 0, (codes == 0) & rim)
    area, at_rim = holes.counts()
    small = (area <= max_area_px) & (at_rim == 0)
    filled = PackedRows(mask.shape[1])
    for number, (start, stop) in enumerate(strips):
        codes = mask.read(start, stop)
        filled.append(np.where(holes.picked(number, codes == 0, small), np.uint8(ROAD), codes))
    return filled


def is_road(mask: RasterRows, xy: Floats) -> BoolMask:
    """(n,) whether places (n, 2) x, y are on road; none outside the mask is."""
    column, row = np.floor(xy).astype(np.int64).T
    road: BoolMask = (row >= 0) & (column >= 0) & (row < mask.shape[0]) & (column < mask.shape[1])
    road[road] = values_at(mask, row[road], column[road]) == ROAD
    return road


def _stored(threshold: float) -> int:
    """The smallest stored value that reaches a threshold 0..1."""
    return math.ceil(threshold * CERTAIN - 1e-9)


def _with_rim(raster: RasterRows, start: int, stop: int) -> tuple[Stored, BoolMask]:
    """Rows of a raster, and which of their pixels have (8-connected) nodata or the raster's edge beside them."""
    window = framed(raster, start - 1, stop + 1)
    unknown = window == NODATA
    in_column = unknown[:-2] | unknown[1:-1] | unknown[2:]
    return window[1:-1, 1:-1], in_column[:, :-2] | in_column[:, 1:-1] | in_column[:, 2:]
