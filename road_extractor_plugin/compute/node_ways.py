"""How long the ways through a network are from some nodes to those around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from road_extractor_plugin.compute.network import Network

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ways:
    """Lengths of the ways from d nodes to those around them."""

    numbering: _Numbering
    first: int
    length_px: Floats
    """(d, n) To the nodes with numbers from `first` on; infinite beyond the limit."""

    def to(self, start: Indices, node: Indices) -> Floats:
        """(k,) Lengths from some of the d nodes, counted from 0, to nodes of the network."""
        number = self.numbering.of(node) - self.first
        known = (number >= 0) & (number < self.length_px.shape[1])
        way: Floats = np.full(start.size, np.inf)
        way[known] = self.length_px[start[known], number[known]]
        return way


@dataclass(frozen=True, eq=False)
class _Numbering:
    """Nodes by their numbers from north to south."""

    nodes: Indices
    """(n,) ascending."""
    number: Indices
    """(n,)"""

    def of(self, node: Indices) -> Indices:
        """(...) Numbers of nodes."""
        number: Indices = self.number[np.searchsorted(self.nodes, node)]
        return number


class NodeWays:
    """Finds the ways through a network, for nodes that are near each other and within a limit.

    No way is shorter than the straight line. So the nodes in the rows within the limit of those asked for are all that
    can be reached; they are numbered from north to south, and only their part of the network is searched.
    """

    def __init__(self, network: Network) -> None:
        ends = network.ends
        nodes = np.unique(ends)
        southward = np.argsort(network.vertices.xy[nodes, 1], kind="stable")
        number = np.empty_like(southward)
        number[southward] = np.arange(nodes.size)
        self._numbering = _Numbering(nodes, number)
        self._y = network.vertices.xy[nodes[southward], 1]
        self._matrix = _shortest_links(self._numbering.of(ends), network.length_px, nodes.size)

    def within(self, limit_px: float, nodes: Indices) -> Ways:
        """The ways from nodes (d,) that are not longer than a limit.

        Lines are smoothed, and so a little shorter than the straight lines between far vertices: some rows more.
        """
        number = self._numbering.of(nodes)
        y = self._y[number]
        first, stop = np.searchsorted(self._y, [y.min() - limit_px - 1, y.max() + limit_px + 1]).tolist()
        length = dijkstra(self._matrix[first:stop, first:stop], indices=number - first, limit=limit_px)
        return Ways(self._numbering, first, length)


def _shortest_links(ends: Indices, length_px: Floats, node_count: int) -> csr_matrix:
    """(n, n) Length of the shortest edge between each two nodes, in both directions."""
    order = np.lexsort((length_px, ends.max(axis=1), ends.min(axis=1)))
    order = order[ends[order, 0] != ends[order, 1]]
    pairs = np.sort(ends[order], axis=1)
    is_first = np.append(True, (pairs[1:] != pairs[:-1]).any(axis=1))[: len(pairs)]
    one, other = pairs[is_first].T
    length = length_px[order][is_first]
    both = (np.append(one, other), np.append(other, one))
    return csr_matrix((np.append(length, length), both), shape=(node_count, node_count))
