r"""Bridges over gaps: roads that the network lost for a few metres, under trees, in shadow or at a seam.

1. **Where.** A bridge leads from a dead end that is not at the edge of the data to another such, or to the side of a
   road; there to the vertex of its line that rules 2 and 6 like best, or to the junction within a width of that.
   What is not road on the way is at most `max_gap_m` long. The start of a side street may have been taken for hair of
   the other road, so candidates lie up to `min_spur_m` further away.
2. **Forward.** The straight line to the other place turns by no more than `max_gap_turn_deg` from the direction in
   which the road ends; between two dead ends that is the mean of both turns, as one of them may be a bent stub. To the
   side of a road the way itself, too, sets out within four fifths of that: what runs back beside its own road does not.
3. **No second line.** The way there through the network is longer than the straight line.
4. **Evidence.** The bridge runs where road is most likely, see `gap_route.py`, and the geometric mean of the
   probability along the gap is at least `min_gap_probability`; without this rule bridges are straight. With
   `min_gap_ridge`, on that share of the gap or more it stands out from both its sides, as the space between two roads
   does not; of the default model's roads that makes no bridge more likely to be right, so it is 0.
5. **No crossing.** A bridge that would cross or touch another road or another bridge on its way is none, and the next
   best of its dead end takes its place. One that meets its goal earlier than planned ends there. Close to its ends it
   runs straight.
6. **One for each dead end.** The cheapest come first: the cost of the gap, times two more for each full
   `max_gap_turn_deg` that the bridge turns, and times 0.4 between two dead ends, as it explains both.
7. **Missing crossings.** When all that is done, dead ends that are left are led to the side of the bridges by the same
   rules: where a whole crossing is missing, that joins both of its roads.

A bridge is an edge by itself, and so has its own confidence; the road that it leads to the side of is divided there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.gap_goals import CLEAR_PX, NONE, GapGoals, Goals
from road_extractor_plugin.compute.gap_route import Evidence, GapRoutes, Gaps, likely_routes, straight_routes
from road_extractor_plugin.compute.meetings import meeting_segments
from road_extractor_plugin.compute.network import Network, Vertices
from road_extractor_plugin.compute.network_lines import DeadEnds, NetworkLines
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.contract.trace_settings import TraceSettings

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

RING_DEGREE = 2
"""Edge ends at the node of a ring by itself."""

TOUCH_PX = 1.0
"""Lines with a vertex nearly every pixel cross only where vertices are nearer than this."""

SIDE_TURN = 0.8
"""Rule 2: most turn of a way to the side of a road, as a share of `max_gap_turn_deg`."""

SHOWN_PX = 8.0
"""Rule 2: so far from its start a way shows where it sets out for."""

PAIR_COST = 0.4
"""Rule 6; chosen with gaps that were cut into predictions of scenes of the training folder, held out or not."""

_TOGETHER = 2048
"""Goals to which ways are looked for at a time."""


@dataclass(frozen=True, eq=False)
class _Bridges:
    """Candidates; (k,) arrays."""

    goals: Goals
    lines: Polylines
    """From start to goal, both included."""
    cost: Floats

    def __len__(self) -> int:
        """How many."""
        return len(self.cost)

    def at(self, chosen: Indices) -> _Bridges:
        """Some of them."""
        return _Bridges(self.goals.at(chosen), self.lines.at(chosen), self.cost[chosen])

    @staticmethod
    def of_all(parts: Sequence[_Bridges]) -> _Bridges:
        """Several lots, one behind the other; at least one."""
        lines = reduce(Polylines.and_then, (part.lines for part in parts))
        return _Bridges(
            Goals.of_all([part.goals for part in parts]), lines, np.concatenate([part.cost for part in parts])
        )


def bridge_gaps(network: Network, evidence: Evidence, settings: TraceSettings, pixel_m: float) -> Network:
    """Bridge gaps by the rules above.

    Args:
        network: Its dead ends reach to the end of the mask.
        evidence: What the network of the model saw.
        settings: In metres.
        pixel_m: Metres on the ground per pixel.
    """
    if not settings.max_gap_m or not network.paths:
        return network
    bridged = _bridged(_Search(GapGoals(NetworkLines(network), settings, pixel_m), settings, pixel_m), evidence)
    if not bridged.bridged.any():
        return bridged
    crossings = GapGoals(NetworkLines(bridged), settings, pixel_m, bridges_only=True)
    return _bridged(_Search(crossings, settings, pixel_m), evidence)  # 7


def _bridged(search: _Search, evidence: Evidence) -> Network:
    """The network with the bridges from dead ends to their goals that rules 4 to 6 leave."""
    candidates = search.bridges(evidence)
    while len(candidates):
        chosen = _chosen(candidates)
        bridged = _with_bridges(search.lines, search.dead_ends, candidates.at(chosen))
        crossing = _crossing_bridges(bridged, len(chosen))
        if not crossing.size:
            return bridged
        candidates = candidates.at(np.delete(np.arange(len(candidates)), chosen[crossing]))
    return search.lines.network


class _Search:
    """Rules 4 and 5, and what rules 1 and 2 say of the ways themselves."""

    def __init__(self, goals: GapGoals, settings: TraceSettings, pixel_m: float) -> None:
        self._goals, self._settings = goals, settings
        self.lines, self.dead_ends = goals.lines, goals.dead_ends
        self._max_gap_px = settings.max_gap_m / pixel_m
        self._max_turn = math.radians(settings.max_gap_turn_deg) or math.inf

    def bridges(self, evidence: Evidence) -> _Bridges:
        """All candidates, from north to south."""
        none = np.empty(0, dtype=np.int64)
        found = [_Bridges(Goals(none, none, none, np.empty((0, 2)), np.empty(0)), Polylines.of([]), np.empty(0))]
        waiting: list[Goals] = []
        for lot in self._goals.lots():
            waiting.append(lot)
            if sum(len(goals.start) for goals in waiting) >= _TOGETHER:
                found.append(self._bridges_to(Goals.of_all(waiting), evidence))
                waiting = []
        if waiting:
            found.append(self._bridges_to(Goals.of_all(waiting), evidence))
        return _Bridges.of_all(found)

    def _bridges_to(self, goals: Goals, evidence: Evidence) -> _Bridges:
        """The bridges to those goals that no rule forbids."""
        settings, ends = self._settings, self.dead_ends
        find = likely_routes if settings.min_gap_probability else straight_routes
        routes = find(Gaps(ends.xy[goals.start], goals.xy, ends.width_px[goals.start]), evidence)
        allowed = (routes.gap_px <= self._max_gap_px) & ~(goals.is_side & self._leaves_aside(goals, routes))  # 1, 2
        allowed &= routes.probability >= settings.min_gap_probability  # 4
        allowed &= routes.ridge_share >= settings.min_gap_ridge
        chosen = np.flatnonzero(allowed)
        cost = routes.cost * self._goals.dearer(goals.turn) * np.where(goals.is_side, 1.0, PAIR_COST)
        bridges = _Bridges(goals.at(chosen), routes.lines.at(chosen), cost[chosen])
        return _ended_where_they_touch(bridges, self.lines)

    def _leaves_aside(self, goals: Goals, routes: GapRoutes) -> BoolMask:
        """(k,) Rule 2 for the ways themselves."""
        lines = routes.lines
        away = np.hypot(*(lines.points - self.dead_ends.xy[goals.start][lines.line_of_point]).T)
        shown = _first_of_each(lines, away >= SHOWN_PX)
        aside: BoolMask = self.dead_ends.turns(goals.start, lines.points[shown]) > SIDE_TURN * self._max_turn
        return aside


def _first_of_each(lines: Polylines, marked: BoolMask) -> Indices:
    """(m,) The first of each line's points that is marked; its last point where none is."""
    place = np.flatnonzero(marked)
    first = np.append(place, len(lines.points))[np.searchsorted(place, lines.first)]
    return np.minimum(first, lines.last)


