"""The road network while it is worked on: lines over skeleton vertices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from road_extractor_plugin.compute.chains import follow
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.width import LocalWidths

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

SMOOTHING_PASSES = 4
"""With fewer, straight roads come out too long; with more, rings of 10 px too short."""

_ENDS_PASSED = 2
"""Edge ends at a node that is none."""

_NO_VERTEX: Indices = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Vertices:
    """Places that lines go through, and the mask around each; (n,) or (n, 2) arrays."""

    xy: Floats
    """x, y in pixels; the centre of pixel (row, column) is (column + 0.5, row + 0.5)."""
    around: LocalWidths

    @staticmethod
    def on_no_road(xy: Floats) -> Vertices:
        """Places (n, 2) off the mask and away from the edge of the data."""
        return Vertices(xy, LocalWidths(np.zeros(len(xy)), np.ones(len(xy)), np.zeros(len(xy), dtype=bool)))

    def __len__(self) -> int:
        """Number of vertices."""
        return len(self.xy)

    def and_then(self, others: Vertices) -> Vertices:
        """These vertices and, behind them, others."""
        return Vertices(np.concatenate([self.xy, others.xy]), self.around.and_then(others.around))


@dataclass(frozen=True, eq=False)
class Network:
    """An undirected multigraph; its nodes are the vertices at the ends of its lines."""

    vertices: Vertices
    paths: tuple[Indices, ...]
    """Per edge the vertices along it, both ends included."""
    length_px: Floats
    """(m,) Length of each edge along the smoothed line."""
    width_px: Floats
    """(m,) Median width of each edge away from its ends."""
    bridged: BoolMask
    """(m,) Whether the edge fills a gap."""
    drawn: Polylines | None = None
    """The smoothed lines, where they are known."""

    @cached_property
    def ends(self) -> Indices:
        """(m, 2) first and last vertex of each edge."""
        return _ends(self.paths)

    @property
    def degree(self) -> Indices:
        """(n,) Number of edge ends at each vertex; 0 inside lines."""
        return np.bincount(self.ends.ravel(), minlength=len(self.vertices))

    @property
    def component(self) -> Indices:
        """(m,) Number of the connected part that each edge belongs to, from 0."""
        ends, count = self.ends, len(self.vertices)
        matrix = coo_matrix((np.ones(len(ends), dtype=np.int8), tuple(ends.T)), shape=(count, count))
        _, component = connected_components(matrix, directed=False)
        _, number = np.unique(component[ends[:, 0]], return_inverse=True)
        numbers: Indices = number.astype(np.int64)
        return numbers

    def only(self, kept: BoolMask) -> Network:
        """The network with the edges that are kept."""
        edges = np.flatnonzero(kept)
        paths = tuple(self.paths[edge] for edge in edges.tolist())
        drawn = self.drawn.at(edges) if self.drawn else None
        return Network(self.vertices, paths, self.length_px[kept], self.width_px[kept], self.bridged[kept], drawn)

    def and_then(self, vertices: Vertices, paths: Sequence[Indices], width_px: Floats, bridged: BoolMask) -> Network:
        """This network and, behind them, more edges; `vertices` are this network's and any behind them."""
        lines = _smoothed(vertices, paths)
        return Network(
            vertices,
            (*self.paths, *paths),
            np.append(self.length_px, lines.lengths()),
            np.append(self.width_px, width_px),
            np.append(self.bridged, bridged),
            self.lines().and_then(lines),
        )

    def redrawn(self, vertices: Vertices, paths: Sequence[Indices]) -> Network:
        """The network with other lines for its edges; lengths are measured anew."""
        lines = _smoothed(vertices, paths)
        return Network(vertices, tuple(paths), lines.lengths(), self.width_px, self.bridged, lines)

    def lines(self) -> Polylines:
        """The edges' smoothed lines."""
        return self.drawn or _smoothed(self.vertices, self.paths)


