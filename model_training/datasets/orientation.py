"""Orientation labels from a road mask, for whole arrays at once.

The direction of a road is a line, not an arrow: t and t + 180 degrees are the same. So it is given by the doubled
angle, the vector (cos 2t, sin 2t), which has no jump (Bigun & Granlund 1987). t is measured in the image: 0 along x
(columns), growing towards y (rows, downwards).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

Float32 = npt.NDArray[np.float32]

STRIDE = 4
SMOOTH_EDGE = 1.0
"""Of the mask before its gradient, in cells of 4 px: a line one cell wide gets a slope on both sides."""
SMOOTH_TENSOR = 1.5
"""Window of the structure tensor, in cells: wider than half a road, so that both its edges are in it."""
LEAST_COHERENCE = 0.3
"""Below this the directions in the window disagree (a junction, a blob) and nothing is taught."""
LEAST_COVER = 0.1
"""Share of road in a cell from which it has a direction; a line of 3 px passes through any cell with more."""


@dataclass(frozen=True)
class OrientationLabel:
    """Directions at stride 4."""

    vector: Float32
    """(2, height / 4, width / 4): cos 2t, sin 2t; length 1 where there is any slope."""
    weight: Float32
    """(1, height / 4, width / 4): 1 where the direction is known, else 0."""


def cell_average(mask: npt.NDArray[np.uint8]) -> Float32:
    """(height, width) -> share of road in cells of 4 x 4 px."""
    height, width = mask.shape
    cells = mask.reshape(height // STRIDE, STRIDE, width // STRIDE, STRIDE)  # (h/4, 4, w/4, 4)
    average: Float32 = cells.mean(axis=(1, 3), dtype=np.float32)
    return average


def orientation_label(road: npt.NDArray[np.uint8], valid: npt.NDArray[np.uint8]) -> OrientationLabel:
    """Directions of the roads in a mask by its structure tensor.

    1. The mask is averaged over cells of 4 x 4 px and smoothed.
    2. The tensor of its gradient g, averaged over a window, is (Jxx, Jxy, Jyy).
    3. Its doubled angle (Jxx - Jyy, 2 Jxy) points across the road; the negative points along it.
    4. Coherence is its length over the trace Jxx + Jyy; low coherence, no road or invalid cells get weight 0.

    Args:
        road: (height, width) 0 or 1, both multiples of 4.
        valid: (height, width) 0 or 1.
    """
    cover = cell_average(road)
    gradient_y, gradient_x = np.gradient(gaussian_filter(cover, SMOOTH_EDGE))  # 1
    products = (gradient_x * gradient_x, gradient_x * gradient_y, gradient_y * gradient_y)
    jxx, jxy, jyy = (gaussian_filter(product, SMOOTH_TENSOR) for product in products)  # 2
    along = np.stack([jyy - jxx, -2.0 * jxy])  # 3
    length = np.hypot(along[0], along[1])
    trace = jxx + jyy
    tiny = np.finfo(np.float32).eps
    coherent = length > LEAST_COHERENCE * np.maximum(trace, tiny)  # 4
    known = coherent & (cover > LEAST_COVER) & (cell_average(valid) == 1.0)
    vector = along / np.maximum(length, tiny)
    return OrientationLabel(vector.astype(np.float32), known[None].astype(np.float32))
