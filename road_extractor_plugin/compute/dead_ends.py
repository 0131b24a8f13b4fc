"""Drawing dead ends to where the road ends in the mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.meetings import meeting_segments
from road_extractor_plugin.compute.network import Network, Vertices
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.raster_rows import RasterRows
from road_extractor_plugin.compute.threshold import is_road

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

FULL_RADIUS_SHARE = 0.9
"""A place is in the middle of its road when the radius there is at least this share of half the road's width."""

STEP_PX = 0.25
"""How finely the end of the mask is looked for."""

SMOOTHED_PX = 2.0
"""How far the jog of a last pixel reaches into the smoothed line."""

USABLE = 0.5
USABLE_TO_JUNCTION = 0.9
"""Share of a line that may show where its end leads to."""

MIN_BEND = math.radians(8)
"""A line that turns by less in half a stretch, or not evenly in one half after the other, is straight."""

_SHOWN = np.array([1.5, 1.0, 0.5, 0.0])
"""Where on the stretch its direction and bend are taken from."""

MIN_STRETCH_PX = 8.0
"""Shortest stretch that shows a direction; the pixels of a shorter one are too coarse."""


def drawn_to_mask_end(network: Network, mask: RasterRows, max_widths: float = 1.5) -> Network:
    r"""A network whose dead ends go straight to the end of the mask; so roads cut off by the data's edge reach it.

        _______________           _______________       1. Thinning ends half a width short, or turns into a corner
                       |                         |         of the road's end. The last half width is cut off, and
        -----------    |    ->    ---------------|         up to a width while off the middle of the road.
        ____________\___|          _______________|      2. The line goes on as its last stretch runs, straight or on
                                                           a circle, twice as long as wide, until the mask ends;
                                                           at most for some widths more than what was cut off.
                                                        3. A line that would meet another there stays as it was.

    Cut and stretch must lie in the line's nearer half, or where the other end is a junction, in nine tenths of the
    line; the stretch is shorter for it, and where it would be too short, nothing is cut off.

    Args:
        network: All but its dead ends stays as it is.
        mask: 1 road, else none.
        max_widths: Those of step 2; 0 leaves all as it is.
    """
    if not max_widths:
        return network
    vertices, paths = network.vertices, list(network.paths)
    lines = network.lines().split()
    dead = network.degree[network.ends] == 1
    where = [(edge, 1 if end else -1) for edge, end in np.argwhere(dead).tolist()]
    ends = [
        _dead_end(
            lines[edge][::step],
            vertices.around.radius_px[network.paths[edge]][::step],
            network.width_px[edge],
            USABLE if dead[edge].all() else USABLE_TO_JUNCTION,
            max_widths,
        )
        for edge, step in where
    ]
    added = _road_ends([end.ahead for end in ends], mask)
    tips = [_NO_VERTEX]
    count = len(vertices)
    for (edge, step), end, places in zip(where, ends, added):
        kept = paths[edge][::step]
        cut = end.cut if len(places) else 0
        tips.append(np.repeat(kept[-1], len(places)))
        paths[edge] = np.append(kept[: len(kept) - cut], np.arange(count, count + len(places)))[::step]
        count += len(places)
    tips_drawn = Vertices(np.concatenate([_NOTHING, *added]), vertices.around.at(np.concatenate(tips)))
    return _kept_apart(network.redrawn(vertices.and_then(tips_drawn), paths), network.paths, len(vertices))


def _kept_apart(drawn: Network, before: Sequence[Indices], count: int) -> Network:
    """Rule 3: the lines drawn, but those as before whose new vertices, from `count` on, led them to another line."""
    lines = drawn.lines()
    edge = lines.line_of_point
    is_new = np.concatenate([_NO_VERTEX, *drawn.paths]) >= count
    is_new[:-1] |= is_new[1:]  # the segment to it as well
    meeting = set(edge[meeting_segments(lines, is_new)].ravel().tolist()) & set(edge[is_new].tolist())
    if not meeting:
        return drawn
    paths = [before[number] if number in meeting else path for number, path in enumerate(drawn.paths)]
    return drawn.redrawn(drawn.vertices, paths)


_NO_VERTEX = np.empty(0, dtype=np.int64)
_NOTHING: Floats = np.empty((0, 2))


@dataclass(frozen=True, eq=False)
class _DeadEnd:
    cut: int
    """Number of points to cut off at the line's end."""
    ahead: Floats
    """(n, 2) Places from there on where the road may still be."""


def _dead_end(points: Floats, radius_px: Floats, width_px: float, usable: float, max_widths: float) -> _DeadEnd:
    """What becomes of the end of a line, given from its other end to this one."""
    to_tip = np.append(np.cumsum(np.hypot(*np.diff(points[::-1], axis=0).T))[::-1], 0.0)
    middle = (2 * radius_px >= FULL_RADIUS_SHARE * width_px) & (to_tip >= 0.5 * width_px + SMOOTHED_PX) | (
        to_tip > width_px + SMOOTHED_PX
    )
    base = int(np.flatnonzero(middle)[-1]) if middle.any() else 0
    stretch = min(max(2 * width_px, MIN_STRETCH_PX), usable * to_tip[0] - to_tip[base])
    if stretch < MIN_STRETCH_PX:
        base, stretch = len(points) - 1, MIN_STRETCH_PX
    behind = np.searchsorted(-to_tip, -to_tip[base] - stretch * _SHOWN, side="right") - 1
    shown = points[np.maximum(behind, 0)]
    if (shown[-1] == shown[1]).all():  # a short line that ends where it starts
        return _DeadEnd(0, _NOTHING)
    reach = np.arange(0.0, to_tip[base] + max_widths * width_px + 2, STEP_PX)
    return _DeadEnd(len(points) - 1 - base, points[base] + _onward(shown, stretch, reach))


def _onward(shown: Floats, stretch_px: float, reach_px: Floats) -> Floats:
    """(n, 2) Ways from the last of four places on a line, half a stretch apart, to so far on, by step 2."""
    directions = [math.atan2(y, x) for x, y in np.diff(shown, axis=0).tolist()]
    bends = [math.remainder(after - before, 2 * math.pi) for before, after in zip(directions, directions[1:])]
    bend = sum(bends) / len(bends)
    if min(bends) * max(bends) <= 0 or min(map(abs, bends)) < max(MIN_BEND, max(map(abs, bends)) / 2):
        way = shown[-1] - shown[1]
        straight: Floats = reach_px[:, None] * (way / np.hypot(*way))
        return straight
    turn = bend / (0.5 * stretch_px) * reach_px
    direction = directions[-1] + 0.5 * bend + 0.5 * turn  # a chord runs as the circle does in its middle
    chord = reach_px * np.sinc(0.5 * turn / math.pi)
    return np.column_stack([chord * np.cos(direction), chord * np.sin(direction)])


def _road_ends(ways: list[Floats], mask: RasterRows) -> list[Floats]:
    """The places of each way, a pixel apart, up to which all of it is on the mask; (0, 2) if that is its first."""
    places = Polylines.of(ways)
    off = np.flatnonzero(~is_road(mask, places.points))
    first_off = np.append(off, len(places.points))[np.searchsorted(off, places.first)]
    steps = np.minimum(first_off, places.last + 1) - places.first
    return [
        way[count - 1 : 0 : -round(1 / STEP_PX)][::-1] if count > 1 else _NOTHING
        for way, count in zip(ways, steps.tolist())
    ]
