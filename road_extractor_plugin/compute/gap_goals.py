"""Where bridges may lead to: rules 1 to 3 of `bridging.py`, for many dead ends at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.network_lines import NetworkLines
from road_extractor_plugin.compute.node_ways import NodeWays, Ways
from road_extractor_plugin.contract.trace_settings import TraceSettings

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

CLEAR_PX = 3.0
"""So near to its own ends a bridge may touch what it leads to; the way round is at least so much longer."""

TURN_COST = 2.0
"""Rule 6; chosen with gaps that were cut into predictions of scenes held out of training."""

NONE = -1
"""In place of a dead end or a point of a line."""

_TOGETHER = 64
"""Dead ends whose surroundings are looked through at a time: what there is around them has to fit into memory."""


@dataclass(frozen=True, eq=False)
class Goals:
    """Where k bridges may lead to; (k,) or (k, 2) arrays."""

    start: Indices
    """The dead end that each begins at."""
    point: Indices
    """Of a line, as `NetworkLines` counts; `NONE` for a dead end."""
    dead_end: Indices
    """`NONE` for the side of a road."""
    xy: Floats
    turn: Floats
    """By how much the bridge turns at its start, or in the mean of both dead ends, in radians."""

    @property
    def is_side(self) -> BoolMask:
        """Whether it leads to the side of a road."""
        is_side: BoolMask = self.dead_end == NONE
        return is_side

    def at(self, chosen: Indices | BoolMask) -> Goals:
        """Some of them."""
        return Goals(*(values[chosen] for values in vars(self).values()))

    @staticmethod
    def of_all(parts: Sequence[Goals]) -> Goals:
        """Several lots, one behind the other; at least one."""
        return Goals(*(np.concatenate(values) for values in zip(*(vars(part).values() for part in parts))))


class GapGoals:
    """Rules 1 to 3 around the dead ends of a network.

    Args:
        lines: Of the network.
        settings: In metres.
        pixel_m: Metres on the ground per pixel.
        bridges_only: Whether bridges lead to the sides of earlier bridges only, and there not to their ends, which are
            dead ends that have their bridge.
    """

    def __init__(
        self, lines: NetworkLines, settings: TraceSettings, pixel_m: float, *, bridges_only: bool = False
    ) -> None:
        self.lines, self.dead_ends = lines, lines.dead_ends()
        self._reach_px = (settings.max_gap_m + settings.min_spur_m) / pixel_m
        self._max_turn = math.radians(settings.max_gap_turn_deg) or math.inf
        self._ways = NodeWays(lines.network)
        self._bridges_only = bridges_only
        self._targets = self._points_that_may_be_led_to()
        self._target_tree = cKDTree(lines.xy[self._targets]) if bridges_only else lines.tree
        self._widest_px = float(lines.radius_px[self._targets].max(initial=0.0))
        self._pairs = np.empty((0, 2), dtype=np.int64) if bridges_only else self._pairs_of_dead_ends()

    def dearer(self, turn: Floats) -> Floats:
        """Rule 6: how many times dearer a bridge is for its turns."""
        dearer: Floats = 1.0 + TURN_COST * turn / self._max_turn
        return dearer

    def lots(self) -> Iterator[Goals]:
        """The goals of all dead ends, from north to south."""
        for first in range(0, len(self.dead_ends), _TOGETHER):
            start, point = self._near(first, min(first + _TOGETHER, len(self.dead_ends)))
            pairs = self._pairs[slice(*np.searchsorted(self._pairs[:, 0], [first, first + _TOGETHER]))]
            if start.size or len(pairs):
                yield Goals.of_all(list(self._ahead(pairs, start, point)))

    def _points_that_may_be_led_to(self) -> Indices:
        lines = self.lines
        if not self._bridges_only:
            return np.arange(len(lines.xy))
        is_inner = lines.degree[lines.vertex] == 0
        return np.flatnonzero(lines.network.bridged[lines.edge] & is_inner)

    def _pairs_of_dead_ends(self) -> Indices:
        """(k, 2) Those in reach of each other, once each, the lower number first and in order."""
        if not len(self.dead_ends):
            return np.empty((0, 2), dtype=np.int64)
        pairs = np.sort(cKDTree(self.dead_ends.xy).query_pairs(self._reach_px, output_type="ndarray"), axis=1)
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        one, other = pairs.T
        turn = self._turn_of_pairs(one, other)
        apart = (self.dead_ends.xy[one] != self.dead_ends.xy[other]).any(axis=1)
        ahead: Indices = pairs[apart & (turn <= self._max_turn)]  # 2
        return ahead

    def _turn_of_pairs(self, one: Indices, other: Indices) -> Floats:
        ends = self.dead_ends
        return 0.5 * (ends.turns(one, ends.xy[other]) + ends.turns(other, ends.xy[one]))

    def _near(self, first: int, stop: int) -> tuple[Indices, Indices]:
        """(k,) Dead ends from `first` to before `stop`, and points of lines that fulfil rules 1 and 2 for them."""
        lines, ends = self.lines, self.dead_ends
        near = self._target_tree.query_ball_point(ends.xy[first:stop], self._reach_px + self._widest_px)
        start = np.repeat(np.arange(first, stop), [len(found) for found in near])
        point = self._targets[np.array([place for found in near for place in found], dtype=np.int64)]
        away = np.hypot(*(lines.xy[point] - ends.xy[start]).T)
        fits = (away > 0) & (away - lines.radius_px[point] <= self._reach_px)  # 1
        start, point = start[fits], point[fits]
        fits = ends.turns(start, lines.xy[point]) <= self._max_turn  # 2
        return start[fits], point[fits]

    def _ahead(self, pairs: Indices, start: Indices, point: Indices) -> Iterator[Goals]:
        """The goals that rule 3 leaves: of pairs of dead ends, and of dead ends and the sides of roads."""
        asked = np.unique(np.append(pairs[:, 0], start))
        limit = self._reach_px + self._widest_px + CLEAR_PX
        ways = self._ways.within(limit, self.dead_ends.node[asked])
        yield self._dead_ends_ahead(pairs[:, 0], pairs[:, 1], np.searchsorted(asked, pairs[:, 0]), ways)
        yield self._sides_ahead(start, point, np.searchsorted(asked, start), ways)

    def _dead_ends_ahead(self, one: Indices, other: Indices, number: Indices, ways: Ways) -> Goals:
        ends = self.dead_ends
        away = np.hypot(*(ends.xy[other] - ends.xy[one]).T)
        fits = ways.to(number, ends.node[other]) >= away + CLEAR_PX  # 3
        one, other = one[fits], other[fits]
        return Goals(one, np.full_like(one, NONE), other, ends.xy[other], self._turn_of_pairs(one, other))

    def _sides_ahead(self, start: Indices, point: Indices, number: Indices, ways: Ways) -> Goals:
        """Of each edge the point that a bridge would reach at least cost, were all equally likely."""
        lines, ends = self.lines, self.dead_ends
        away = np.hypot(*(lines.xy[point] - ends.xy[start]).T)
        fits = lines.way_to(point, number, ways) >= away + CLEAR_PX  # 3
        start, point, away = start[fits], point[fits], away[fits]
        turn = ends.turns(start, lines.xy[point])
        cost = (away - lines.radius_px[point]) * self.dearer(turn)
        edge = lines.edge[point]
        order = np.lexsort((point, cost, edge, start))
        is_best = np.ones(order.size, dtype=bool)
        is_best[1:] = (np.diff(edge[order]) != 0) | (np.diff(start[order]) != 0)
        best = order[is_best]
        goal, is_open = lines.junctions_near(point[best])
        if self._bridges_only:
            is_open &= lines.degree[lines.vertex[goal]] == 0
        best, goal = best[is_open], goal[is_open]
        return Goals(start[best], goal, np.full_like(goal, NONE), lines.xy[goal], turn[best])
