"""How wide the road is at pixels of its skeleton.

Distances are wanted at skeleton pixels only, so they come from a search tree over the boundary; the distance transform
of the whole mask takes longer than all other steps of the tracer together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

BoolMask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


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

    def at(self, places: npt.NDArray[np.int64]) -> LocalWidths:
        """The measures at some of the places."""
        return LocalWidths(self.radius_px[places], self.width_px[places], self.at_data_edge[places])

    def and_then(self, others: LocalWidths) -> LocalWidths:
        """These measures and, behind them, others."""
        return LocalWidths(
            np.concatenate([self.radius_px, others.radius_px]),
            np.concatenate([self.width_px, others.width_px]),
            np.concatenate([self.at_data_edge, others.at_data_edge]),
        )


def local_widths(mask: BoolMask, known: BoolMask, pixels: Pixels) -> LocalWidths:
    """Measure the mask at some of its pixels.

    The nearest pixel that is not road gives the radius r and the direction across the road. The far side is the
    not-road pixel nearest to the mirrored point, at distance s in that direction; the width is r + s - 1:

        . # # # # .        n = 4 px wide: the skeleton is on one of the two middle pixels,
        r <--o----> s      r = 2 and s = 3, so 2 r - 1 = 3 would be wrong and r + s - 1 = 4 is right.

    Args:
        mask: (height, width), True on road.
        known: (height, width), False where there is no data; there, and outside the raster, is no road.
        pixels: (n, 2) row, column of pixels on the road.

    Returns:
        The measures, in the order of `pixels`.
    """
    if not len(pixels):
        return LocalWidths(np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool))
    boundary = _boundary(mask)
    tree = _tree(boundary)
    radius, nearest = tree.query(pixels)
    across = (pixels - boundary[nearest]) / radius[:, None]
    _, opposite = tree.query(pixels + across * radius[:, None])
    far = np.einsum("ij,ij->i", boundary[opposite] - pixels, across)
    at_edge = _reaches(pixels, boundary[~_inside(boundary, known)], 1.5 * radius + 1)
    return LocalWidths(radius, np.maximum(radius + far - 1, 1.0), at_edge)


def _boundary(mask: BoolMask) -> Pixels:
    """(n, 2) row, column of the pixels that are not road and have a road pixel beside them, the rim outside included.

    The nearest not-road pixel of any road pixel is among them.
    """
    framed = np.pad(mask, 1)
    beside = np.zeros_like(framed)
    beside[1:] |= framed[:-1]
    beside[:-1] |= framed[1:]
    beside[:, 1:] |= framed[:, :-1]
    beside[:, :-1] |= framed[:, 1:]
    return np.argwhere(beside & ~framed) - 1


def _inside(pixels: Pixels, known: BoolMask) -> BoolMask:
    """Which pixels (n, 2) lie in the raster and have data."""
    inside: BoolMask = np.pad(known, 1)[pixels[:, 0] + 1, pixels[:, 1] + 1]
    return inside


def _reaches(pixels: Pixels, targets: Pixels, reach_px: Floats) -> BoolMask:
    """Which pixels have a target within their reach."""
    if not len(targets):
        return np.zeros(len(pixels), dtype=bool)
    distance, _ = _tree(targets).query(pixels, distance_upper_bound=float(reach_px.max()) + 1)
    return np.asarray(distance <= reach_px)


def _tree(points: Pixels) -> cKDTree:
    """A search tree that is quick to build; the points are spread evenly enough."""
    return cKDTree(points, balanced_tree=False, compact_nodes=False)
