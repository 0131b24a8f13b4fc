"""The layers of the GeoPackage: what is in them, where it lies, and how QGIS finds their styles."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.contract.errors import DiskFullError
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.result import RoadCounts
from road_extractor_plugin.contract.road_graph import RoadEdge, RoadGraph
from road_extractor_plugin.core.gdal_binding import ogr
from road_extractor_plugin.core.geopackage import add_missing_imagery, write_roads
from road_extractor_plugin.core.polygons import RoadPolygon
from road_extractor_plugin.core.raster_grid import Bounds

MakeGrid = Callable[..., Grid]

NODES = np.array([[10.5, 10.5], [40.5, 50.5], [70.5, 10.5], [5.5, 80.5], [9.5, 80.5]])


def edge(
    start: int, end: int, *between: tuple[float, float], width_px: float = 6.0, confidence: float = 0.8
) -> RoadEdge:
    points = np.array([NODES[start], *between, NODES[end]], dtype=np.float64)
    return RoadEdge(start, end, points, width_px, confidence, confidence / 2)


def y_junction() -> RoadGraph:
    """Two parallel edges and one more from node 1, a loop at node 2, and a piece on its own."""
    return RoadGraph(
        NODES,
        (
            edge(0, 1),
            edge(0, 1, (10.5, 50.5), confidence=0.2),
            edge(1, 2),
            edge(2, 2, (80.5, 10.5), (80.5, 20.5)),
            edge(3, 4, width_px=3.0),
        ),
    )


def square_with_hole() -> RoadPolygon:
    outline = np.array([[0, 0], [0, 9], [9, 9], [9, 0], [0, 0]], dtype=float)
    return RoadPolygon((outline, outline / 3 + 3), 72.0, 0.75)


def layer_rows(path: Path, name: str) -> list[dict[str, Any]]:
    dataset = ogr.Open(str(path))
    layer = dataset.GetLayerByName(name)
    return [{**feature.items(), "wkt": feature.GetGeometryRef().ExportToIsoWkt()} for feature in layer]


@pytest.fixture
def written(tmp_path: Path, grid: MakeGrid) -> tuple[Path, RoadCounts]:
    path = tmp_path / "scene_roads.gpkg"
    return path, write_roads(path, y_junction(), (square_with_hole(),), grid(100, 100))


def test_centerlines_have_their_fields(written: Any) -> None:
    rows = layer_rows(written[0], "centerlines")
    assert [(row["road_id"], row["from_node"], row["to_node"], row["component_id"]) for row in rows] == [
        (1, 1, 2, 1),
        (2, 1, 2, 1),
        (3, 2, 3, 1),
        (4, 3, 3, 1),
        (5, 4, 5, 2),
    ]
    first = rows[0]
    assert first["length_m"] == pytest.approx(50 / 0.9996, rel=1e-6)
    assert first["width_m"] == pytest.approx(6 / 0.9996, rel=1e-6)
    assert (first["confidence"], first["min_confidence"], first["origin"], first["crossing"]) == (
        0.8,
        0.4,
        "detected",
        False,
    )


def test_lines_lie_where_the_grid_says(written: Any) -> None:
    assert layer_rows(written[0], "centerlines")[1]["wkt"] == (
        "LINESTRING (500010.5 5999989.5,500010.5 5999949.5,500040.5 5999949.5)"
    )


def test_nodes_count_the_ends_of_edges(written: Any) -> None:
    rows = layer_rows(written[0], "nodes")
    assert [(row["node_id"], row["degree"]) for row in rows] == [(1, 2), (2, 3), (3, 3), (4, 1), (5, 1)]
    assert rows[2]["wkt"] == "POINT (500070.5 5999989.5)"


def test_polygons_keep_their_holes(written: Any) -> None:
    (row,) = layer_rows(written[0], "polygons")
    assert (row["area_m2"], row["confidence"]) == (72.0, 0.75)
    geometry = ogr.CreateGeometryFromWkt(row["wkt"])
    assert geometry.IsValid()
    assert geometry.Area() == pytest.approx(72.0)


def test_counts_say_what_is_in_the_file(written: Any) -> None:
    path, counts = written
    rows = layer_rows(path, "centerlines")
    lengths = np.array([row["length_m"] for row in rows])
    assert (counts.centerlines, counts.nodes, counts.polygons, counts.components) == (5, 5, 1, 2)
    assert counts.length_km == pytest.approx(lengths.sum() / 1000)
    assert counts.mean_width_m == pytest.approx(np.average([row["width_m"] for row in rows], weights=lengths))
    assert counts.mean_confidence == pytest.approx(np.average([row["confidence"] for row in rows], weights=lengths))


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3857", "EPSG:4326", "ESRI:102003"])
def test_layers_have_the_grids_crs_and_an_index(crs: str, tmp_path: Path, grid: MakeGrid) -> None:
    place = grid(100, 100, crs=crs, geotransform=(10.0, 1e-5, 0.0, 60.0, 0.0, -1e-5))
    write_roads(tmp_path / "roads.gpkg", y_junction(), (), place)
    dataset = ogr.Open(str(tmp_path / "roads.gpkg"))
    for name, kind in (("centerlines", ogr.wkbLineString), ("nodes", ogr.wkbPoint), ("polygons", ogr.wkbPolygon)):
        layer = dataset.GetLayerByName(name)
        assert layer.GetGeomType() == kind
        assert layer.GetSpatialRef().GetAuthorityCode(None) == crs.split(":")[1]
        assert layer.TestCapability(ogr.OLCFastSpatialFilter)


def test_no_roads_give_three_empty_layers(tmp_path: Path, grid: MakeGrid) -> None:
    counts = write_roads(tmp_path / "roads.gpkg", RoadGraph(np.zeros((0, 2)), ()), (), grid(10, 10))
    assert counts == RoadCounts(0, 0, 0, 0, 0.0, 0.0, 0.0)
    dataset = ogr.Open(str(tmp_path / "roads.gpkg"))
    for name in ("centerlines", "nodes", "polygons"):
        assert dataset.GetLayerByName(name).GetFeatureCount() == 0


def test_without_crs_lengths_follow_the_given_pixel_size(tmp_path: Path) -> None:
    place = Grid(100, 100, (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), "", (0.5, 0.5))
    counts = write_roads(tmp_path / "roads.gpkg", RoadGraph(NODES[:2], (edge(0, 1),)), (), place)
    assert counts.length_km == pytest.approx(0.025)
    assert counts.mean_width_m == pytest.approx(3.0)


def test_styles_are_stored_as_qgis_looks_for_them(tmp_path: Path, grid: MakeGrid) -> None:
    write_roads(tmp_path / "roads.gpkg", y_junction(), (), grid(100, 100))
    with sqlite3.connect(tmp_path / "roads.gpkg") as database:
        rows = database.execute(
            "SELECT f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, useAsDefault,"
            " update_time IS NOT NULL, styleQML FROM layer_styles"
        ).fetchall()
        columns = database.execute("SELECT column_name FROM gpkg_geometry_columns").fetchall()
    assert [row[:-1] for row in rows] == [
        ("", "", name, "geom", name, 1, 1) for name in ("centerlines", "nodes", "polygons")
    ]
    assert all("<qgis" in row[-1] for row in rows)
    assert set(columns) == {("geom",)}


def test_missing_imagery_is_one_more_layer(tmp_path: Path, grid: MakeGrid) -> None:
    place, path = grid(100, 100), tmp_path / "roads.gpkg"
    write_roads(path, y_junction(), (), place)
    add_missing_imagery(path, [(Bounds(500010, 5999950, 500030, 5999980), "HTTP 404")], place)
    dataset = ogr.Open(str(path))
    (feature,) = dataset.GetLayerByName("missing_imagery")
    assert feature["reason"] == "HTTP 404"
    assert feature.GetGeometryRef().GetEnvelope() == (500010, 500030, 5999950, 5999980)
    assert dataset.GetLayerByName("missing_imagery").GetSpatialRef().GetAuthorityCode(None) == "32633"
    assert dataset.GetLayerByName("layer_styles").GetFeatureCount() == 4
    assert dataset.GetLayerByName("nodes").GetFeatureCount() == len(NODES)


def test_a_full_disk_is_told(small_disk: Path, grid: MakeGrid) -> None:
    nodes = np.random.default_rng(2).random((20_000, 2)) * 100
    edges = tuple(RoadEdge(i, i + 1, nodes[i : i + 2], 5.0, 0.5, 0.5) for i in range(len(nodes) - 1))
    with pytest.raises(DiskFullError, match="small_disk"):
        write_roads(small_disk / "roads.gpkg", RoadGraph(nodes, edges), (), grid(100, 100))
