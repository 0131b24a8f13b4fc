"""A road network in metres, and the places on it, as the graph metrics see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.chains import follow
from road_extractor_plugin.compute.polylines import Polylines

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

WELD_M = 0.01
"""Vertices of lines no further apart than this are one."""
_PIECE_M = 20.0
"""Long segments are cut into pieces of at most this length, so that a search around their centres finds few others."""


@dataclass(frozen=True, eq=False)
class Places:
    """Places on the edges of a graph."""

    edge: Indices
    """(k,) Edge of each."""
    along_m: Floats
    """(k,) Distance from the edge's first point."""

    def __len__(self) -> int:
        """Number of places."""
        return len(self.edge)

    def only(self, chosen: BoolMask | Indices) -> Places:
        """Those that a mask or indices choose."""
        return Places(self.edge[chosen], self.along_m[chosen])

    def and_then(self, others: Places) -> Places:
        """These places followed by others."""
        return Places(np.append(self.edge, others.edge), np.append(self.along_m, others.along_m))


@dataclass(frozen=True, eq=False)
class _Segments:
    """The s straight parts of all edges, edge after edge."""

    edge: Indices
    start: Floats
    """(s, 2)"""
    along_m: Floats
    """Distance of the start from the edge's first point."""
    vector: Floats
    """(s, 2) From start to end."""
    length_m: Floats


