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
   probability along the gap is at least `min_gap_probability`; without this rule bridges are straight. On the share
   `min_gap_ridge` of the gap or more it stands out from both its sides, as the space between two roads does not.
5. **No crossing.** A bridge that would cross or touch another road or another bridge on its way is none, and the next
   best of its dead end takes its place. One that meets its goal earlier than planned ends there. Close to its ends it
   runs straight.
6. **One for each dead end.** The cheapest come first: the cost of the gap, times two more for each full
   `max_gap_turn_deg` that the bridge turns, and times 0.6 between two dead ends, as it explains both.
7. **Missing crossings.** When all that is done, dead ends that are left are led to the side of the bridges by the same
   rules: where a whole crossing is missing, that joins both of its roads.

A bridge is an edge by itself, and so has its own confidence; the road that it leads to the side of is divided there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Callable

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.gap_route import Evidence, GapRoute, likely_route, straight_route
from road_extractor_plugin.compute.meetings import meeting_segments
from road_extractor_plugin.compute.network import Network, Vertices
from road_extractor_plugin.compute.network_lines import MIN_STRETCH_PX, DeadEnd, NetworkLines
from road_extractor_plugin.compute.raster_rows import KeptRows
from road_extractor_plugin.contract.trace_settings import TraceSettings

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

RING_DEGREE = 2
"""Edge ends at the node of a ring by itself."""

TOUCH_PX = 1.0
"""Lines with a vertex nearly every pixel cross only where vertices are nearer than this."""

CLEAR_PX = 3.0
"""So near to its own ends a bridge may touch what it leads to; the way round is at least so much longer."""

SIDE_TURN = 0.8
"""Rule 2: most turn of a way to the side of a road, as a share of `max_gap_turn_deg`."""

TURN_COST = 2.0
PAIR_COST = 0.6
"""Rule 6; chosen with gaps that were cut into predictions of scenes held out of training."""


@dataclass(frozen=True, eq=False)
class _Goal:
    """Where a bridge may lead to."""

    point: int
    """As `NetworkLines` counts; -1 for a dead end."""
    xy: Floats
    turn: float
    """By how much the bridge turns at its end, or in the mean of both dead ends, in radians."""
    dead_end: int = -1


@dataclass(frozen=True, eq=False)
class _Bridge:
    """A candidate."""

    start: int
    """Dead end."""
    goal: _Goal
    route: GapRoute
    cost: float


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
    evidence = replace(evidence, probability=KeptRows(evidence.probability))
    lines = NetworkLines(network)
    search = _Search(lines, lines.dead_ends(), settings, pixel_m)
    bridged = _bridged(search, search.goals, evidence)
    if not bridged.bridged.any():
        return bridged
    lines = NetworkLines(bridged)
    search = _Search(lines, lines.dead_ends(), settings, pixel_m)
    return _bridged(search, search.goals_on_bridges, evidence)  # 7


def _bridged(search: _Search, goals: Callable[[int], Iterator[_Goal]], evidence: Evidence) -> Network:
    """The network with the bridges from dead ends to their goals that rules 4 to 6 leave."""
    candidates = [
        bridge
        for number in range(len(search.dead_ends))
        for goal in goals(number)
        if (bridge := search.bridge(number, goal, evidence))
    ]
    while True:
        chosen = _chosen(candidates)
        bridged = _with_bridges(search.lines, search.dead_ends, chosen)
        crossing = {chosen[number] for number in _crossing_bridges(bridged, len(chosen))}
        if not crossing:
            return bridged
        candidates = [bridge for bridge in candidates if bridge not in crossing]