def measured(vertices: Vertices, paths: Sequence[Indices]) -> Network:
    """A network, no edge of which is bridged, with the length and width of each edge measured."""
    lines = _smoothed(vertices, paths)
    flat = np.concatenate([_NO_VERTEX, *paths])
    bridged = np.zeros(len(paths), dtype=bool)
    return Network(vertices, tuple(paths), lines.lengths(), _widths(lines, flat, vertices.around), bridged, lines)


def _smoothed(vertices: Vertices, paths: Sequence[Indices]) -> Polylines:
    return Polylines.over(vertices.xy, paths).smoothed(SMOOTHING_PASSES)


def joined(network: Network) -> Network:
    """The network with edges joined wherever exactly two ends meet, unless one of them is that of a bridge.

    A joined edge has the width of its longest part. Those that are joined stand behind those that stay.
    """
    ends = network.ends
    nodes, node = np.unique(ends, return_inverse=True)
    node = node.reshape(-1, 2)
    passed = np.bincount(node.ravel(), minlength=nodes.size) == _ENDS_PASSED
    passed[node[network.bridged]] = False
    loose = passed[node].any(axis=1)
    if not loose.any():
        return network
    edge = np.flatnonzero(loose)
    chains = [
        edge[np.array(chain) >> 1] * 2 + (np.array(chain) & 1)
        for chain in follow(node[edge], nodes.size, np.flatnonzero(~passed))
    ]
    staying = network.only(~loose)
    paths = [_join(network.paths, chain.tolist()) for chain in chains]
    longest = [int(parts[np.argmax(network.length_px[parts])]) for parts in (chain >> 1 for chain in chains)]
    return Network(
        network.vertices,
        (*staying.paths, *paths),
        np.append(staying.length_px, [network.length_px[chain >> 1].sum() for chain in chains]),
        np.append(staying.width_px, network.width_px[longest]),
        np.append(staying.bridged, network.bridged[longest]),
    )


def joined_paths(paths: Sequence[Indices], vertex_count: int) -> list[Indices]:
    """Paths over vertices, joined wherever exactly two ends meet."""
    return [_join(paths, chain) for chain in follow(_ends(paths), vertex_count)]


def _join(paths: Sequence[Indices], chain: list[int]) -> Indices:
    """One path from a chain of them; dart 2 k is path k, and 2 k + 1 the same backwards."""
    first, *others = [paths[dart >> 1][:: -1 if dart & 1 else 1] for dart in chain]
    return np.concatenate([first, *(path[1:] for path in others)]) if others else first


def _ends(paths: Sequence[Indices]) -> Indices:
    """(m, 2) first and last vertex of each path."""
    return np.array([(path[0], path[-1]) for path in paths], dtype=np.int64).reshape(-1, 2)


def _widths(lines: Polylines, vertex: Indices, around: LocalWidths) -> Floats:
    """(m,) Median width per line over the points further from either end than the road's radius there.

    Nearer to it, the mask is that of the junction. A line that has no such point takes the median of all its points.
    """
    along = lines.distance_from_start()
    count = np.diff(lines.offsets)
    left = np.repeat(along[lines.last], count) - along
    radius_at_start = np.repeat(around.radius_px[vertex[lines.first]], count)
    radius_at_end = np.repeat(around.radius_px[vertex[lines.last]], count)
    clear = (along > radius_at_start) & (left > radius_at_end)
    line = lines.line_of_point
    clear |= np.bincount(line[clear], minlength=count.size)[line] == 0
    return _median_per_group(around.width_px[vertex[clear]], line[clear], count.size)


def _median_per_group(values: Floats, group: Indices, group_count: int) -> Floats:
    """(group_count,) median of the values of each group; every group has some."""
    ordered = values[np.lexsort((values, group))]
    count = np.bincount(group, minlength=group_count)
    start = np.cumsum(count) - count
    median: Floats = 0.5 * (ordered[start + (count - 1) // 2] + ordered[start + count // 2])
    return median
