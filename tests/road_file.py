"""What is wrong with the network in a GeoPackage of roads, found with OGR and networkx."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from osgeo import ogr

Place = tuple[float, float]


@dataclass
class RoadFile:
    """The layers `centerlines` and `nodes` as plain values."""

    nodes: dict[int, Place] = field(default_factory=dict)
    degrees: dict[int, int] = field(default_factory=dict)
    roads: list[dict[str, Any]] = field(default_factory=list)
    """Fields, and `line` as OGR's geometry."""

    @staticmethod
    def read(path: Path) -> RoadFile:
        found = RoadFile()
        dataset = ogr.Open(str(path))
        for feature in dataset.GetLayerByName("nodes"):
            number = feature["node_id"]
            assert number not in found.nodes, "two nodes of one number"
            found.nodes[number] = feature.GetGeometryRef().GetPoint_2D()
            found.degrees[number] = feature["degree"]
        for feature in dataset.GetLayerByName("centerlines"):
            found.roads.append({**feature.items(), "line": feature.GetGeometryRef().Clone()})
        return found

    @property
    def graph(self) -> nx.MultiGraph:
        """The network by its numbers; edges have their `length_m` and their `length` in the plane of the CRS."""
        graph = nx.MultiGraph()
        graph.add_nodes_from(self.nodes)
        for road in self.roads:
            lengths = {"length_m": road["length_m"], "length": road["line"].Length()}
            graph.add_edge(road["from_node"], road["to_node"], key=road["road_id"], **lengths)
        return graph

    def faults(self) -> list[str]:
        """All that is wrong, in words; none where the network is topologically clean."""
        return [*self._faults_of_lines(), *self._faults_of_nodes(), *self._faults_of_components(), *self._meetings()]

    def _faults_of_lines(self) -> Iterator[str]:
        for road in self.roads:
            line, name = road["line"], f"road {road['road_id']}"
            points = line.GetPoints()
            for end, number in ((points[0], road["from_node"]), (points[-1], road["to_node"])):
                if end[:2] != self.nodes[number]:
                    yield f"{name} ends at {end[:2]}, its node {number} is at {self.nodes[number]}"
            if not line.IsValid():
                yield f"{name} is not valid"
            if not line.IsSimple() and not road["crossing"]:
                yield f"{name} meets itself"
            if any(one == other for one, other in zip(points, points[1:])) or line.Length() <= 0:
                yield f"{name} has a part without length"

    def _faults_of_nodes(self) -> Iterator[str]:
        if len(set(self.nodes.values())) != len(self.nodes):
            yield "two nodes at one place"
        graph = self.graph
        at_bridge = {
            n for road in self.roads if road["origin"] == "bridged" for n in (road["from_node"], road["to_node"])
        }
        for number, degree in graph.degree():
            if degree != self.degrees[number] or not degree:
                yield f"node {number} has {degree} ends, not {self.degrees[number]}"
            if degree == 2 and not graph.has_edge(number, number) and number not in at_bridge:
                yield f"node {number} divides a road"

    def _faults_of_components(self) -> Iterator[str]:
        component = {end: road["component_id"] for road in self.roads for end in (road["from_node"], road["to_node"])}
        parts = list(nx.connected_components(self.graph))
        numbers = [{component[node] for node in part} for part in parts]
        if sorted(numbers, key=min) != [{number} for number in range(1, len(parts) + 1)]:
            yield f"components are numbered {numbers}"
        yield from (
            f"road {r['road_id']}: component" for r in self.roads if r["component_id"] != component[r["to_node"]]
        )

    def _meetings(self) -> Iterator[str]:
        """Pairs of roads that share more than nodes at which both end, but for those flagged as crossing."""
        boxes = np.array([road["line"].GetEnvelope() for road in self.roads]).reshape(-1, 4)
        low, high = boxes[:, [0, 2]], boxes[:, [1, 3]]
        for index, road in enumerate(self.roads):
            near = (low[index + 1 :] <= high[index]).all(axis=1) & (high[index + 1 :] >= low[index]).all(axis=1)
            for other in (self.roads[index + 1 + number] for number in np.flatnonzero(near)):
                nodes = {road["from_node"], road["to_node"]} & {other["from_node"], other["to_node"]}
                common = road["line"].Intersection(other["line"])
                if points_of(common) != {self.nodes[node] for node in nodes} and not (
                    road["crossing"] and other["crossing"]
                ):
                    yield f"roads {road['road_id']} and {other['road_id']} meet: {common.ExportToWkt()}"


def points_of(geometry: ogr.Geometry) -> set[Place] | None:
    """Its points; None where it has more than points."""
    if geometry.IsEmpty():
        return set()
    if geometry.GetDimension():
        return None
    parts = (
        [geometry]
        if not geometry.GetGeometryCount()
        else [geometry.GetGeometryRef(k) for k in range(geometry.GetGeometryCount())]
    )
    return {part.GetPoint_2D() for part in parts}
