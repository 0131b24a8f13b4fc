"""Parts of an image that show nothing: found for the valid mask, or judged by the paper's rules for whole images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_WHITE = 250
"""From here on up in all bands a pixel is white; not 255, because of JPEG."""
_LEAST_PX = 500
"""Smaller areas are roofs and shadows."""
_BLEED_PX = 4
"""How far JPEG mixes an empty area and the imagery beside it."""
_FRAME_PX = 30
_WHITE_SHARE = 0.001
_DARK_SHARE = 0.25


def empty_areas(image: Bytes, *, white: bool) -> Mask:
    """Where an 8-bit image (3, height, width) was filled with black, or with white, for lack of imagery.

    1. Black are pixels of 0 in all bands, white those of at least 250.
    2. Connected areas of one of the two count when they reach the image's edge and have 500 pixels or more.
    3. They are grown by 4 pixels, over what compression has mixed.

    Args:
        image: The image.
        white: Look for white, too; not in imagery whose contrast was stretched so far that roofs are white.
    """
    empty = np.zeros(image.shape[1:], bool)
    fills = [(image == 0).all(axis=0), *([(image >= _WHITE).all(axis=0)] if white else [])]  # 1
    for flat in fills:
        if np.count_nonzero(flat) >= _LEAST_PX:
            empty |= _large_at_edge(flat)
    return ndimage.binary_dilation(empty, iterations=_BLEED_PX) if empty.any() else empty  # 3


def _large_at_edge(flat: Mask) -> Mask:
    """Rule 2."""
    labels, count = ndimage.label(flat)
    at_edge = np.zeros(count + 1, bool)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        at_edge[side] = True
    at_edge[0] = False
    chosen: Mask = (at_edge & (np.bincount(labels.ravel()) >= _LEAST_PX))[labels]
    return chosen


def has_white_frame(image: Bytes) -> bool:
    """The paper's rule for Massachusetts, on an image (3, height, width).

    In the frame of 30 pixels, those that are white (255 in all bands) are more than 0.001 of those without a band at 0.
    """
    frame = image[:, _frame(image)]
    white = np.count_nonzero((frame == np.iinfo(image.dtype).max).all(axis=0))
    return bool(white > _WHITE_SHARE * np.count_nonzero(frame.all(axis=0)))


def has_dark_frame(image: Bytes) -> bool:
    """The paper's rule for SpaceNet, on an image (3, height, width).

    In the frame of 30 pixels, those with any band at 0 are more than a quarter.
    """
    frame = image[:, _frame(image)]
    return bool((frame == 0).any(axis=0).mean() > _DARK_SHARE)


def _frame(image: Bytes) -> Mask:
    frame = np.ones(image.shape[1:], bool)
    frame[_FRAME_PX:-_FRAME_PX, _FRAME_PX:-_FRAME_PX] = False
    return frame
