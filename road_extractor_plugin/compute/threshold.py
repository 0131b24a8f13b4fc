"""From road probability to a clean road mask."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from road_extractor_plugin.contract.model_card import Thresholds

NODATA = 255
"""Value of the probability and mask rasters where nothing is known."""

FULL = 254
"""Value of the probability raster that means 1."""

BoolMask = npt.NDArray[np.bool_]

_EIGHT = np.ones((3, 3), dtype=bool)


def hysteresis(probability: npt.NDArray[np.uint8], thresholds: Thresholds, min_area_px: float = 0.0) -> BoolMask:
    """Pixels >= `low` in 8-connected pieces that hold a pixel >= `high` (Canny 1986, doi:10.1109/TPAMI.1986.4767851).

    Args:
        probability: (height, width), 0..254 = 0..1, 255 nodata.
        thresholds: Both 0..1.
        min_area_px: Smaller pieces are dropped, unless they touch the edge of the data.

    Returns:
        (height, width), True on road.
    """
    known = probability != NODATA
    pieces, count = ndimage.label(known & (probability >= _stored(thresholds.low)), _EIGHT)
    kept = np.bincount(pieces.ravel(), minlength=count + 1) >= min_area_px
    kept[pieces[_data_rim(known)]] = True
    seeded = np.zeros_like(kept)
    seeded[pieces[known & (probability >= _stored(thresholds.high))]] = True
    kept &= seeded
    kept[0] = False
    mask: BoolMask = kept[pieces]
    return mask


def fill_small_holes(mask: BoolMask, known: BoolMask, max_area_px: float) -> BoolMask:
    """Mask with its 4-connected holes of at most `max_area_px` filled; a hole at the edge of the data stays.

    Args:
        mask: (height, width), True on road.
        known: (height, width), False where there is no data.
        max_area_px: Largest hole filled; city blocks and roundabouts are larger.

    Returns:
        (height, width), True on road.
    """
    holes, count = ndimage.label(known & ~mask)
    small = np.bincount(holes.ravel(), minlength=count + 1) <= max_area_px
    small[0] = False
    small[holes[_data_rim(known)]] = False
    filled: BoolMask = mask | small[holes]
    return filled


def _stored(threshold: float) -> int:
    """The smallest stored value that reaches a threshold 0..1."""
    return math.ceil(threshold * FULL - 1e-9)


def _data_rim(known: BoolMask) -> BoolMask:
    """Pixels with data beside the raster's edge or (8-connected) a pixel without data."""
    rim = np.zeros_like(known)
    rim[[0, -1], :] = True
    rim[:, [0, -1]] = True
    if not known.all():
        rim |= ndimage.binary_dilation(~known, _EIGHT)
    rim &= known
    return rim