class _Search:
    """Rules 1 to 5 for one bridge at a time."""

    def __init__(self, lines: NetworkLines, dead_ends: list[DeadEnd], settings: TraceSettings, pixel_m: float) -> None:
        self.lines, self.dead_ends, self._settings = lines, dead_ends, settings
        self._max_gap_px = settings.max_gap_m / pixel_m
        self._reach_px = (settings.max_gap_m + settings.min_spur_m) / pixel_m
        self._max_turn = math.radians(settings.max_gap_turn_deg) or math.inf
        self._tips = np.array([dead_end.xy for dead_end in dead_ends]).reshape(-1, 2)
        self._tip_tree = cKDTree(self._tips)
        self._widest_px = float(lines.radius_px.max())

    def goals(self, number: int) -> Iterator[_Goal]:
        """Where a bridge from a dead end may lead to."""
        distances = self._distances_from(self.dead_ends[number])
        yield from self._dead_ends_ahead(number, distances)
        yield from self._sides_ahead(self.dead_ends[number], self._points_near(self.dead_ends[number]), distances)

    def goals_on_bridges(self, number: int) -> Iterator[_Goal]:
        """To which sides of bridges it may lead; not to their ends, which are dead ends that have their bridge."""
        dead_end, lines = self.dead_ends[number], self.lines
        points = self._points_near(dead_end)
        points = points[lines.network.bridged[lines.edge[points]]]
        if points.size:
            for goal in self._sides_ahead(dead_end, points, self._distances_from(dead_end)):
                if not lines.degree[lines.vertex[goal.point]]:
                    yield goal

    def _distances_from(self, dead_end: DeadEnd) -> dict[int, float]:
        return self.lines.distances_from(dead_end.node, self._reach_px + self._widest_px + CLEAR_PX)

    def _points_near(self, dead_end: DeadEnd) -> Indices:
        """The points of all lines in reach."""
        near = self.lines.tree.query_ball_point(dead_end.xy, self._reach_px + self._widest_px)
        return np.array(sorted(near), dtype=np.int64)

    def _dead_ends_ahead(self, number: int, distances: dict[int, float]) -> Iterator[_Goal]:
        dead_end = self.dead_ends[number]
        for other_number in sorted(self._tip_tree.query_ball_point(dead_end.xy, self._reach_px)):
            other = self.dead_ends[other_number]
            away = float(np.hypot(*(other.xy - dead_end.xy)))
            if other_number <= number or away == 0:  # each pair once
                continue
            turn = 0.5 * (_turns(dead_end, other.xy) + _turns(other, dead_end.xy))
            way = distances.get(other.node, math.inf)
            if turn <= self._max_turn and way >= away + CLEAR_PX:  # 2, 3
                yield _Goal(-1, other.xy, turn, other_number)

    def _sides_ahead(self, dead_end: DeadEnd, points: Indices, distances: dict[int, float]) -> Iterator[_Goal]:
        """Of each edge of some points the one that a bridge would reach at least cost, were all equally likely."""
        lines = self.lines
        offset = lines.xy[points] - dead_end.xy
        away = np.hypot(*offset.T)
        gap = away - lines.radius_px[points]
        turn = np.abs(np.arctan2(_cross(dead_end.outward, offset), offset @ dead_end.outward))
        fits = (away > 0) & (gap <= self._reach_px) & (turn <= self._max_turn)  # 1, 2
        points, away, gap, turn = points[fits], away[fits], gap[fits], turn[fits]
        fits = lines.way_to(points, distances) >= away + CLEAR_PX  # 3
        points, cost, turn = points[fits], (gap * self._dearer(turn))[fits], turn[fits]
        order = np.lexsort((cost, lines.edge[points]))
        _, first = np.unique(lines.edge[points][order], return_index=True)
        for best in order[first].tolist():
            point, is_open = lines.junction_near(int(points[best]))
            if is_open:
                yield _Goal(point, lines.xy[point], float(turn[best]))

    def _dearer(self, turn: Floats | float) -> Floats:
        """Rule 6: how many times dearer a bridge is for its turns."""
        dearer: Floats = 1.0 + TURN_COST * np.asarray(turn) / self._max_turn
        return dearer

    def bridge(self, number: int, goal: _Goal, evidence: Evidence) -> _Bridge | None:
        """Rules 1, 2, 4 and 5; None where they forbid it."""
        settings = self._settings
        start = self.dead_ends[number]
        if settings.min_gap_probability:
            route = likely_route(start.xy, goal.xy, start.width_px, evidence)
        else:
            route = straight_route(start.xy, goal.xy, evidence)
        if route.gap_px > self._max_gap_px or (goal.dead_end < 0 and self._leaves_aside(start, route)):  # 1, 2
            return None
        if route.probability < settings.min_gap_probability or route.ridge_share < settings.min_gap_ridge:  # 4
            return None
        cost = float(route.cost * self._dearer(goal.turn)) * (PAIR_COST if goal.dead_end >= 0 else 1.0)
        bridge = _Bridge(number, goal, route, cost)
        return _ended_where_it_touches(bridge, self.lines)

    def _leaves_aside(self, start: DeadEnd, route: GapRoute) -> bool:
        """Rule 2 for the way itself."""
        far = np.hypot(*(route.points - start.xy).T) >= MIN_STRETCH_PX
        shown = route.points[int(np.argmax(far)) if far.any() else -1]
        return _turns(start, shown) > SIDE_TURN * self._max_turn


def _turns(dead_end: DeadEnd, xy: Floats) -> float:
    """Angle between the direction in which a road ends and the straight line to a place."""
    offset = xy - dead_end.xy
    return abs(math.atan2(float(_cross(dead_end.outward, offset)), float(offset @ dead_end.outward)))


def _cross(one: Floats, others: Floats) -> Floats:
    product: Floats = one[0] * others[..., 1] - one[1] * others[..., 0]
    return product


def _ended_where_it_touches(bridge: _Bridge, lines: NetworkLines) -> _Bridge | None:
    """Rule 5 for roads: the bridge to where it first touches the line that it leads to; None if it touches another."""
    points = bridge.route.points
    inner = np.flatnonzero(_is_inner(points))
    away, nearest = lines.tree.query(points[inner], distance_upper_bound=TOUCH_PX)
    if not np.isfinite(away).any():
        return bridge
    first = int(np.argmax(np.isfinite(away)))
    touched = int(nearest[first])
    if bridge.goal.point < 0 or lines.edge[touched] != lines.edge[bridge.goal.point]:
        return None
    point, is_open = lines.junction_near(touched)
    if not is_open:
        return None
    goal = _Goal(point, lines.xy[point], bridge.goal.turn)
    kept = np.concatenate([points[: inner[first]], goal.xy[None]])
    return _Bridge(bridge.start, goal, replace(bridge.route, points=kept), bridge.cost)


