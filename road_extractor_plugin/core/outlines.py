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
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

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
    ends = np.cumsum([0, *(len(ring) for ring in rings)])
    smooth = iter(
        [ring for lot in _lots(ends) for ring in _smooth(_Rings.of(rings[lot]), touching[_points(ends, lot)])]
    )
    return tuple(dataclasses.replace(polygon, rings=tuple(next(smooth) for _ in polygon.rings)) for polygon in polygons)


def _lots(ends: Indices) -> Iterator[slice]:
    """Which rings are worked on together; `ends` are the points before each ring and behind the last."""
    lot = ends[:-1] // _LOT_POINTS
    bounds = np.searchsorted(lot, np.unique(lot)).tolist()
    yield from map(slice, bounds, [*bounds[1:], lot.size])


def _points(ends: Indices, rings: slice) -> slice:
    return slice(int(ends[rings.start]), int(ends[rings.stop]))


def _seen_twice(rings: Sequence[Float64]) -> BoolMask:
    """Per point of all rings, one after the other, whether it is another one's place, too."""
    x, y = np.concatenate([np.empty((0, 2)), *rings]).astype(np.int64).T
    _, place, count = np.unique(y << 32 | x, return_inverse=True, return_counts=True)
    seen_twice: BoolMask = count[place.ravel()] > 1
    return seen_twice


@dataclass(frozen=True, eq=False)
class _Rings:
    """Rings one after the other, none of them closed by its first point."""

    points: Float64
    """(n, 2)."""
    ring: Indices
    """(n,) Number of the ring of each point, rising."""

    @classmethod
    def of(cls, rings: Sequence[Float64]) -> _Rings:
        return cls(np.concatenate(rings), np.repeat(np.arange(len(rings)), [len(ring) for ring in rings]))

    @cached_property
    def first(self) -> Indices:
        """(rings,) The first point of each."""
        return np.flatnonzero(np.diff(self.ring, prepend=-1))

    @cached_property
    def last(self) -> Indices:
        """(rings,) The last point of each."""
        return np.append(self.first[1:], self.ring.size) - 1

    @cached_property
    def before(self) -> Indices:
        """(n,) The point before each, around the ring."""
        before = np.arange(-1, self.ring.size - 1)
        before[self.first] = self.last
        return before

    @cached_property
    def behind(self) -> Indices:
        """(n,) The point behind each, around the ring."""
        behind = np.arange(1, self.ring.size + 1)
        behind[self.last] = self.first
        return behind

    def only(self, kept: BoolMask) -> _Rings:
        """Without some of the points."""
        return _Rings(self.points[kept], self.ring[kept])

    def closed(self) -> list[Float64]:
        """Each ring with its first point once more at its end."""
        points = np.insert(self.points, self.last + 1, self.points[self.first], axis=0)
        return np.split(points, (self.last + np.arange(2, self.last.size + 2))[:-1])


def _smooth(rings: _Rings, touching: BoolMask) -> list[Float64]:
    """Closed rings by the rules above; `touching` is (n,) for the points of the rings."""
    way = rings.points[rings.behind] - rings.points
    length = np.abs(way).sum(axis=1)
    forward = way / length[:, None]
    backward = forward[rings.before]
    turn = backward[:, 0] * forward[:, 1] - backward[:, 1] * forward[:, 0]
    steps = turn * turn[rings.behind] < 0
    is_jog = steps & (length == 1)
    reach = np.where(steps, np.minimum(length / 2, REACH_PX), 0.5)  # 2
    by_jog = is_jog | is_jog[rings.before]
    cut = np.where((turn != 0) & ~touching, 1.0, 0.0)  # 3
    cut_before = cut * np.where(by_jog, reach[rings.before], 0.5)
    cut_behind = cut * np.where(by_jog, reach, 0.5)
    ends = (rings.points - backward * cut_before[:, None], rings.points + forward * cut_behind[:, None])
    return _turning(_Rings(np.stack(ends, axis=1).reshape(-1, 2), np.repeat(rings.ring, 2))).closed()


def _turning(rings: _Rings) -> _Rings:
    """Rings over those of their points at which they turn; the arithmetic of halves of pixels is exact."""
    rings = rings.only((rings.points != rings.points[rings.before]).any(axis=1))
    before = rings.points - rings.points[rings.before]
    behind = before[rings.behind]
    return rings.only(before[:, 0] * behind[:, 1] != before[:, 1] * behind[:, 0])
