r"""Crossings at a shallow angle: two T junctions and the stretch between them become one crossing.

    a0 \          / b0          a0 \   / b0
        >--------<        ->        >X<
    a1 /          \ b1          a1 /   \ b1

Where two roads cross at a shallow angle their surfaces are one over a stretch, and so are their skeletons. Two roads
that share a way, carriageways before and behind a bridge and staggered side streets look alike in the graph, but not in
the directions of their arms.

An edge between two junctions of degree 3 is such a stretch when

1. all four arms are long enough to show directions: those of the two halves of the way from a place as far along the
   arm as the widest arm is wide, where it has left the other road's surface, to one two widths of its own further;
2. of the two ways to pair the arms, those of one junction with those of the other, in the one whose connecting lines
   cross, both halves of each arm run straight on into its line: within 15 degrees, and within a third of the angle a at
   which the lines cross, so that roads which run beside each other for a while, and then part, are none;
3. the stretch is not longer than the surfaces of two roads as wide as the arms cover together when they cross at that
   angle: w / sin(a / 2), and a quarter more.

The shortest stretches come first, and no junction is used twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.network import Network, Vertices, measured

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

TEE_DEGREE = 3

MIN_STRETCH_PX = 12.0
"""Shortest stretch that shows a direction; the pixels of a shorter one are too coarse."""

MAX_TURN = math.radians(15)
MAX_TURN_SHARE = 1 / 3
"""Most turn of an arm, as a share of the angle of the crossing."""

SLACK = 1.25
"""How many times longer than expected the stretch may be."""

MIN_ANGLE = math.radians(10)
"""Roads that cross at less are one for longer than the directions of their arms reach."""


@dataclass(frozen=True, eq=False)
class _Arm:
    """An edge as it leaves a junction."""

    dart: int
    """Twice the edge, and one more where it is the edge's end."""
    near: Floats
    """x, y of the place where its direction shows."""
    passed: int
    """Points of the edge before that place."""
    outward: tuple[Floats, Floats]
    """In which directions it runs on from there: of the first half and of the second."""
    width_px: float


@dataclass(frozen=True, eq=False)
class _Crossing:
    stretch: int
    """The edge that vanishes."""
    arms: tuple[_Arm, ...]


def merge_shallow_crossings(network: Network, slack: float = SLACK) -> Network:
    """Make one crossing of each two T junctions that fulfil the rules above.

    Args:
        network: Nodes of degree 3 are T junctions.
        slack: How many times longer than expected the stretch may be; 0 makes none.
    """
    lines, ends = _Lines(network), network.ends
    darts = _darts_of_tees(network)
    longest = slack * network.width_px.max(initial=0.0) / math.sin(MIN_ANGLE / 2)
    crossings: list[_Crossing] = []
    used: set[int] = set()
    for edge in np.argsort(network.length_px, kind="stable").tolist():
        if network.length_px[edge] >= longest:
            break
        one, other = ends[edge].tolist()
        if one == other or used & {one, other} or not darts.keys() >= {one, other}:
            continue
        outer = [dart for node in (one, other) for dart in darts[node] if dart >> 1 != edge]
        widest = network.width_px[[dart >> 1 for dart in outer]].max()
        arms = lines.arms(outer, widest)
        if arms and _is_crossing(arms, network.length_px[edge] / slack):
            used |= {one, other}
            crossings.append(_Crossing(edge, arms))
    return _with_crossings(network, crossings) if crossings else network


def _darts_of_tees(network: Network) -> dict[int, list[int]]:
    """The darts that leave each junction of degree 3."""
    tails = network.ends.ravel()
    darts: dict[int, list[int]] = {}
    for dart in np.flatnonzero(network.degree[tails] == TEE_DEGREE).tolist():
        darts.setdefault(int(tails[dart]), []).append(dart)
    return darts


