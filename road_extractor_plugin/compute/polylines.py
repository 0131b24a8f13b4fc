"""Many lines in one array, so that what is done to each of them is done to all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.ranges import counted

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_NO_PLACE: Indices = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Polylines:
    """m lines of at least two points each."""

    points: Floats
    """(n, 2) x, y of all lines, one after the other."""
    offsets: Indices
    """(m + 1,) Line k is `points[offsets[k]:offsets[k + 1]]`."""

    @staticmethod
    def of(lines: Sequence[Floats]) -> Polylines:
        """Put lines, each (k, 2), into one value."""
        offsets = np.concatenate([[0], np.cumsum([len(line) for line in lines], dtype=np.int64)])
        return Polylines(np.concatenate([np.empty((0, 2)), *lines]), offsets)

    @staticmethod
    def over(places: Floats, paths: Sequence[Indices]) -> Polylines:
        """Lines through places (k, 2), each given by the numbers of its places."""
        offsets = np.concatenate([[0], np.cumsum([len(path) for path in paths], dtype=np.int64)])
        return Polylines(places[np.concatenate([_NO_PLACE, *paths])], offsets)

    @property
    def first(self) -> Indices:
        """(m,) Index of each line's first point."""
        return self.offsets[:-1]

    @property
    def last(self) -> Indices:
        """(m,) Index of each line's last point."""
        return self.offsets[1:] - 1

    @property
    def line_of_point(self) -> Indices:
        """(n,) Line that each point belongs to."""
        return np.repeat(np.arange(self.first.size), np.diff(self.offsets))

    def split(self) -> list[Floats]:
        """The lines one by one, each (k, 2), as views."""
        bounds = self.offsets.tolist()
        return [self.points[start:stop] for start, stop in zip(bounds, bounds[1:])]

    def at(self, chosen: Indices) -> Polylines:
        """Some of the lines, in the order given."""
        count = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(count)])
        return Polylines(self.points[counted(self.first[chosen], self.last[chosen] + 1)], offsets)

    def and_then(self, others: Polylines) -> Polylines:
        """These lines and, behind them, others."""
        points = np.concatenate([self.points, others.points])
        return Polylines(points, np.append(self.offsets, others.offsets[1:] + self.offsets[-1]))

    def parts(self, kept: npt.NDArray[np.bool_]) -> Polylines:
        """The lines over some of their points, (n,); parts may come out with fewer than two, or none."""
        count = np.bincount(self.line_of_point[kept], minlength=self.first.size)
        return Polylines(self.points[kept], np.concatenate([[0], np.cumsum(count)]))

    def distance_from_start(self) -> Floats:
        """(n,) Length of the line from its start to each point."""
        steps = np.zeros(len(self.points))
        steps[1:] = np.hypot(*np.diff(self.points, axis=0).T)
        steps[self.first] = 0.0
        along = np.cumsum(steps)
        return along - np.repeat(along[self.first], np.diff(self.offsets))

    def lengths(self) -> Floats:
        """(m,) Length of each line."""
        return self.distance_from_start()[self.last]

    def smoothed(self, passes: int) -> Polylines:
        """Lines without the staircase of pixels, as long as what they follow; end points stay.

        1. Inner points are averaged with their neighbours, (1 2 1)/4, again and again. Each pass widens the window by
           about a pixel; but an arc of radius R moves inward by passes / (4 R) px, and so comes out too short.
        2. What that took off each point is averaged likewise and given back ("twicing", Tukey 1977). Of the staircase
           nothing comes back; an arc then moves by the square of that share of R only.
        """
        points = np.empty_like(self.points)
        ends = np.concatenate([self.first, self.last])
        for axis in (0, 1):  # one at a time: of a large network there are many points
            values = self.points[:, axis]
            smooth = _averaged(values, ends, passes)
            smooth += _averaged(values - smooth, ends, passes)
            points[:, axis] = smooth
        return Polylines(points, self.offsets)


def _averaged(values: Floats, fixed: Indices, passes: int) -> Floats:
    """(n,) values averaged with their neighbours so many times, but for those that are fixed."""
    averaged = values.copy()
    for _ in range(passes):
        beside = averaged[:-2] + averaged[2:]
        beside *= 0.25
        averaged[1:-1] *= 0.5
        averaged[1:-1] += beside
        averaged[fixed] = values[fixed]
    return averaged