def _is_inner(points: Floats) -> BoolMask:
    """Points of a line that are clear of its ends."""
    from_ends = points[:, None] - points[[0, -1]]
    inner: BoolMask = (np.hypot(from_ends[..., 0], from_ends[..., 1]) > CLEAR_PX).all(axis=1)
    return inner


def _chosen(candidates: list[_Bridge]) -> list[_Bridge]:
    """Rule 6, and rule 5 for bridges among themselves."""
    inner = [bridge.route.points[_is_inner(bridge.route.points)] for bridge in candidates]
    owner = np.repeat(np.arange(len(candidates)), [len(points) for points in inner])
    touching: dict[int, set[int]] = {}
    if owner.size:
        pairs = cKDTree(np.concatenate(inner)).query_pairs(TOUCH_PX, output_type="ndarray")
        for one, other in np.unique(owner[pairs], axis=0).tolist():
            touching.setdefault(one, set()).add(other)
            touching.setdefault(other, set()).add(one)
    taken: set[int] = set()
    chosen: list[int] = []
    for number in sorted(range(len(candidates)), key=lambda number: candidates[number].cost):
        bridge = candidates[number]
        ends = {bridge.start, bridge.goal.dead_end} - {-1}
        if not (ends & taken or touching.get(number, set()) & set(chosen)):
            taken |= ends
            chosen.append(number)
    return [candidates[number] for number in chosen]


def _with_bridges(lines: NetworkLines, dead_ends: list[DeadEnd], bridges: list[_Bridge]) -> Network:
    """The network with the bridges, and with the roads divided that they lead to the side of."""
    network = lines.network
    goals = _landings(lines, bridges)
    cuts: dict[int, set[int]] = {}
    for point in goals:
        if point >= 0:
            cuts.setdefault(int(lines.edge[point]), set()).add(point - int(lines.offsets[lines.edge[point]]))
    ring = (lines.ends[:, 0] == lines.ends[:, 1]) & (lines.degree[lines.ends[:, 0]] == RING_DEGREE)
    parts = [_divided(path, cuts.get(edge, set()), is_ring=ring[edge]) for edge, path in enumerate(network.paths)]
    paths = [part for pieces in parts for part in pieces]
    parent = np.repeat(np.arange(len(parts)), [len(pieces) for pieces in parts])
    widths = [network.width_px[parent]]
    inner, count = [], len(network.vertices)
    for bridge, point in zip(bridges, goals):
        points = bridge.route.points[_is_inner(bridge.route.points)]
        start = dead_ends[bridge.start]
        end = dead_ends[bridge.goal.dead_end]
        last = int(lines.vertex[point]) if point >= 0 else end.node
        paths.append(np.array([start.node, *range(count, count + len(points)), last]))
        widths.append(np.array([start.width_px if point >= 0 else 0.5 * (start.width_px + end.width_px)]))
        inner.append(points)
        count += len(points)
    vertices = network.vertices.and_then(Vertices.on_no_road(np.concatenate([np.empty((0, 2)), *inner])))
    bridged = np.append(network.bridged[parent], np.ones(len(bridges), dtype=bool))
    return Network(vertices, tuple(paths), np.zeros(len(paths)), np.concatenate(widths), bridged).redrawn(
        vertices, paths
    )


def _crossing_bridges(network: Network, bridge_count: int) -> set[int]:
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
    return crossing


def _landings(lines: NetworkLines, bridges: list[_Bridge]) -> list[int]:
    """The point that each bridge leads to, -1 for a dead end; one within a width of an earlier one is the same."""
    earlier: dict[int, list[int]] = {}
    goals = []
    for bridge in bridges:
        point = bridge.goal.point
        if point >= 0:
            edge = int(lines.edge[point])
            reach = lines.network.width_px[edge]
            near = [one for one in earlier.get(edge, []) if abs(lines.along_px[one] - lines.along_px[point]) <= reach]
            point = near[0] if near else point
            earlier.setdefault(edge, []).append(point)
        goals.append(point)
    return goals


def _divided(path: Indices, cuts: set[int], *, is_ring: bool) -> list[Indices]:
    """A path in pieces between some of its points; the node of a ring is no end of a piece."""
    stops = sorted({0, len(path) - 1} | cuts)
    pieces = [path[start : stop + 1] for start, stop in zip(stops, stops[1:])]
    if is_ring and len(pieces) > 1 and not cuts & {0, len(path) - 1}:
        pieces = [np.concatenate([pieces[-1], pieces[0][1:]]), *pieces[1:-1]]
    return pieces
