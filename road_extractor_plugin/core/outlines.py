r"""Outlines along the edges of pixels, without their steps.

        ___                         1. A jog is an edge of one pixel at whose ends the outline turns in opposite
           |___            \___        directions. The new outline goes through its middle.
               |___    ->      \___ 2. It leaves the edges beside a jog at their middle, or at most `REACH_PX` from the
                   |               \   jog; so the steps of a slanting road become one straight line. An edge at whose
                                       ends the outline turns in the same direction it leaves half a pixel from them, so
                                       that roads neither shrink nor grow. So it does at corners without a jog.
                                    3. Places where two outlines touch stay, so that what touches goes on to do so.

What is cut off at one end of an edge is added at its other end, so areas stay. No edge moves by half a pixel or more,
so the outlines hold the centres of exactly those pixels that they held before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.core.polygons import RoadPolygon

BoolMask = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]

REACH_PX = 8.0
"""Half the longest step that becomes part of a slanting line."""


def without_steps(polygons: Sequence[RoadPolygon]) -> tuple[RoadPolygon, ...]:
    """Polygons with outlines by the rules above; neighbours keep touching where they did."""
    rings = [ring[:-1] for polygon in polygons for ring in polygon.rings]
    touching = _seen_twice(rings)
    offsets = np.cumsum([0, *(len(ring) for ring in rings)])
    smooth = iter([_smooth(ring, touching[start:]) for ring, start in zip(rings, offsets.tolist())])
    return tuple(dataclasses.replace(polygon, rings=tuple(next(smooth) for _ in polygon.rings)) for polygon in polygons)


def _seen_twice(rings: Sequence[Float64]) -> BoolMask:
    """Per point of all rings, one after the other, whether it is another one's place, too."""
    x, y = np.concatenate([np.empty((0, 2)), *rings]).astype(np.int64).T
    _, place, count = np.unique(y << 32 | x, return_inverse=True, return_counts=True)
    seen_twice: BoolMask = count[place.ravel()] > 1
    return seen_twice


def _smooth(ring: Float64, touching: BoolMask) -> Float64:
    """One closed ring from one that is not closed; `touching` begins with its points."""
    way = np.roll(ring, -1, axis=0) - ring
    length = np.abs(way).sum(axis=1)
    forward, before = way / length[:, None], np.roll(way / length[:, None], 1, axis=0)
    turn = before[:, 0] * forward[:, 1] - before[:, 1] * forward[:, 0]
    steps = turn * np.roll(turn, -1) < 0
    is_jog = steps & (length == 1)
    reach = np.where(steps, np.minimum(length / 2, REACH_PX), 0.5)  # 2
    by_jog = is_jog | np.roll(is_jog, 1)
    cut = np.where((turn != 0) & ~touching[: len(ring)], 1.0, 0.0)  # 3
    cut_before = cut * np.where(by_jog, np.roll(reach, 1), 0.5)
    cut_behind = cut * np.where(by_jog, reach, 0.5)
    ends = (ring - before * cut_before[:, None], ring + forward * cut_behind[:, None])
    return _closed(np.stack(ends, axis=1).reshape(-1, 2))


def _closed(points: Float64) -> Float64:
    """A closed ring over those of the points at which it turns; the arithmetic of halves of pixels is exact."""
    points = points[(points != np.roll(points, 1, axis=0)).any(axis=1)]
    before, behind = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    points = points[before[:, 0] * behind[:, 1] != before[:, 1] * behind[:, 0]]
    return np.concatenate([points, points[:1]])
