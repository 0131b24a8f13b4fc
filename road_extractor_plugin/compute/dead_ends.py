"""Drawing dead ends to where the road ends in the mask."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
    dead = network.degree[network.ends] == 1
    edge, end = np.nonzero(dead)
    lines = _Ends(network, edge, end == 1, np.where(dead.all(axis=1), USABLE, USABLE_TO_JUNCTION)[edge])
    ways = lines.onward(max_widths)
    added = _places_on_road(ways, mask)
    tips = [_NO_VERTEX]
    count = len(vertices)
    for number, forward, cut, places in zip(edge.tolist(), (end == 1).tolist(), lines.cut.tolist(), added):
        step = 1 if forward else -1
        kept = paths[number][::step]
        if len(places):
            kept = kept[: len(kept) - cut]
        tips.append(np.repeat(paths[number][::step][-1], len(places)))
        paths[number] = np.append(kept, np.arange(count, count + len(places)))[::step]
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


class _Ends:
    """The ends of k lines, each given from its other end to this one.

    Args:
        network: Of the lines.
        edge: (k,)
        forward: (k,) Whether the end is the edge's last.
        usable: (k,) Share of the line that may show where its end leads to.
    """

    def __init__(self, network: Network, edge: Indices, forward: BoolMask, usable: Floats) -> None:
        self._lines = network.lines().at(edge)
        self._width_px = network.width_px[edge]
        count = np.diff(self._lines.offsets)
        turned = np.repeat(~forward, count)
        order = np.arange(turned.size)
        order[turned] = (np.repeat(self._lines.first + self._lines.last, count) - order)[turned]
        vertex = np.concatenate([_NO_VERTEX, *(network.paths[number] for number in edge.tolist())])[order]
        self._lines = Polylines(self._lines.points[order], self._lines.offsets)
        self._along = self._lines.distance_from_start()
        self._base, self._stretch = self._base_and_stretch(network.vertices.around.radius_px[vertex], usable)
        self.cut: Indices = self._lines.last - self._base
        """(k,) Number of points to cut off."""

    def _base_and_stretch(self, radius_px: Floats, usable: Floats) -> tuple[Indices, Floats]:
        """(k,) The point from which each line is drawn on, and the length of the stretch before that shows whereto."""
        lines, along = self._lines, self._along
        line = lines.line_of_point
        length, width = along[lines.last], self._width_px[line]
        to_tip = length[line] - along
        middle = (2 * radius_px >= FULL_RADIUS_SHARE * width) & (to_tip >= 0.5 * width + SMOOTHED_PX)
        place = np.append(-1, np.flatnonzero(middle | (to_tip > width + SMOOTHED_PX)))
        base = np.maximum(place[np.searchsorted(place, lines.last, side="right") - 1], lines.first)
        stretch = np.minimum(np.maximum(2 * self._width_px, MIN_STRETCH_PX), usable * length - to_tip[base])
        too_short = stretch < MIN_STRETCH_PX
        return np.where(too_short, lines.last, base), np.where(too_short, MIN_STRETCH_PX, stretch)

    def onward(self, max_widths: float) -> Polylines:
        """Places where the roads may still be, `STEP_PX` apart; none of a short line that ends where it starts."""
        lines, along, base = self._lines, self._along, self._base
        shown = lines.points[self._behind()]
        reach = along[lines.last] - along[base] + max_widths * self._width_px + 2
        reach[(shown[:, -1] == shown[:, 1]).all(axis=1)] = 0.0
        count = np.ceil(reach / STEP_PX).astype(np.int64)
        offsets = np.append(0, np.cumsum(count))
        owner = np.repeat(np.arange(count.size), count)
        far = STEP_PX * (np.arange(owner.size) - offsets[owner])
        return Polylines(lines.points[base][owner] + _onward(shown, self._stretch, far, owner), offsets)

    def _behind(self) -> Indices:
        """(k, 4) The points that are at least so far before the base, or the first."""
        lines, along = self._lines, self._along
        apart = 2 * along.max(initial=0.0) + self._stretch.max(initial=0.0) * _SHOWN[0] + 1  # between two lines
        wanted = along[self._base, None] - self._stretch[:, None] * _SHOWN
        number = np.arange(wanted.shape[0])
        behind = (
            np.searchsorted(along + apart * lines.line_of_point, wanted + apart * number[:, None], side="right") - 1
        )
        return np.maximum(behind, lines.first[:, None])


def _onward(shown: Floats, stretch_px: Floats, reach_px: Floats, owner: Indices) -> Floats:
    """(n, 2) Ways from the last of four places (k, 4, 2) of each line, half a stretch apart, to so far on; step 2."""
    x, y = np.moveaxis(np.diff(shown, axis=1), -1, 0)
    directions = np.arctan2(y, x)
    bends = np.remainder(np.diff(directions, axis=1) + math.pi, 2 * math.pi) - math.pi
    bend, size = bends.mean(axis=1), np.abs(bends)
    straight = (bends.min(axis=1) * bends.max(axis=1) <= 0) | (
        size.min(axis=1) < np.maximum(MIN_BEND, size.max(axis=1) / 2)
    )
    way = shown[:, -1] - shown[:, 1]
    turn = np.where(straight, 0.0, bend / (0.5 * stretch_px))[owner] * reach_px
    ahead = np.where(straight, np.arctan2(way[:, 1], way[:, 0]), directions[:, -1] + 0.5 * bend)
    direction = ahead[owner] + 0.5 * turn  # a chord runs as the circle does in its middle
    chord = reach_px * np.sinc(0.5 * turn / math.pi)
    return np.column_stack([chord * np.cos(direction), chord * np.sin(direction)])


def _places_on_road(ways: Polylines, mask: RasterRows) -> list[Floats]:
    """The places of each way, a pixel apart, up to which all of it is on the mask; (0, 2) if that is its first."""
    off = np.flatnonzero(~is_road(mask, ways.points))
    first_off = np.append(off, len(ways.points))[np.searchsorted(off, ways.first)]
    count = np.minimum(first_off, ways.last + 1) - ways.first
    every = round(1 / STEP_PX)
    return [
        way[number - 1 : 0 : -every][::-1] if number > 1 else _NOTHING
        for way, number in zip(ways.split(), count.tolist())
    ]