@dataclass(frozen=True, eq=False)
class MetricGraph:
    """An undirected multigraph in the plane; parallel edges, self-loops and rings are all allowed."""

    nodes: Floats
    """(n, 2) x, y in metres; every node has an edge."""
    ends: Indices
    """(m, 2) Nodes that each edge joins."""
    lines: Polylines
    """The edges, from the first node to the second, no two neighbouring points alike."""

    @staticmethod
    def of_lines(lines: Sequence[Floats]) -> MetricGraph:
        """The network that lines form.

        1. Vertices within `WELD_M` of each other are one.
        2. A straight stretch between two vertices counts once, however many lines run over it.
        3. Stretches are joined to an edge wherever exactly two meet. So lines are connected where they share a vertex,
           and where they only cross they are not.

        Args:
            lines: Points (k, 2) of each, x, y in metres.
        """
        packed = Polylines.of(lines)
        vertex, xy = _weld(packed.points)  # 1
        steps = np.column_stack([vertex[:-1], vertex[1:]])[packed.line_of_point[:-1] == packed.line_of_point[1:]]
        stretches = np.unique(np.sort(steps[steps[:, 0] != steps[:, 1]], axis=1), axis=0)  # 2
        tails = stretches.ravel()
        darts = [np.array(chain, dtype=np.int64) for chain in follow(stretches, len(xy))]  # 3
        paths = [np.append(tails[chain], tails[chain[-1] ^ 1]) for chain in darts]
        ends = np.array([(path[0], path[-1]) for path in paths], dtype=np.int64).reshape(-1, 2)
        kept, numbered = np.unique(ends, return_inverse=True)
        return MetricGraph(xy[kept], numbered.reshape(-1, 2), Polylines.of([xy[path] for path in paths]))

    @property
    def is_empty(self) -> bool:
        """Whether there is no road."""
        return len(self.ends) == 0

    @cached_property
    def lengths_m(self) -> Floats:
        """(m,) Length of each edge."""
        return self.lines.lengths()

    @property
    def degree(self) -> Indices:
        """(n,) Number of edge ends at each node."""
        return np.bincount(self.ends.ravel(), minlength=len(self.nodes))

    def node_places(self) -> Places:
        """(n,) Each node as a place on its first edge."""
        _, first = np.unique(self.ends, return_index=True)
        edge = first // 2
        return Places(edge, np.where(first % 2, self.lengths_m[edge], 0.0))

    def cuts(self, pieces: Indices) -> Places:
        """The places between equal pieces of each edge, edge after edge.

        Args:
            pieces: (m,) Number of pieces of each edge, at least 1; an edge of p pieces has p - 1 cuts.
        """
        edge, rank = repeated(pieces - 1)
        return Places(edge, (rank + 1) * (self.lengths_m / pieces)[edge])

    def centres(self, pieces: Indices) -> Places:
        """The middles of equal pieces of each edge, edge after edge.

        Args:
            pieces: (m,) Number of pieces of each edge.
        """
        edge, rank = repeated(pieces)
        return Places(edge, (rank + 0.5) * (self.lengths_m / pieces)[edge])

    def xy(self, places: Places) -> Floats:
        """(k, 2) Where places are."""
        segment = self._segment_of(places)
        beyond = places.along_m - self._segments.along_m[segment]
        share = beyond / self._segments.length_m[segment]
        xy: Floats = self._segments.start[segment] + share[:, None] * self._segments.vector[segment]
        return xy

    def direction(self, places: Places) -> Floats:
        """(k, 2) Unit vectors along the edges at places; one way or the other has no meaning."""
        segment = self._segment_of(places)
        unit: Floats = self._segments.vector[segment] / self._segments.length_m[segment, None]
        return unit

    def snap(
        self, xy: Floats, reach_m: float, direction: Floats | None = None, min_cosine: float = 0.0
    ) -> tuple[Places, BoolMask]:
        """The nearest place on the graph to each point.

        Args:
            xy: (k, 2) points.
            reach_m: A place further away than this is none.
            direction: (k, 2) unit vectors; edges that run otherwise are passed over. None: any will do.
            min_cosine: Least absolute cosine of the angle between `direction` and the edge.

        Returns:
            Places of the points that have one, and which these are (k,). Of several as near, the first edge's.
        """
        if self.is_empty or not len(xy):
            return Places(np.empty(0, dtype=np.int64), np.empty(0)), np.zeros(len(xy), dtype=bool)
        centres, segment_of_piece = self._pieces
        near = cKDTree(xy).sparse_distance_matrix(centres, reach_m + _PIECE_M / 2, output_type="ndarray")
        point, segment = near["i"], segment_of_piece[near["j"]]
        start, vector = self._segments.start[segment], self._segments.vector[segment]
        length = self._segments.length_m[segment]
        share = np.clip(_dot(xy[point] - start, vector) / length**2, 0.0, 1.0)
        away = np.hypot(*(start + share[:, None] * vector - xy[point]).T)
        fits = away <= reach_m
        if direction is not None:
            fits &= np.abs(_dot(vector, direction[point])) >= min_cosine * length
        order = np.lexsort((segment[fits], away[fits], point[fits]))
        found, first = np.unique(point[fits][order], return_index=True)
        best = np.flatnonzero(fits)[order][first]
        along = self._segments.along_m[segment[best]] + share[best] * length[best]
        return Places(self._segments.edge[segment[best]], along), np.isin(np.arange(len(xy)), found)

    def path_lengths(self, places: Places) -> Floats:
        """(k, k) Length of the shortest path between every two places; inf where there is none.

        Dijkstra runs between nodes only: a path leaves an edge at one of its two ends, or stays on it.
        """
        nodes, position = np.unique(self.ends[places.edge], return_inverse=True)
        position = position.reshape(-1, 2)
        between = self.node_distances(nodes)[:, nodes]
        to_end = self._to_ends(places)
        shortest = np.full((len(places), len(places)), np.inf)
        for i in (0, 1):
            for j in (0, 1):
                path = between[np.ix_(position[:, i], position[:, j])]
                path += to_end[:, i, None] + to_end[:, j]
                np.minimum(shortest, path, out=shortest)
        on_edge = np.where(places.edge[:, None] == places.edge, places.along_m[:, None] - places.along_m, np.inf)
        np.minimum(shortest, np.abs(on_edge), out=shortest)
        return shortest

    def distances_to_nodes(self, places: Places, limit_m: float) -> Floats:
        """(k, n) Length of the shortest path from each place to each node; inf beyond the limit."""
        nodes, position = np.unique(self.ends[places.edge], return_inverse=True)
        between = self.node_distances(nodes, limit_m)
        via = between[position.reshape(-1, 2)] + self._to_ends(places)[:, :, None]
        shortest: Floats = via.min(axis=1)
        shortest[shortest > limit_m] = np.inf
        return shortest

    def node_distances(self, nodes: Indices, limit_m: float = np.inf) -> Floats:
        """(k, n) Length of the shortest path from some nodes to all; inf beyond the limit."""
        distances: Floats = dijkstra(self._links, directed=False, indices=nodes, limit=limit_m)
        return distances

    def _to_ends(self, places: Places) -> Floats:
        """(k, 2) Distance along the edge from places to its two ends."""
        return np.column_stack([places.along_m, self.lengths_m[places.edge] - places.along_m])

    @cached_property
    def _links(self) -> csr_matrix:
        """Sparse (n, n) matrix of edge lengths, the shortest of parallel edges."""
        order = np.argsort(self.lengths_m, kind="stable")
        pairs, first = np.unique(np.sort(self.ends, axis=1)[order], axis=0, return_index=True)
        size = len(self.nodes)
        return csr_matrix((self.lengths_m[order][first], (pairs[:, 0], pairs[:, 1])), shape=(size, size))

    @cached_property
    def _segments(self) -> _Segments:
        inner = np.setdiff1d(np.arange(len(self.lines.points)), self.lines.last)
        vector = self.lines.points[inner + 1] - self.lines.points[inner]
        return _Segments(
            edge=self.lines.line_of_point[inner],
            start=self.lines.points[inner],
            along_m=self.lines.distance_from_start()[inner],
            vector=vector,
            length_m=np.hypot(*vector.T),
        )

    @cached_property
    def _pieces(self) -> tuple[cKDTree, Indices]:
        """Centres of the pieces of all segments, and the segment of each."""
        count = np.maximum(np.ceil(self._segments.length_m / _PIECE_M).astype(np.int64), 1)
        segment, rank = repeated(count)
        share = (rank + 0.5) / count[segment]
        return cKDTree(self._segments.start[segment] + share[:, None] * self._segments.vector[segment]), segment

    def _segment_of(self, places: Places) -> Indices:
        """(k,) Segment that each place is on; at a vertex the one that starts there, at the edge's end its last."""
        edges_before = np.cumsum(self.lengths_m) - self.lengths_m
        starts = edges_before[self._segments.edge] + self._segments.along_m
        first_segment = self.lines.first - np.arange(len(self.ends))
        last_segment = self.lines.last - np.arange(len(self.ends)) - 1
        found = np.searchsorted(starts, edges_before[places.edge] + places.along_m, side="right") - 1
        return np.clip(found, first_segment[places.edge], last_segment[places.edge])


def _weld(points: Floats) -> tuple[Indices, Floats]:
    """Number the distinct places of points: (n,) number of each point, and (k, 2) where they are."""
    if not len(points):
        return np.empty(0, dtype=np.int64), points
    pairs = cKDTree(points).query_pairs(WELD_M, output_type="ndarray")
    links = csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    _, label = connected_components(links, directed=False)
    _, first = np.unique(label, return_index=True)
    return label, points[first]


def repeated(count: Indices) -> tuple[Indices, Indices]:
    """`count[i]` times each i, and the rank of each repetition, from 0; both (sum of count,)."""
    index = np.repeat(np.arange(len(count)), count)
    return index, np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)


def _dot(first: Floats, second: Floats) -> Floats:
    """(k,) Scalar products of vectors (k, 2)."""
    product: Floats = np.einsum("ij,ij->i", first, second)
    return product
