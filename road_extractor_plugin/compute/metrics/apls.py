"""Average path length similarity (APLS) of two road networks, in the two forms that papers report.

APLS (Van Etten et al. 2018, arXiv:1807.01232) asks whether routes are as long in one network as in the
other. The two forms differ in how far a point may be off, which routes count and how the two directions are averaged,
so their values cannot be compared with each other:

* CosmiQ: the reference software of the SpaceNet road challenges.
* Sat2Graph: the evaluation of He et al. 2020 (arXiv:2007.09547) and of the graph methods after it.

Both go both ways. One way means: control points are put on one network and looked for on the other, and for every pair
of them the lengths L and L' of the shortest paths there and here give the difference min(1, |L - L'| / L), which is 1
where the other network has no path. The score is 1 less the mean difference. Without a pair it is 1 if all control
points were found, else 0. Two empty networks score 1, one empty network 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, identity
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph, Places, repeated
from road_extractor_plugin.compute.metrics.segmentation import harmonic_mean

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Region = tuple[float, float, float, float]
"""West, south, east, north in metres."""

MAX_CONTROL_POINTS = 3000
"""Of more than these, so many are drawn, always the same; it bounds time and memory on large networks."""
_HOP_M = 2.0
_NEAREST_HOPS = 10
"""Hop ends of the other network that a Sat2Graph control point may be found at."""


@dataclass(frozen=True)
class Apls:
    """Scores, 0..1."""

    score: float
    reference_to_prediction: float
    """Control points of the reference; low where roads are missing."""
    prediction_to_reference: float
    """Control points of the prediction; low where roads are invented."""


@dataclass(frozen=True)
class CosmiqProtocol:
    """Settings of `apls_cosmiq`."""

    snap_m: float = 4.0
    spacing_m: float = 50.0
    min_path_m: float = 0.001
    max_control_points: int = MAX_CONTROL_POINTS

    @property
    def in_words(self) -> str:
        """For reports."""
        return f"APLS, CosmiQ: snap {self.snap_m:g} m, control points every {self.spacing_m:g} m, harmonic mean"


@dataclass(frozen=True)
class Sat2GraphProtocol:
    """Settings of `apls_sat2graph`."""

    spacing_m: float
    min_path_m: float
    """Shorter paths do not count."""
    margin_m: float
    """Control points so close to the border of the region do not count."""
    exclusion_hops: int
    """Points no further apart than this are one."""
    snap_m: float = 10.0
    max_control_points: int = MAX_CONTROL_POINTS

    @property
    def in_words(self) -> str:
        """For reports; whether control points in the margin were left out is for the caller to add."""
        return (
            f"APLS, Sat2Graph: snap {self.snap_m:g} m, control points every {self.spacing_m:g} m, "
            f"paths over {self.min_path_m:g} m, arithmetic mean"
        )


COSMIQ = CosmiqProtocol()
CITY_TILES = Sat2GraphProtocol(spacing_m=50.0, min_path_m=100.0, margin_m=100.0, exclusion_hops=4)
"""For tiles of 2048 m."""
SMALL_TILES = Sat2GraphProtocol(spacing_m=30.0, min_path_m=30.0, margin_m=30.0, exclusion_hops=3)
"""For tiles of about 350 m."""
SMALL_TILE_M = 1111.0
"""Networks less wide and high than this are scored with the settings for small tiles, as Sat2Graph does."""


def apls_cosmiq(prediction: MetricGraph, reference: MetricGraph, protocol: CosmiqProtocol = COSMIQ) -> Apls:
    """APLS as the SpaceNet challenges score it.

    1. Control points are all nodes, and on each edge the places that cut it into the fewest equal pieces of at most the
       spacing. An edge between three quarters of the spacing and the spacing gets its middle.
    2. A control point is found at the nearest place of the other network's edges within the snap distance.
    3. Ordered pairs with a path of at least the least length count. Where the first point was not found, shorter ones
       count as well.
    4. The score is the harmonic mean of both directions.
    """
    if prediction.is_empty or reference.is_empty:
        return _score_without_roads(prediction, reference)
    there = _cosmiq_one_way(reference, prediction, protocol)
    back = _cosmiq_one_way(prediction, reference, protocol)
    return Apls(harmonic_mean(there, back), there, back)  # 4


def _cosmiq_one_way(graph: MetricGraph, other: MetricGraph, protocol: CosmiqProtocol) -> float:
    pieces = np.ceil(graph.lengths_m / protocol.spacing_m).astype(np.int64)  # 1
    pieces[(pieces == 1) & (graph.lengths_m >= 0.75 * protocol.spacing_m)] = 2
    control = graph.node_places().and_then(graph.cuts(pieces))
    control = control.only(_drawn(len(control), protocol.max_control_points))
    matched, found = other.snap(graph.xy(control), protocol.snap_m)  # 2
    length = graph.path_lengths(control)
    counts = np.isfinite(length) & ((length >= protocol.min_path_m) | ~found[:, None])  # 3
    np.fill_diagonal(counts, val=False)
    return _similarity(length, _lengths_of_found(other, matched, found), counts, found)


def apls_sat2graph(
    prediction: MetricGraph, reference: MetricGraph, protocol: Sat2GraphProtocol, region: Region | None = None
) -> Apls:
    """APLS as Sat2Graph and the graph methods after it score it.

    1. Edges are divided into equal hops of at most 2 m.
    2. Control points are the nodes that no two edges merely pass through, and on edges with more hops than one and a
       half spacings, the hop ends nearest to equal parts of about the spacing.
    3. Control points near the border of the region are left out, and those within the exclusion of an earlier one.
    4. A control point is found at the nearest of the 10 nearest hop ends of the other network that is within the snap
       distance and outside the exclusion around hop ends already taken.
    5. Unordered pairs with a path of more than the least length count. Pairs of which a point was not found always
       count, with difference 1.
    6. The score is the arithmetic mean of both directions.

    The order of control points is that of the nodes, then that of the edges; the software of the paper takes them in
    random order, and keeps dead ends in rule 3, so that even two equal networks do not score 1 there.

    Args:
        prediction: Network to score.
        reference: True network.
        protocol: `CITY_TILES` or `SMALL_TILES`.
        region: What the networks were cut to; None leaves no border out.
    """
    if prediction.is_empty or reference.is_empty:
        return _score_without_roads(prediction, reference)
    there = _sat2graph_one_way(reference, prediction, protocol, region)
    back = _sat2graph_one_way(prediction, reference, protocol, region)
    return Apls((there + back) / 2, there, back)  # 6


def _sat2graph_one_way(
    graph: MetricGraph, other: MetricGraph, protocol: Sat2GraphProtocol, region: Region | None
) -> float:
    hops, other_hops = _Hops(graph), _Hops(other)  # 1
    control = _control_hops(hops, protocol, region)  # 2, 3
    control = control[_drawn(len(control), protocol.max_control_points)]
    taken = _find_hops(hops.xy[control], other_hops, protocol)  # 4
    found = taken >= 0
    length = graph.path_lengths(hops.places.only(control))
    counts = np.isfinite(length) & (length > protocol.min_path_m) | ~(found[:, None] & found)  # 5
    there = _lengths_of_found(other, other_hops.places.only(taken[found]), found)
    return _similarity(length, there, np.triu(counts, k=1), found)


class _Hops:
    """The hop ends of a network: its nodes, then the cuts between the hops of each edge."""

    def __init__(self, graph: MetricGraph) -> None:
        self.graph = graph
        self.hops_of_edge = np.ceil(graph.lengths_m / _HOP_M).astype(np.int64)
        cuts = graph.cuts(self.hops_of_edge)
        self.places: Places = graph.node_places().and_then(cuts)
        self.xy = graph.xy(self.places)
        self.first_cut = len(graph.nodes) + np.cumsum(self.hops_of_edge - 1) - (self.hops_of_edge - 1)
        """(m,) First hop end inside each edge."""

    def within(self, hops: int) -> csr_matrix:
        """Sparse matrix whose row i has an entry for each hop end at most so many hops from i, itself included."""
        size = len(self.places)
        edge, rank = repeated(self.hops_of_edge)
        tail = np.where(rank == 0, self.graph.ends[edge, 0], self.first_cut[edge] + rank - 1)
        is_last = rank == self.hops_of_edge[edge] - 1
        head = np.where(is_last, self.graph.ends[edge, 1], self.first_cut[edge] + rank)
        step = csr_matrix((np.ones(len(edge), dtype=bool), (tail, head)), shape=(size, size))
        step = step + step.T + identity(size, dtype=bool, format="csr")
        reached = step
        for _ in range(hops - 1):
            reached = reached @ step
        return reached


def _control_hops(hops: _Hops, protocol: Sat2GraphProtocol, region: Region | None) -> Indices:
    """Hop ends that are control points, by rules 2 and 3."""
    spacing_hops = protocol.spacing_m / _HOP_M
    ends_of_edge = hops.hops_of_edge + 1
    is_long = ends_of_edge > int(1.5 * spacing_hops)
    parts = np.where(is_long, (ends_of_edge / spacing_hops).astype(np.int64) + 1, 1)
    edge, rank = repeated(parts - 1)
    inner = hops.first_cut[edge] + ends_of_edge[edge] * (rank + 1) // parts[edge] - 1
    candidates = np.append(np.flatnonzero(hops.graph.degree != 2), inner)  # noqa: PLR2004  (passed through)
    candidates = candidates[_inside(hops.xy[candidates], region, protocol.margin_m)]
    near, is_free, control = hops.within(protocol.exclusion_hops), np.ones(len(hops.places), dtype=bool), []
    for hop in candidates.tolist():
        if is_free[hop]:
            control.append(hop)
            is_free[near.indices[near.indptr[hop] : near.indptr[hop + 1]]] = False
    return np.array(control, dtype=np.int64)


def _find_hops(xy: Floats, hops: _Hops, protocol: Sat2GraphProtocol) -> Indices:
    """(k,) Hop end where each control point is found by rule 4, -1 where it is not."""
    taken = np.full(len(xy), -1, dtype=np.int64)
    if not len(xy):
        return taken
    nearest_count = min(_NEAREST_HOPS, len(hops.places))
    away, nearest = cKDTree(hops.xy).query(xy, k=np.arange(1, nearest_count + 1))
    near, is_free = hops.within(protocol.exclusion_hops), np.ones(len(hops.places), dtype=bool)
    for point in range(len(xy)):
        usable = nearest[point][is_free[nearest[point]] & (away[point] < protocol.snap_m)]
        if len(usable):
            taken[point] = usable[0]
            is_free[near.indices[near.indptr[usable[0]] : near.indptr[usable[0] + 1]]] = False
    return taken


def _inside(xy: Floats, region: Region | None, margin_m: float) -> BoolMask:
    if region is None:
        return np.ones(len(xy), dtype=bool)
    west, south, east, north = region
    low, high = np.array([west, south]) + margin_m, np.array([east, north]) - margin_m
    inside: BoolMask = ((xy > low) & (xy < high)).all(axis=1)
    return inside


def _drawn(count: int, at_most: int) -> Indices:
    """Which of `count` things are drawn, in order."""
    return np.sort(np.random.default_rng(0).choice(count, min(count, at_most), replace=False))


def _lengths_of_found(graph: MetricGraph, matched: Places, found: BoolMask) -> Floats:
    """(k, k) Path lengths between the control points found on a network; inf for the others."""
    lengths = np.full((len(found), len(found)), np.inf)
    lengths[np.ix_(found, found)] = graph.path_lengths(matched)
    return lengths


def _similarity(length: Floats, other: Floats, counts: BoolMask, found: BoolMask) -> float:
    """1 less the mean difference of the path lengths (k, k) that count."""
    if not counts.any():
        return 1.0 if found.all() else 0.0
    length, other = length[counts], other[counts]
    difference = np.ones(len(length))
    both = np.isfinite(other)
    difference[both] = np.minimum(np.abs(length[both] - other[both]) / length[both], 1.0)
    return float(1.0 - difference.mean())


def _score_without_roads(prediction: MetricGraph, reference: MetricGraph) -> Apls:
    score = 1.0 if prediction.is_empty and reference.is_empty else 0.0
    return Apls(score, score, score)
