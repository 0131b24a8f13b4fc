"""The lines of a network, to be looked for by place: where they end, and how far it is along them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.network import Network
from road_extractor_plugin.compute.node_ways import Ways

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

MIN_STRETCH_PX = 8.0
"""Shortest stretch that shows in which direction a road ends."""


@dataclass(frozen=True, eq=False)
class DeadEnds:
    """Where d roads end within the data."""

    node: Indices
    """(d,)"""
    xy: Floats
    """(d, 2)"""
    outward: Floats
    """(d, 2) Unit vectors in which the roads would go on."""
    width_px: Floats
    """(d,) Of the roads."""

    def __len__(self) -> int:
        """How many."""
        return len(self.node)

    def turns(self, number: Indices, xy: Floats) -> Floats:
        """(k,) Angles between the directions in which some of the roads end and the straight lines to places (k, 2)."""
        x, y = (xy - self.xy[number]).T
        u, v = self.outward[number].T
        turns: Floats = np.abs(np.arctan2(u * y - v * x, u * x + v * y))
        return turns


class NetworkLines:
    """The points of all edges, one after the other, and what is near them."""

    def __init__(self, network: Network) -> None:
        self.network = network
        lines = network.lines()
        self.offsets, self.edge = lines.offsets, lines.line_of_point
        self.along_px = lines.distance_from_start()
        self.vertex: Indices = np.concatenate(network.paths)
        self.xy = network.vertices.xy[self.vertex]
        self.radius_px = network.vertices.around.radius_px[self.vertex]
        self.tree = cKDTree(self.xy, balanced_tree=False, compact_nodes=False)
        self.ends, self.degree = network.ends, network.degree

    def dead_ends(self) -> DeadEnds:
        """Those that are not at the edge of the data, from north to south."""
        inside = (self.degree[self.ends] == 1) & ~self.network.vertices.around.at_data_edge[self.ends]
        southward = np.argsort(self.network.vertices.xy[self.ends[inside], 1], kind="stable")
        edge, end = np.argwhere(inside)[southward].T
        shown = np.array([self._last_stretch(*which) for which in zip(edge.tolist(), end.tolist())], dtype=np.int64)
        base, tip = self.xy[shown.reshape(-1, 2).T]
        length = np.maximum(np.hypot(*(tip - base).T), 1e-9)
        return DeadEnds(self.ends[edge, end], tip, (tip - base) / length[:, None], self.network.width_px[edge])

    def _last_stretch(self, edge: int, end: int) -> tuple[int, int]:
        """The points between which a line shows in which direction it ends."""
        first, stop = int(self.offsets[edge]), int(self.offsets[edge + 1])
        along = self.along_px[first:stop]
        reach = max(2 * self.network.width_px[edge], MIN_STRETCH_PX)
        if end:
            return first + int(np.searchsorted(along, along[-1] - reach)), stop - 1
        return first + int(np.searchsorted(along, reach, side="right")) - 1, first

    def way_to(self, points: Indices, start: Indices, ways: Ways) -> Floats:
        """(k,) Length of the way through the network to each point, from the node with that number among the ways'."""
        edge = self.edge[points]
        from_start, from_end = (ways.to(start, self.ends[edge, side]) for side in (0, 1))
        way: Floats = np.minimum(
            from_start + self.along_px[points], from_end + self.network.length_px[edge] - self.along_px[points]
        )
        return way

    def junctions_near(self, points: Indices) -> tuple[Indices, BoolMask]:
        """(k,) The end of each point's edge that is within its width, else the point; and whether it may be led to."""
        edge = self.edge[points]
        along, length = self.along_px[points], self.network.length_px[edge]
        end = np.where(along < length - along, self.offsets[edge], self.offsets[edge + 1] - 1)
        is_near = np.minimum(along, length - along) <= self.network.width_px[edge]
        return np.where(is_near, end, points), ~is_near | (self.degree[self.vertex[end]] > 1)
