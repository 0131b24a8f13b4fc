"""Accuracy of road centre-lines on the pixel grid: relaxed precision and recall of skeletons.

Both masks are thinned first, so that a road counts by its length and not by its width. A pixel is right when the other
skeleton has one in the square window around it, as Batra et al. 2019 and the road papers that follow them have it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter

from road_extractor_plugin.compute.metrics.segmentation import SegmentationCounts
from road_extractor_plugin.compute.skeleton import thin

Mask = npt.NDArray[np.bool_]


def count_skeletons(predicted: Mask, true: Mask, valid: Mask | None, reach_px: int) -> SegmentationCounts:
    """Count one image.

    Args:
        predicted: (height, width), True where road is predicted.
        true: (height, width), True where road is.
        valid: (height, width), True where both are known; None when everywhere.
        reach_px: Chebyshev distance within which a pixel is matched: half the window without its centre.
    """
    if valid is not None:
        predicted, true = predicted & valid, true & valid
    predicted, true = thin(predicted), thin(true)
    return SegmentationCounts(
        predicted=int(np.count_nonzero(predicted)),
        true=int(np.count_nonzero(true)),
        both=int(np.count_nonzero(predicted & true)),
        predicted_near=int(np.count_nonzero(predicted & _widened(true, reach_px))),
        true_near=int(np.count_nonzero(true & _widened(predicted, reach_px))),
    )


def _widened(mask: Mask, reach_px: int) -> Mask:
    widened: Mask = maximum_filter(mask, size=2 * reach_px + 1, mode="constant", cval=False)
    return widened
