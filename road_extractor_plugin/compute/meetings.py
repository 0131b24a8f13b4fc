"""Where lines meet that should not: elsewhere than at a node that both end at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.near_cells import may_be_within
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.ranges import divided

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

PIECE_PX = 4.0
"""Segments are looked for in pieces no longer than this, so that those near each other are found in linear time."""

ON_LINE = 1e-9
"""A place nearer to a line than this share of the distances within the pair of segments is on it."""


def meeting_segments(lines: Polylines, among: BoolMask | None = None) -> Indices:
    """Find the segments that cross, touch or lie on each other.

    1. Segments one after the other in a line may share the point between them, and segments of any lines a point at
       which both lines end; but not more than that.
    2. All other segments must not share a point.

    Args:
        lines: Ends at the same place are the same node.
        among: (n,) per point whether the segment that starts there is of interest; None is all of them.

    Returns:
        (k, 2) pairs of segments, at least one of them of interest, each as the index of its first point.
    """
    is_start = np.ones(len(lines.points), dtype=bool)
    is_start[lines.last] = False
    wanted = is_start if among is None else is_start & among
    start = np.flatnonzero(is_start)
    if among is not None:
        start = start[wanted[start] | _is_near(lines.points, start, np.flatnonzero(wanted))]
    pairs = _near_pairs(lines.points, start, wanted)
    first, second = (np.stack([lines.points[pairs[:, side]], lines.points[pairs[:, side] + 1]]) for side in (0, 1))
    meeting: Indices = pairs[_touch(first, second) & ~_share_no_more_than_an_end(lines, pairs, first, second)]
    return meeting


def _pieces(points: Floats, start: Indices) -> tuple[Floats, Indices]:
    """Middles (k, 2) of the pieces of segments, and the segment of each, as the index of its first point."""
    way = points[start + 1] - points[start]
    count = np.maximum(np.ceil(np.hypot(way[:, 0], way[:, 1]) / PIECE_PX).astype(np.int64), 1)
    middles, long = points[start] + 0.5 * way, np.flatnonzero(count > 1)
    owner, share = divided(count[long])
    others = points[start[long]][owner] + share[:, None] * way[long][owner]
    return np.concatenate([middles, others]), np.concatenate([start, start[long][owner]])


def _is_near(points: Floats, start: Indices, others: Indices) -> BoolMask:
    """(n,) which segments may meet some of the others."""
    near = np.zeros(len(points), dtype=bool)
    middles, segment = _pieces(points, start)
    near[segment[may_be_within(1.001 * PIECE_PX, middles, _pieces(points, others)[0])]] = True
    return near[start]


def _near_pairs(points: Floats, start: Indices, wanted: BoolMask) -> Indices:
    """(k, 2) pairs of different segments that may meet, the lower first, at least one of them wanted."""
    if not start.size:
        return np.empty((0, 2), dtype=np.int64)
    middles, segment = _pieces(points, start)
    # Lines are spread evenly enough for a tree that is quick to build.
    tree = cKDTree(middles, balanced_tree=False, compact_nodes=False)
    one, other = (segment[pieces] for pieces in tree.query_pairs(1.001 * PIECE_PX, output_type="ndarray").T)
    sought = (one != other) & (wanted[one] | wanted[other])
    one, other = one[sought], other[sought]
    key = np.unique(np.minimum(one, other) * len(points) + np.maximum(one, other))
    return np.column_stack(np.divmod(key, len(points)))


def _touch(first: Floats, second: Floats) -> BoolMask:
    """(k,) whether pairs of segments, each (2, k, 2), share a point."""
    divided = _divides(first, second) & _divides(second, first)
    low = np.maximum(np.minimum(*first), np.minimum(*second))
    high = np.minimum(np.maximum(*first), np.maximum(*second)) + ON_LINE
    touching: BoolMask = divided & (low[:, 0] <= high[:, 0]) & (low[:, 1] <= high[:, 1])
    return touching


def _divides(one: Floats, other: Floats) -> BoolMask:
    """(k,) whether the ends of the other segment are not on the same side of the line through the one."""
    divides: BoolMask = _side(one[0], one[1], other[0]) * _side(one[0], one[1], other[1]) <= 0
    return divides


def _side(start: Floats, end: Floats, place: Floats) -> Floats:
    """-1, 0 or 1: on which side of the line from start to end a place is; each (k, 2)."""
    (x, y), (u, v) = (end - start).T, (place - start).T
    product = x * v - y * u
    side: Floats = np.where(np.abs(product) <= ON_LINE * (np.hypot(x, y) * np.hypot(u, v)), 0.0, np.sign(product))
    return side


def _share_no_more_than_an_end(lines: Polylines, pairs: Indices, first: Floats, second: Floats) -> BoolMask:
    """(k,) rule 1."""
    is_node = np.zeros(len(lines.points), dtype=bool)
    is_node[lines.first] = is_node[lines.last] = True
    shared = np.zeros(len(pairs), dtype=bool)
    for one in (0, 1):
        for other in (0, 1):
            point, other_point = pairs[:, 0] + one, pairs[:, 1] + other
            may_share = (point == other_point) | (is_node[point] & is_node[other_point])
            same = first[one] == second[other]
            same_place = same[:, 0] & same[:, 1]
            way, other_way = first[1 - one] - first[one], second[1 - other] - second[other]
            parallel = _side(np.zeros_like(way), way, other_way) == 0
            overlap = parallel & (np.einsum("ij,ij->i", way, other_way) > 0)
            shared |= may_share & same_place & ~overlap
    return shared
