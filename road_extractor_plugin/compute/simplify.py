"""Fewer points per line, nodes fixed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.meetings import meeting_segments
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.ranges import counted

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
BoolMask = npt.NDArray[np.bool_]


def simplified(lines: Polylines, tolerance_px: float) -> tuple[Polylines, Indices]:
    """Douglas-Peucker (1973, doi:10.3138/FM57-6770-U75U-7727) for all lines at once.

    1. End points stay.
    2. The inner point furthest from the chord stays when it is further than the tolerance, and divides the line; both
       parts are treated alike until none has such a point.
    3. So that no line vanishes and no two become one: a line that ends where it starts keeps the points at a third and
       two thirds of its points, and of lines between the same two nodes each keeps its middle point.
    4. Where parts cross or touch each other, each gets back its furthest point, again and again, until they no longer
       do or have all their points. So lines meet at nodes only, as they did before.

    Args:
        lines: The lines.
        tolerance_px: Largest distance of a dropped point from the new line.

    Returns:
        The lines over a subset of their points, and (k, 2) the segments that meet all the same, as `meeting_segments`.
    """
    kept = np.zeros(len(lines.points), dtype=bool)
    kept[lines.first] = kept[lines.last] = True  # 1
    kept[_points_against_collapse(lines)] = True  # 3
    _keep_far_points(lines, kept, tolerance_px)  # 2
    while True:  # 4
        simple = _over(lines, kept)
        meeting = meeting_segments(simple)
        again = _points_against_meeting(lines, kept, meeting)
        if not again.size:
            return simple, meeting
        kept[again] = True
        _keep_far_points(lines, kept, tolerance_px)


def _keep_far_points(lines: Polylines, kept: BoolMask, tolerance_px: float) -> None:
    """Rule 2: adds to the points that are kept, one level of all lines per turn."""
    stops = np.flatnonzero(kept)
    start, stop = stops[:-1], stops[1:]
    inside = lines.line_of_point[start] == lines.line_of_point[stop]
    start, stop = start[inside], stop[inside]
    while start.size:
        start, stop = start[stop - start > 1], stop[stop - start > 1]
        furthest, distance = _furthest(lines.points, start, stop)
        divided = distance > tolerance_px
        start, furthest, stop = start[divided], furthest[divided], stop[divided]
        kept[furthest] = True
        start, stop = np.concatenate([start, furthest]), np.concatenate([furthest, stop])


def _over(lines: Polylines, kept: BoolMask) -> Polylines:
    """The lines over some of their points."""
    counts = np.add.reduceat(kept, lines.first, dtype=np.int64) if lines.first.size else lines.first
    return Polylines(lines.points[kept], np.concatenate([[0], np.cumsum(counts)]))


def _points_against_meeting(lines: Polylines, kept: BoolMask, meeting: Indices) -> Indices:
    """Rule 4: the furthest point of each part that meets another."""
    stops = np.flatnonzero(kept)
    part = np.unique(meeting)
    start, stop = stops[part], stops[part + 1]
    has_more = stop - start > 1
    return _furthest(lines.points, start[has_more], stop[has_more])[0]


def _points_against_collapse(lines: Polylines) -> Indices:
    """Rule 3: the points that keep rings and parallel lines apart."""
    first, last = lines.points[lines.first], lines.points[lines.last]
    inner = lines.last - lines.first - 1
    ring = (first == last).all(axis=1)
    low = np.where((first < last)[:, :1] | ((first[:, :1] == last[:, :1]) & (first < last)[:, 1:]), first, last)
    _, pair, count = np.unique(
        np.column_stack([low, first + last - low]), axis=0, return_inverse=True, return_counts=True
    )
    parallel = ~ring & (count[pair.ravel()] > 1) & (inner > 0)
    return np.concatenate(
        [
            lines.first[parallel] + 1 + inner[parallel] // 2,
            lines.first[ring] + 1 + inner[ring] // 3,
            lines.first[ring] + 1 + 2 * inner[ring] // 3,
        ]
    )


def _furthest(points: Floats, start: Indices, stop: Indices) -> tuple[Indices, Floats]:
    """Per part the inner point furthest from the chord between its ends, and that distance; each has inner points."""
    if not start.size:
        return start, np.empty(0)
    count = stop - start - 1
    begin = np.cumsum(count) - count
    inner, part = counted(start + 1, stop), np.repeat(np.arange(start.size), count)
    distance = _distance_to_chord(points, inner, start[part], stop[part])
    largest = np.maximum.reduceat(distance, begin)
    is_largest = np.flatnonzero(distance == largest[part])
    return inner[is_largest[np.searchsorted(is_largest, begin)]], largest


def _distance_to_chord(points: Floats, inner: Indices, start: Indices, stop: Indices) -> Floats:
    """(n,) distance of points from the segments between two others; all are given by their numbers."""
    (x, u), (y, v) = ((axis[inner] - axis[start], axis[stop] - axis[start]) for axis in points.T)
    square = u * u + v * v
    share = np.clip((x * u + y * v) / np.where(square > 0, square, 1.0), 0.0, 1.0)
    distance: Floats = np.hypot(x - share * u, y - share * v)
    return distance
