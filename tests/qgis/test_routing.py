"""As a user I route over the extracted network with QGIS's own tools, wherever the strips that it was traced in end."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.analysis import QgsGraphAnalyzer, QgsGraphBuilder, QgsNetworkDistanceStrategy, QgsVectorLayerDirector
from qgis.core import QgsPointXY, QgsVectorLayer

from road_extractor_plugin.compute.tracing import Traced, trace
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.request import VectorizeRequest
from road_extractor_plugin.core.vectorize import vectorize
from tests.road_file import RoadFile

WEST, NORTH, SIDE = 500_000.0, 4_600_000.0, 320
STRIP_ROWS = 37
EVERYWHERE = 1e-6
"""Tolerance of the graph builder in map units: it need not snap anything."""


class InStrips:
    """The tracer, with strips so thin that roads of all directions cross several of them."""

    def trace(self, probability: Any, settings: Any, pixel_size_m: Any, feedback: Any, mask_made: Any) -> Traced:
        traced = trace(probability, settings, pixel_size_m, feedback, strip_rows=STRIP_ROWS)
        mask_made(traced.mask)
        return traced


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The GeoPackage of a drawn town: a grid of bent streets, a ring road with gaps in it, and a street of its own."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    distances = [np.abs(y - 60 - 40 * k - 12 * np.sin(x / 40 + k)) for k in range(5)]
    distances += [np.abs(x - 50 - 55 * k - 0.2 * y) for k in range(4)]
    distances += [np.abs(np.hypot(x - 160, y - 150) - 110)]
    field = np.clip(4.5 - np.min(distances, axis=0), 0, 1) * ((x > 25) & (x < 300) & (y < 275))
    gap = np.hypot(x - 160 - 110 * np.cos(-0.5), y - 150 - 110 * np.sin(-0.5)) < 8
    field[gap] *= 0.15
    field = np.maximum(field, np.clip(4.5 - np.abs(y - 305), 0, 1))
    folder = tmp_path_factory.mktemp("town")
    dataset = gdal.GetDriverByName("GTiff").Create(str(folder / "town_probability.tif"), SIDE, SIDE, 1)
    dataset.SetGeoTransform((WEST, 1.0, 0.0, NORTH, 0.0, -1.0))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32619)
    dataset.SetProjection(srs.ExportToWkt())
    dataset.GetRasterBand(1).SetNoDataValue(255)
    dataset.WriteArray(np.rint(field * 254).astype(np.uint8))
    dataset.FlushCache()
    del dataset
    request = VectorizeRequest(folder / "town_probability.tif", folder, Thresholds(0.5, 0.3))
    return vectorize(request, InStrips(), SilentFeedback()).paths.roads


@pytest.fixture
def layer(roads: Path) -> QgsVectorLayer:
    """Its centre-lines."""
    found = QgsVectorLayer(f"{roads}|layername=centerlines", "roads", "ogr")
    assert found.isValid()
    return found


def pairs_of(file: RoadFile) -> list[tuple[int, int]]:
    """Some pairs of nodes from all over the network, and from one component to the other."""
    return list(itertools.combinations(sorted(file.nodes)[::4], 2))


def test_the_network_is_worth_routing_on(roads: Path) -> None:
    file = RoadFile.read(roads)
    assert file.faults() == []
    assert nx.number_connected_components(file.graph) == 2
    assert any(road["origin"] == "bridged" for road in file.roads)
    assert len(file.roads) > 50
    borders = NORTH - np.arange(STRIP_ROWS, SIDE, STRIP_ROWS)
    crossed = [
        road["line"].GetEnvelope()[2] < border < road["line"].GetEnvelope()[3]
        for road in file.roads
        for border in borders
    ]
    assert sum(crossed) > 20


def test_the_network_analysis_library_finds_the_shortest_ways(roads: Path, layer: QgsVectorLayer) -> None:
    file = RoadFile.read(roads)
    numbers = sorted(file.nodes)
    director = QgsVectorLayerDirector(layer, -1, "", "", "", QgsVectorLayerDirector.DirectionBoth)
    director.addStrategy(QgsNetworkDistanceStrategy())
    builder = QgsGraphBuilder(layer.crs(), False, EVERYWHERE)
    tied = director.makeGraph(builder, [QgsPointXY(*file.nodes[number]) for number in numbers])
    graph = builder.graph()
    vertex = {number: graph.findVertex(point) for number, point in zip(numbers, tied)}
    expected = dict(nx.all_pairs_dijkstra_path_length(file.graph, weight="length_m"))
    for start in numbers[::6]:
        _, costs = QgsGraphAnalyzer.dijkstra(graph, vertex[start], 0)
        for end in numbers:
            assert costs[vertex[end]] == pytest.approx(expected[start].get(end, float("inf")), rel=1e-6)


@pytest.mark.parametrize(("aside_m", "tolerance"), [(0.0, 1e-6), (0.4, 0.0)], ids=["on the nodes", "beside them"])
def test_the_shortest_path_algorithm_gives_the_lengths(
    roads: Path, layer: QgsVectorLayer, qgis_processing: None, aside_m: float, tolerance: float
) -> None:
    """With its own tolerance of 0 it can miss a node that is clicked exactly, and nobody clicks like that."""
    import processing

    file = RoadFile.read(roads)
    graph = file.graph
    connected = [pair for pair in pairs_of(file) if nx.has_path(graph, *pair)][::5]
    assert len(connected) > 10
    for pair in connected:
        places = [file.nodes[number] for number in pair]
        start, end = (f"{x + aside_m!r},{y - aside_m!r}" for x, y in places)
        options = {"INPUT": layer, "STRATEGY": 0, "START_POINT": start, "END_POINT": end, "TOLERANCE": tolerance}
        result = processing.run("native:shortestpathpointtopoint", {**options, "OUTPUT": "memory:"})
        (way,) = result["OUTPUT"].getFeatures()
        expected = nx.dijkstra_path_length(graph, *pair, weight="length")
        assert way.geometry().length() == pytest.approx(expected, rel=1e-6, abs=4 * aside_m)
