"""The network in Parquet files of one layer each, read back by pyarrow and by geopandas where they are installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import ogr, osr

from road_extractor_plugin.contract.batch import BatchRequest
from road_extractor_plugin.contract.errors import OutputError, RequestError
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.road_graph import RoadEdge, RoadGraph
from road_extractor_plugin.core import geoparquet
from road_extractor_plugin.core.geopackage import write_roads
from road_extractor_plugin.core.geoparquet import LAYERS, require_pyarrow, write_layers


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    """One road between two nodes."""
    points = np.array([[1.0, 1.0], [8.0, 5.0]])
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32632)
    grid = Grid(10, 10, (500_000.0, 1.0, 0.0, 5_000_000.0, 0.0, -1.0), crs.ExportToWkt(), (1.0, 1.0))
    edge = RoadEdge(0, 1, points, width_px=3.0, confidence=0.9, min_confidence=0.8)
    write_roads(tmp_path / "merged_roads.gpkg", RoadGraph(points, (edge,)), (), grid)
    return tmp_path / "merged_roads.gpkg"


def expected(roads: Path, layer: str) -> list[dict[str, Any]]:
    """All features as plain values."""
    source = ogr.Open(str(roads))
    return [
        {**feature.items(), "geometry": bytes(feature.geometry().ExportToIsoWkb())}
        for feature in source.GetLayerByName(layer)
    ]


def test_the_same_features(roads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(geoparquet, "_ROWS_AT_ONCE", 1)  # two nodes, so two batches
    paths = write_layers(roads)
    assert write_layers(roads) == paths
    assert [path.name for path in paths] == [f"merged_roads_{layer}.parquet" for layer in LAYERS]
    assert not list(roads.parent.glob(".*"))
    for layer, path in zip(LAYERS, paths):
        assert parquet.read_table(path).to_pylist() == expected(roads, layer)
    lines = parquet.read_schema(paths[0])
    assert str(lines.field("road_id").type) == "int32"
    assert str(lines.field("origin").type) == "string"
    geo = json.loads(lines.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    column = geo["columns"]["geometry"]
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["LineString"])
    assert column["bbox"] == [500_001, 4_999_995, 500_008, 4_999_999]
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 32632}
    assert "bbox" not in json.loads(parquet.read_schema(paths[2]).metadata[b"geo"])["columns"]["geometry"]


def test_another_library_reads_it(roads: Path) -> None:
    pytest.importorskip("pyarrow.parquet")
    geopandas = pytest.importorskip("geopandas")
    lines, nodes, polygons = (geopandas.read_parquet(path) for path in write_layers(roads))
    assert (len(lines), len(nodes), len(polygons)) == (1, 2, 0)
    assert lines.crs.to_epsg() == 32632
    assert lines.geometry.iloc[0].wkt == "LINESTRING (500001 4999999, 500008 4999995)"
    assert lines["confidence"].iloc[0] == 0.9


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OutputError, match=r"needs the library 'pyarrow'.*pip install pyarrow"):
        require_pyarrow()


def test_an_unknown_format(tmp_path: Path) -> None:
    each = ExtractRequest(raster=tmp_path, output_folder=tmp_path, model=tmp_path)
    with pytest.raises(RequestError, match="one of gpkg, parquet"):
        BatchRequest(tmp_path, tmp_path, each, merged_format="shp")
