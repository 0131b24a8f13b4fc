"""Lengths in the GeoPackage are those that QGIS measures on the ellipsoid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsDistanceArea, QgsProject, QgsVectorLayer

from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.road_graph import RoadEdge, RoadGraph
from road_extractor_plugin.core.geopackage import write_roads

PLACES = [
    pytest.param("EPSG:32619", (330_000.0, 0.8, 0.0, 4_690_000.0, 0.0, -0.8), id="UTM"),
    pytest.param("EPSG:3857", (-7_900_000.0, 1.1, 0.0, 5_200_000.0, 0.0, -1.1), id="Web Mercator"),
    pytest.param("EPSG:3857", (1_000_000.0, 2.0, 0.0, 11_000_000.0, 0.0, -2.0), id="Web Mercator far north"),
    pytest.param("EPSG:4326", (-71.1, 1.2e-5, 0.0, 42.5, 0.0, -9e-6), id="degrees"),
]


@pytest.mark.parametrize(("crs", "geotransform"), PLACES)
def test_lengths_are_those_on_the_ellipsoid(tmp_path: Path, crs: str, geotransform: tuple[float, ...]) -> None:
    nodes = np.random.default_rng(5).uniform(0, 900, (12, 2))
    bend = np.array([450.0, 30.0])
    edges = tuple(RoadEdge(k, k + 1, np.array([nodes[k], bend, nodes[k + 1]]), 6.0, 1.0, 1.0) for k in range(11))
    reference = QgsCoordinateReferenceSystem(crs)
    grid = Grid(900, 900, geotransform, reference.toWkt(QgsCoordinateReferenceSystem.WKT_PREFERRED_GDAL), (1.0, 1.0))
    counts = write_roads(tmp_path / "roads.gpkg", RoadGraph(nodes, edges), (), grid)
    measure = QgsDistanceArea()
    measure.setSourceCrs(reference, QgsProject.instance().transformContext())
    measure.setEllipsoid("WGS84")
    roads = list(QgsVectorLayer(f"{tmp_path / 'roads.gpkg'}|layername=centerlines", "roads", "ogr").getFeatures())
    lengths_m = [measure.measureLength(road.geometry()) for road in roads]
    assert [road["length_m"] for road in roads] == pytest.approx(lengths_m, rel=1e-3)
    assert counts.length_km == pytest.approx(sum(lengths_m) / 1000, rel=1e-3)
