"""The rules that turn the graph of a skeleton into one of roads.

1. **Spurs.** Thinning a wide road leaves hair. A dead-end edge is dropped
   a. when it is shorter than the widest road at its junction, so that it hardly leaves that road: the fork at a road's
      end, and hair; but not one that alone of those at its junction ends at the edge of the data;
   b. else, when it is shorter than `min_spur_m` or `min_spur_widths` times that width, and does not end at the edge of
      the data: one edge per junction at a time, the shortest first, because the next shortest may then be the road's
      own end.
   Rule a comes first and rule b after rule 4, which may lead a short dead end on.
   An edge with two dead ends is a road by itself and no spur, and at a junction that would lose all its edges the two
   longest stay. After each round edges are joined where two are left at a node; rounds go on until nothing changes.
2. **Junctions.** Two junctions become one when the edge between them is shorter than the road on it is wide, or than
   two pixels: thinning splits a crossing into two T's like that. The shortest edges come first, and what becomes one
   junction reaches no further than the road is wide. Edges decide, not distances, so a road that passes by is not drawn
   in, and neither are two carriageways, as the street between them is longer than wide. The edges that led to any of
   the junctions lead to the mean of their places.
3. **Shallow crossings**, which share a stretch longer than wide: see `crossings.py`.
4. **Gaps** are bridged where there is evidence of a road: see `bridging.py`.
5. **Components** with less than `min_component_m` of road in all are dropped, unless some of it is at the edge of the
   data, beyond which it may go on.
6. **Simplification** with nodes fixed: see `simplify.py`.

Each rule takes a network and gives a new one; only bridging looks at the raster.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.network import Network, Vertices, joined, measured

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

MIN_MERGE_PX = 2.0
"""Junctions nearer than this are always one: pixels beside each other."""

JUNCTION_DEGREE = 3


def prune_forks(network: Network, widths: float) -> Network:
    """Rule 1a; 0 widths switch it off."""
    return prune_spurs(network, 0.0, min(widths, 1.0))


def prune_spurs(network: Network, min_spur_px: float, widths: float) -> Network:
    """Rule 1, with so many widths in rule b; with 0 of them only the length counts, and rule a is off."""
    while (dropped := _spurs(network, min_spur_px, widths)).any():
        network = joined(network.only(~dropped))
    return network


def _spurs(network: Network, min_spur_px: float, widths: float) -> BoolMask:
    """(m,) Edges that one round of rule 1 drops."""
    ends, degree, length = network.ends, network.degree, network.length_px
    dead = degree[ends] == 1
    spur = dead[:, 0] != dead[:, 1]
    tip = np.where(dead[:, 0], ends[:, 0], ends[:, 1])
    junction = np.where(dead[:, 0], ends[:, 1], ends[:, 0])
    widest = np.zeros(degree.size)
    np.maximum.at(widest, ends, network.width_px[:, None])

    inside = spur & (length < min(widths, 1.0) * widest[junction])  # a
    at_edge = network.vertices.around.at_data_edge[tip]
    inside &= ~at_edge | (np.bincount(junction[inside], minlength=degree.size)[junction] > 1)
    short = spur & (length < np.maximum(min_spur_px, widths * widest[junction]))  # b
    short &= ~at_edge
    dropped: BoolMask = inside | _shortest_of_each(short & ~inside, junction, length)
    return dropped ^ _last_two(dropped, junction, length, degree)


def _shortest_of_each(candidates: BoolMask, junction: Indices, length: Floats) -> BoolMask:
    """Of the candidate edges at each junction the shortest."""
    edge = np.flatnonzero(candidates)
    edge = edge[np.lexsort((length[edge], junction[edge]))]
    _, first = np.unique(junction[edge], return_index=True)
    shortest = np.zeros_like(candidates)
    shortest[edge[first]] = True
    return shortest


def _last_two(dropped: BoolMask, junction: Indices, length: Floats, degree: Indices) -> BoolMask:
    """The two longest edges at each junction all of whose edges are to be dropped."""
    edge = np.flatnonzero(dropped)
    edge = edge[(np.bincount(junction[edge], minlength=degree.size) == degree)[junction[edge]]]
    edge = edge[np.lexsort((-length[edge], junction[edge]))]
    _, first = np.unique(junction[edge], return_index=True)
    kept = np.zeros_like(dropped)
    kept[edge[first]] = True
    kept[edge[first + 1]] = True
    return kept


def merge_junctions(network: Network, widths: float = 1.0) -> Network:
    """Rule 2, with so many widths in place of one; 0 merges none."""
    if not widths:
        return network
    ends, vertices = network.ends, network.vertices
    between = (network.degree[ends] >= JUNCTION_DEGREE).all(axis=1) & (ends[:, 0] != ends[:, 1])
    short = np.flatnonzero(between)
    narrowest = np.array([vertices.around.width_px[network.paths[edge]].min() for edge in short.tolist()])
    reach = np.maximum(widths * narrowest, MIN_MERGE_PX)
    is_short = network.length_px[short] < reach
    short, reach = short[is_short], reach[is_short]
    if not short.size:
        return network
    order = np.argsort(network.length_px[short], kind="stable")
    short, reach = short[order], reach[order]
    group = _groups(ends[short], reach, vertices.xy)
    kept = np.ones(len(ends), dtype=bool)
    kept[short] = group[ends[short, 0]] != group[ends[short, 1]]
    merged = _with_centres(vertices, group)
    is_led = kept & (group[ends] != ends).any(axis=1)
    paths = list(network.paths)
    for edge in np.flatnonzero(is_led).tolist():
        paths[edge] = _led_to_centres(paths[edge], group, merged.xy)
    paths = [paths[edge] for edge in np.flatnonzero(kept).tolist()]
    return joined(measured(merged, _without_doubles(paths)))


def _groups(pairs: Indices, extent_px: Floats, xy: Floats) -> Indices:
    """Unite the vertices of pairs, one pair after the other, as long as a group is no larger than the pair's extent.

    Returns:
        (n,) per vertex the vertex to use from now on: itself, or a new one, numbered from n, for each group.
    """
    members: dict[int, list[int]] = {vertex: [vertex] for vertex in np.unique(pairs).tolist()}
    for (one, other), extent in zip(pairs.tolist(), extent_px.tolist()):
        united = members[one] + members[other]
        if members[one] is not members[other] and np.hypot(*np.ptp(xy[united], axis=0)) <= extent:
            members.update(dict.fromkeys(united, united))
    group = np.arange(len(xy))
    for number, united in enumerate({min(united): united for united in members.values() if len(united) > 1}.values()):
        group[united] = len(xy) + number
    return group


def _with_centres(vertices: Vertices, group: Indices) -> Vertices:
    """The vertices and, behind them, the centre of each group: mean place, largest measures."""
    member = np.flatnonzero(group >= len(vertices))
    number = group[member] - len(vertices)
    size = np.bincount(number)
    centre = [np.bincount(number, weights=axis) / size for axis in vertices.xy[member].T]
    around = vertices.around.at(member).largest_of_each(number, size.size)
    return vertices.and_then(Vertices(np.column_stack(centre), around))


def _led_to_centres(path: Indices, group: Indices, xy: Floats) -> Indices:
    """The path with its ends moved to the centres of their groups, without the points no further from there than they.

    A path that would keep no more than one inner point keeps all, so that no loop vanishes and no two lines become one.
    """
    first, last = group[path[0]], group[path[-1]]
    inner = path[1:-1]
    kept = np.ones(inner.size, dtype=bool)
    for old, new in ((path[0], first), (path[-1], last)):
        if old != new:
            kept &= np.hypot(*(xy[inner] - xy[new]).T) > np.hypot(*(xy[old] - xy[new]))
    if np.count_nonzero(kept) > 1:
        inner = inner[kept]
    return np.concatenate([[first], inner, [last]])


def _without_doubles(paths: list[Indices]) -> list[Indices]:
    """The paths, but only one of those that go straight, without inner points, between the same two vertices."""
    seen: set[tuple[int, ...]] = set()
    distinct = []
    for path in paths:
        straight = tuple(sorted(path.tolist())) if len(path) == 2 else ()  # noqa: PLR2004  (both ends)
        if straight not in seen or not straight:
            seen.add(straight)
            distinct.append(path)
    return distinct


def drop_small_components(network: Network, min_component_px: float) -> Network:
    """Rule 5."""
    if not network.paths:
        return network
    component = network.component
    total = np.bincount(component, weights=network.length_px)
    at_edge = np.array([network.vertices.around.at_data_edge[path].any() for path in network.paths])
    total[component[at_edge]] = np.inf
    return network.only(total[component] >= min_component_px)