def _ended_where_they_touch(bridges: _Bridges, lines: NetworkLines) -> _Bridges:
    """Rule 5 for roads: bridges to where they first touch the line that they lead to; none that touches another."""
    goals, ways = bridges.goals, bridges.lines
    inner = np.flatnonzero(_is_inner(ways))
    away, nearest = lines.tree.query(ways.points[inner], distance_upper_bound=TOUCH_PX)
    touching = np.zeros(len(ways.points), dtype=bool)
    touching[inner] = np.isfinite(away)
    stop = _first_of_each(ways, touching)
    touches = np.flatnonzero(touching[stop])
    touched = nearest[np.searchsorted(inner, stop[touches])]
    point, is_open = lines.junctions_near(touched)
    allowed = goals.is_side[touches] & (lines.edge[touched] == lines.edge[goals.point[touches]]) & is_open
    new_point, xy = goals.point.copy(), goals.xy.copy()
    new_point[touches], xy[touches] = point, lines.xy[point]
    ways.points[stop[touches]] = lines.xy[point]
    shorter = ways.parts(np.arange(len(ways.points)) <= stop[ways.line_of_point])
    ended = _Bridges(replace(goals, point=np.where(goals.is_side, new_point, NONE), xy=xy), shorter, bridges.cost)
    return ended.at(np.delete(np.arange(len(bridges)), touches[~allowed]))


def _is_inner(lines: Polylines) -> BoolMask:
    """(n,) Points of lines that are clear of their ends."""
    inner = np.ones(len(lines.points), dtype=bool)
    for end in (lines.first, lines.last):
        inner &= np.hypot(*(lines.points - lines.points[end][lines.line_of_point]).T) > CLEAR_PX
    return inner


