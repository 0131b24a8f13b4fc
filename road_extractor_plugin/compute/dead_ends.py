"""Drawing dead ends to where the road ends in the mask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.polylines import Polylines

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

FULL_RADIUS_SHARE = 0.9
"""A place is in the middle of its road when the radius there is at least this share of half the road's width."""

STEP_PX = 0.25
"""How finely the end of the mask is looked for."""

SMOOTHED_PX = 2.0
"""How far the jog of a last pixel reaches into the smoothed line."""

MIN_STRETCH_PX = 8.0
"""Shortest stretch that shows a direction; the pixels of a shorter one are too coarse."""


def drawn_to_mask_end(
    lines: Polylines, dead: BoolMask, width_px: Floats, radius_px: Floats, mask: BoolMask
) -> Polylines:
    r"""Lines whose dead ends go straight to the end of the mask, so that a road cut off by the data's edge reaches it.

        _______________           _______________       1. Thinning ends half a width short, or turns into a corner
                       |                         |         of the road's end. The last half width is cut off, and
        -----------    |    ->    ---------------|         up to a width while off the middle of the road.
        ____________\___|          _______________|      2. The line goes on in the direction of its last stretch,
                                                           twice as long as wide, until the mask ends; at most
                                                           for 1.5 widths more than what was cut off.

    Cut and stretch must lie in the line's nearer half, else nothing is cut off.

    Args:
        lines: m lines.
        dead: (m, 2) whether a line's first and last point are dead ends.
        width_px: (m,) width of each line's road.
        radius_px: (n,) distance from each point of the lines to the nearest pixel that is not road.
        mask: (height, width), True on road.

    Returns:
        The lines; all but the dead ends is as before.
    """
    result = []
    radii = np.split(radius_px, lines.offsets[1:-1])
    for points, radius, width, (start_dead, end_dead) in zip(lines.split(), radii, width_px.tolist(), dead):
        first, last, added_before, added_behind = 0, len(points), _NOTHING, _NOTHING
        if start_dead:
            first, added_before = _new_end(points[::-1], radius[::-1], width, mask)
        if end_dead:
            cut, added_behind = _new_end(points, radius, width, mask)
            last -= cut
        result.append(np.concatenate([added_before, points[first:last], added_behind]))
    return Polylines.of(result)


_NOTHING: Floats = np.empty((0, 2))


def _new_end(points: Floats, radius_px: Floats, width_px: float, mask: BoolMask) -> tuple[int, Floats]:
    """Number of points to cut off at the line's end, and the points, (0, 2) or (1, 2), to put there."""
    to_tip = np.append(np.cumsum(np.hypot(*np.diff(points[::-1], axis=0).T))[::-1], 0.0)
    stretch = max(2 * width_px, MIN_STRETCH_PX)
    middle = (2 * radius_px >= FULL_RADIUS_SHARE * width_px) & (to_tip >= 0.5 * width_px + SMOOTHED_PX) | (
        to_tip > width_px + SMOOTHED_PX
    )
    base = int(np.flatnonzero(middle)[-1]) if middle.any() else 0
    if to_tip[base] + stretch > 0.5 * to_tip[0]:
        base = len(points) - 1
    behind = np.flatnonzero(to_tip >= to_tip[base] + stretch)
    ahead = points[base] - points[behind[-1] if behind.size else 0]
    length = float(np.hypot(*ahead))
    if length == 0:  # a short line that ends where it starts
        return 0, _NOTHING
    reach = np.arange(0.0, to_tip[base] + 1.5 * width_px + 2, STEP_PX)
    places = points[base] + reach[:, None] * (ahead / length)
    steps = int(np.argmin(np.append(_on_mask(places, mask), False)))
    return len(points) - 1 - base, places[steps - 1 : steps] if steps > 1 else _NOTHING


def _on_mask(places: Floats, mask: BoolMask) -> BoolMask:
    """(n,) whether places (n, 2) x, y are on the mask."""
    column, row = np.floor(places).astype(np.int64).T
    inside: BoolMask = (row >= 0) & (column >= 0) & (row < mask.shape[0]) & (column < mask.shape[1])
    inside[inside] = mask[row[inside], column[inside]]
    return inside
