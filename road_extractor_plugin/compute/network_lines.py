"""The lines of a network, to be looked for by place: where they end, and how far it is along them."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.network import Network

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

MIN_STRETCH_PX = 8.0
"""Shortest stretch that shows in which direction a road ends."""


@dataclass(frozen=True, eq=False)
class DeadEnd:
    """Where a road ends within the data."""

    node: int
    xy: Floats
    outward: Floats
    """Unit vector in which the road would go on."""
    width_px: float


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
        self.tree = cKDTree(self.xy)
        self.ends, self.degree = network.ends, network.degree
        self._links: dict[int, list[tuple[int, float]]] = {}
        for (one, other), length in zip(self.ends.tolist(), network.length_px.tolist()):
            self._links.setdefault(one, []).append((other, length))
            self._links.setdefault(other, []).append((one, length))

    def dead_ends(self) -> list[DeadEnd]:
        """Those that are not at the edge of the data, from north to south."""
        inside = (self.degree[self.ends] == 1) & ~self.network.vertices.around.at_data_edge[self.ends]
        southward = np.argsort(self.network.vertices.xy[self.ends[inside], 1], kind="stable")
        return [self._dead_end(edge, end) for edge, end in np.argwhere(inside)[southward].tolist()]

    def _dead_end(self, edge: int, end: int) -> DeadEnd:
        part = slice(self.offsets[edge], self.offsets[edge + 1])
        line, along = self.xy[part], self.along_px[part]
        width = float(self.network.width_px[edge])
        to_tip = along[-1] - along if end else along
        near = np.flatnonzero(to_tip <= max(2 * width, MIN_STRETCH_PX))
        tip, base = (near[-1], near[0]) if end else (near[0], near[-1])
        way = line[tip] - line[base]
        return DeadEnd(int(self.ends[edge, end]), line[tip], way / max(float(np.hypot(*way)), 1e-9), width)

    def distances_from(self, node: int, limit_px: float) -> dict[int, float]:
        """Length of the way to each node within the limit. SciPy's would fill a row as long as the whole network."""
        done: dict[int, float] = {}
        queue = [(0.0, node)]
        while queue:
            distance, place = heapq.heappop(queue)
            if place in done:
                continue
            done[place] = distance
            for neighbour, length in self._links[place]:
                if distance + length <= limit_px and neighbour not in done:
                    heapq.heappush(queue, (distance + length, neighbour))
        return done

    def way_to(self, points: Indices, distances: dict[int, float]) -> Floats:
        """Length of the way through the network to points; infinite where it is beyond the limit."""
        edge = self.edge[points]
        from_start, from_end = (
            np.array([distances.get(node, math.inf) for node in self.ends[edge, side].tolist()]) for side in (0, 1)
        )
        way: Floats = np.minimum(
            from_start + self.along_px[points], from_end + self.network.length_px[edge] - self.along_px[points]
        )
        return way

    def junction_near(self, point: int) -> tuple[int, bool]:
        """The end of the edge that is within its width, else the point; and whether it may be led to."""
        edge = int(self.edge[point])
        along, length = self.along_px[point], self.network.length_px[edge]
        reach = self.network.width_px[edge]
        end = int(self.offsets[edge]) if along < length - along else int(self.offsets[edge + 1] - 1)
        if min(along, length - along) > reach:
            return point, True
        return end, bool(self.degree[self.vertex[end]] > 1)