def _chosen(candidates: _Bridges) -> Indices:
    """Rule 6, and rule 5 for bridges among themselves."""
    inner = _is_inner(candidates.lines)
    owner = candidates.lines.line_of_point[inner]
    pairs = owner[cKDTree(candidates.lines.points[inner]).query_pairs(TOUCH_PX, output_type="ndarray")]
    touching: dict[int, set[int]] = {}
    for one, other in np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0).tolist():
        touching.setdefault(one, set()).add(other)
        touching.setdefault(other, set()).add(one)
    taken: set[int] = set()
    chosen: dict[int, None] = {}
    ends = np.column_stack([candidates.goals.start, candidates.goals.dead_end]).tolist()
    for number in np.argsort(candidates.cost, kind="stable").tolist():
        own = {*ends[number]} - {NONE}
        if not (own & taken or touching.get(number, set()) & chosen.keys()):
            taken |= own
            chosen[number] = None
    return np.array(list(chosen), dtype=np.int64)


def _with_bridges(lines: NetworkLines, dead_ends: DeadEnds, bridges: _Bridges) -> Network:
    """The network with the bridges, and with the roads divided that they lead to the side of."""
    network, goals = lines.network, bridges.goals
    landings = _landings(lines, goals)
    cuts: dict[int, set[int]] = {}
    for point in landings[landings != NONE].tolist():
        edge = int(lines.edge[point])
        cuts.setdefault(edge, set()).add(point - int(lines.offsets[edge]))
    ring = (lines.ends[:, 0] == lines.ends[:, 1]) & (lines.degree[lines.ends[:, 0]] == RING_DEGREE)
    kept = np.ones(len(network.paths), dtype=bool)
    kept[list(cuts)] = False
    parts = [_divided(network.paths[edge], stops, is_ring=bool(ring[edge])) for edge, stops in sorted(cuts.items())]
    parent = np.repeat(np.array(sorted(cuts), dtype=np.int64), [len(pieces) for pieces in parts])

    inner = bridges.lines.parts(_is_inner(bridges.lines))
    behind = len(network.vertices) + inner.offsets
    last = np.where(goals.is_side, lines.vertex[landings], dead_ends.node[goals.dead_end])
    new_paths = [
        np.array([start, *range(one, other), stop])
        for start, one, other, stop in zip(dead_ends.node[goals.start], behind, behind[1:], last)
    ]
    ends_of_both = 0.5 * (dead_ends.width_px[goals.start] + dead_ends.width_px[goals.dead_end])
    widths = np.where(goals.is_side, dead_ends.width_px[goals.start], ends_of_both)
    vertices = network.vertices.and_then(Vertices.on_no_road(inner.points))
    pieces = [piece for lot in parts for piece in lot]
    return network.only(kept).and_then(
        vertices,
        [*pieces, *new_paths],
        np.append(network.width_px[parent], widths),
        np.append(network.bridged[parent], np.ones(len(bridges), dtype=bool)),
    )


def _crossing_bridges(network: Network, bridge_count: int) -> Indices:
    """Rule 5 once more, on the lines as they are drawn: the bridges that meet what they should not.

    Of two bridges that meet, it is the dearer one, which comes later.
    """
    lines = network.lines()
    edge = lines.line_of_point
    first = len(network.paths) - bridge_count  # bridges stand behind roads
    crossing: set[int] = set()
    for one, other in np.sort(edge[meeting_segments(lines, network.bridged[edge])] - first, axis=1).tolist():
        if one not in crossing:
            crossing.add(other)
    return np.array(sorted(crossing), dtype=np.int64)


def _landings(lines: NetworkLines, goals: Goals) -> Indices:
    """(k,) The point that each bridge leads to, or `NONE`; one within a width of an earlier one is the same."""
    earlier: dict[int, list[int]] = {}
    landings = goals.point.copy()
    for number in np.flatnonzero(goals.is_side).tolist():
        point = int(landings[number])
        edge = int(lines.edge[point])
        reach = lines.network.width_px[edge]
        near = [one for one in earlier.get(edge, []) if abs(lines.along_px[one] - lines.along_px[point]) <= reach]
        landings[number] = near[0] if near else point
        earlier.setdefault(edge, []).append(int(landings[number]))
    return landings


def _divided(path: Indices, cuts: set[int], *, is_ring: bool) -> list[Indices]:
    """A path in pieces between some of its points; the node of a ring is no end of a piece."""
    stops = sorted({0, len(path) - 1} | cuts)
    pieces = [path[start : stop + 1] for start, stop in zip(stops, stops[1:])]
    if is_ring and len(pieces) > 1 and not cuts & {0, len(path) - 1}:
        pieces = [np.concatenate([pieces[-1], pieces[0][1:]]), *pieces[1:-1]]
    return pieces
