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
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.core.polygons import RoadPolygon

BoolMask = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

REACH_PX = 8.0
"""Half the longest step that becomes part of a slanting line."""
_LOT_POINTS = 50_000
"""About so many are worked on at a time: enough that it does not matter how few a ring has."""


def without_steps(polygons: Sequence[RoadPolygon]) -> tuple[RoadPolygon, ...]:
    """Polygons with outlines by the rules above; neighbours keep touching where they did."""
    rings = [ring[:-1] for polygon in polygons for ring in polygon.rings]
    touching = _seen_twice(rings)
    offsets = np.cumsum([0, *(len(ring) for ring in rings)])
    found: list[Float64] = []
    for start, stop in _lots(offsets):
        found += _smooth(Polylines.of(rings[start:stop]), touching[offsets[start] : offsets[stop]])
    smooth = iter(found)
    return tuple(dataclasses.replace(polygon, rings=tuple(next(smooth) for _ in polygon.rings)) for polygon in polygons)


def _lots(offsets: Indices) -> Iterator[tuple[int, int]]:
    """Which rings are worked on together, from the first to before the last; `offsets` are the points before each."""
    lot = offsets[:-1] // _LOT_POINTS
    bounds = np.searchsorted(lot, np.unique(lot)).tolist()
    yield from zip(bounds, [*bounds[1:], lot.size])


def _seen_twice(rings: Sequence[Float64]) -> BoolMask:
    """Per point of all rings, one after the other, whether it is another one's place, too."""
    x, y = np.concatenate([np.empty((0, 2)), *rings]).astype(np.int64).T
    _, place, count = np.unique(y << 32 | x, return_inverse=True, return_counts=True)
    seen_twice: BoolMask = count[place.ravel()] > 1
    return seen_twice


def _smooth(rings: Polylines, touching: BoolMask) -> list[Float64]:
    """Closed rings by the rules above, from rings that are not closed; `touching` is (n,) for their points."""
    before, behind = _beside(rings)
    way = rings.points[behind] - rings.points
    length = np.abs(way).sum(axis=1)
    forward = way / length[:, None]
    backward = forward[before]
    turn = backward[:, 0] * forward[:, 1] - backward[:, 1] * forward[:, 0]
    steps = turn * turn[behind] < 0
    is_jog = steps & (length == 1)
    reach = np.where(steps, np.minimum(length / 2, REACH_PX), 0.5)  # 2
    by_jog = is_jog | is_jog[before]
    cut = np.where((turn != 0) & ~touching, 1.0, 0.0)  # 3
    cut_before = cut * np.where(by_jog, reach[before], 0.5)
    cut_behind = cut * np.where(by_jog, reach, 0.5)
    ends = (rings.points - backward * cut_before[:, None], rings.points + forward * cut_behind[:, None])
    return _closed(_turning(Polylines(np.stack(ends, axis=1).reshape(-1, 2), 2 * rings.offsets)))


def _turning(rings: Polylines) -> Polylines:
    """Rings over those of their points at which they turn; the arithmetic of halves of pixels is exact."""
    rings = rings.parts((rings.points != rings.points[_beside(rings)[0]]).any(axis=1))
    before, behind = _beside(rings)
    into = rings.points - rings.points[before]
    out = into[behind]
    return rings.parts(into[:, 0] * out[:, 1] != into[:, 1] * out[:, 0])


def _beside(rings: Polylines) -> tuple[Indices, Indices]:
    """(n,) each: the point before and the point behind each, around its ring."""
    count = len(rings.points)
    before, behind = np.arange(-1, count - 1), np.arange(1, count + 1)
    before[rings.first], behind[rings.last] = rings.last, rings.first
    return before, behind


def _closed(rings: Polylines) -> list[Float64]:
    """Each ring with its first point once more at its end."""
    points = np.insert(rings.points, rings.offsets[1:], rings.points[rings.first], axis=0)
    return Polylines(points, rings.offsets + np.arange(rings.offsets.size)).split()
