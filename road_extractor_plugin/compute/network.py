"""The road network while it is worked on: lines over skeleton vertices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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

    @property
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
        paths = tuple(self.paths[edge] for edge in np.flatnonzero(kept))
        return Network(self.vertices, paths, self.length_px[kept], self.width_px[kept], self.bridged[kept])

    def and_then(self, vertices: Vertices, paths: Sequence[Indices], width_px: Floats, bridged: BoolMask) -> Network:
        """This network and, behind them, more edges; `vertices` are this network's and any behind them."""
        lengths = Polylines.of([vertices.xy[path] for path in paths]).smoothed(SMOOTHING_PASSES).lengths()
        return Network(
            vertices,
            (*self.paths, *paths),
            np.append(self.length_px, lengths),
            np.append(self.width_px, width_px),
            np.append(self.bridged, bridged),
        )

    def redrawn(self, vertices: Vertices, paths: Sequence[Indices]) -> Network:
        """The network with other lines for its edges; lengths are measured anew."""
        lines = Network(vertices, tuple(paths), self.length_px, self.width_px, self.bridged)
        return replace(lines, length_px=lines.lines().lengths())

    def lines(self) -> Polylines:
        """The edges' smoothed lines."""
        return Polylines.of([self.vertices.xy[path] for path in self.paths]).smoothed(SMOOTHING_PASSES)


def measured(vertices: Vertices, paths: Sequence[Indices]) -> Network:
    """A network, no edge of which is bridged, with the length and width of each edge measured."""
    lines = Polylines.of([vertices.xy[path] for path in paths]).smoothed(SMOOTHING_PASSES)
    flat = np.concatenate([_NO_VERTEX, *paths])
    bridged = np.zeros(len(paths), dtype=bool)
    return Network(vertices, tuple(paths), lines.lengths(), _widths(lines, flat, vertices.around), bridged)


def joined(network: Network) -> Network:
    """The network with edges joined wherever exactly two ends meet, unless one of them is that of a bridge.

    A joined edge has the width of its longest part.
    """
    paths, lengths, widths, bridged = [], [], [], []
    seams = np.unique(network.ends[network.bridged])
    loops = np.column_stack([seams, seams])  # keep the chains from passing
    for chain in follow(np.concatenate([network.ends, loops]), len(network.vertices)):
        parts = [dart >> 1 for dart in chain]
        if parts[0] >= len(network.paths):
            continue
        paths.append(_join(network.paths, chain))
        lengths.append(network.length_px[parts].sum())
        widths.append(network.width_px[max(parts, key=network.length_px.__getitem__)])
        bridged.append(network.bridged[parts[0]])
    return Network(network.vertices, tuple(paths), np.array(lengths), np.array(widths), np.array(bridged, dtype=bool))


def joined_paths(paths: Sequence[Indices], vertex_count: int) -> list[Indices]:
    """Paths over vertices, joined wherever exactly two ends meet."""
    return [_join(paths, chain) for chain in follow(_ends(paths), vertex_count)]


def _join(paths: Sequence[Indices], chain: list[int]) -> Indices:
    """One path from a chain of them; dart 2 k is path k, and 2 k + 1 the same backwards."""
    first, *others = [paths[dart >> 1][:: -1 if dart & 1 else 1] for dart in chain]
    return np.concatenate([first, *(path[1:] for path in others)])


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