class _Lines:
    """The lines of a network, from either end."""

    def __init__(self, network: Network) -> None:
        self._network = network
        lines = network.lines()
        self._points, self._offsets = lines.points, lines.offsets.tolist()
        self._along = lines.distance_from_start()

    def arms(self, darts: list[int], start_px: float) -> tuple[_Arm, ...]:
        """Rule 1: the arms along some darts, if all are long enough, else none."""
        edges = [dart >> 1 for dart in darts]
        width = self._network.width_px[edges]
        stretch = np.maximum(2 * width, MIN_STRETCH_PX)
        if (self._network.length_px[edges] < start_px + stretch).any():
            return ()
        arms = [self._arm(dart, start_px, *of) for dart, of in zip(darts, zip(stretch.tolist(), width.tolist()))]
        return tuple(arms) if all(half.any() for arm in arms for half in arm.outward) else ()

    def _arm(self, dart: int, start_px: float, stretch_px: float, width_px: float) -> _Arm:
        first, stop = self._offsets[dart >> 1 : (dart >> 1) + 2]
        along = self._along[first:stop]
        places = start_px + stretch_px * np.array([0.0, 0.5, 1.0])
        if dart & 1:
            passed = stop - first - np.searchsorted(along, along[-1] - places, side="right")
        else:
            passed = np.searchsorted(along, places)
        stops = np.minimum(passed, stop - first - 1)
        near, middle, far = self._points[stop - 1 - stops if dart & 1 else first + stops]
        return _Arm(dart, near, int(stops[0]), (middle - near, far - middle), width_px)


def _is_crossing(arms: tuple[_Arm, ...], stretch_px: float) -> bool:
    """Rules 2 and 3 for the two arms of one junction and the two of the other."""
    first, second, *others = arms
    lines = [(first, others[1]), (second, others[0])]
    if not _cross(*lines):
        lines = [(first, others[0]), (second, others[1])]
        if not _cross(*lines):
            return False
    ways = [end.near - start.near for start, end in lines]
    angle = _angle(*ways)
    turns = [_angle(-way, half) for way, (start, _) in zip(ways, lines) for half in start.outward]
    turns += [_angle(way, half) for way, (_, end) in zip(ways, lines) for half in end.outward]
    width = float(np.mean([arm.width_px for arm in arms]))
    return (
        angle >= MIN_ANGLE
        and max(turns) <= min(MAX_TURN, MAX_TURN_SHARE * angle)  # 2
        and stretch_px <= width / math.sin(min(angle, math.pi - angle) / 2)  # 3
    )


def _cross(one: tuple[_Arm, _Arm], other: tuple[_Arm, _Arm]) -> bool:
    """Whether the line between the arms of one pair crosses that between those of the other."""
    (a, b), (c, d) = ((start.near, end.near) for start, end in (one, other))
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(start: Floats, end: Floats, place: Floats) -> float:
    """Positive on one side of the line from start to end, negative on the other."""
    (x, y), (u, v) = end - start, place - start
    return float(x * v - y * u)


def _angle(one: Floats, other: Floats) -> float:
    """Angle between two vectors, 0..pi."""
    return abs(math.atan2(one[0] * other[1] - one[1] * other[0], float(one @ other)))


def _with_crossings(network: Network, crossings: list[_Crossing]) -> Network:
    """The network without the stretches, the arms led straight from their near places to the stretches' middles."""
    vertices = network.vertices
    junctions = network.ends[[crossing.stretch for crossing in crossings]]
    around = vertices.around.at(junctions.ravel()).largest_of_each(
        np.repeat(np.arange(len(crossings)), 2), len(crossings)
    )
    centre = Vertices(vertices.xy[junctions].mean(axis=1), around)
    paths = list(network.paths)
    for number, crossing in enumerate(crossings, start=len(vertices)):
        for arm in crossing.arms:
            step = -1 if arm.dart & 1 else 1
            path = paths[arm.dart >> 1][::step]
            paths[arm.dart >> 1] = np.append(number, path[arm.passed :])[::step]
    kept = set(range(len(paths))) - {crossing.stretch for crossing in crossings}
    return measured(vertices.and_then(centre), [paths[edge] for edge in sorted(kept)])
