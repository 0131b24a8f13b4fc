"""The network in files of one layer each; FlatGeobuf stands in where GDAL has no Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr

from road_extractor_plugin.contract.batch import BatchRequest
from road_extractor_plugin.contract.errors import OutputError, RequestError
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.road_graph import RoadEdge, RoadGraph
from road_extractor_plugin.core.geopackage import write_roads
from road_extractor_plugin.core.geoparquet import LAYERS, require_driver, write_layers


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


@pytest.mark.parametrize(("driver", "suffix"), [("FlatGeobuf", ".fgb"), ("Parquet", ".parquet")])
def test_the_same_features(roads: Path, driver: str, suffix: str) -> None:
    if gdal.GetDriverByName(driver) is None:
        pytest.skip(f"this GDAL has no {driver}")
    paths = write_layers(roads, driver, suffix)
    assert write_layers(roads, driver, suffix) == paths
    assert [path.name for path in paths] == [f"merged_roads_{layer}{suffix}" for layer in LAYERS]
    assert not list(roads.parent.glob(".*"))
    source = ogr.Open(str(roads))
    for layer, path in zip(LAYERS, paths):
        copy = ogr.Open(str(path))
        expected = source.GetLayerByName(layer)
        made = copy.GetLayer(0)
        assert made.GetSpatialRef().IsSame(expected.GetSpatialRef())
        assert content(made) == content(expected)


def content(layer: ogr.Layer) -> list[str]:
    """All features; some formats sort them by place."""
    return sorted(f"{feature.items()} {feature.geometry().ExportToWkt()}" for feature in layer)


def test_a_gdal_without_the_driver() -> None:
    with pytest.raises(OutputError, match="cannot write NoSuchFormat"):
        require_driver("NoSuchFormat")


def test_an_unknown_format(tmp_path: Path) -> None:
    each = ExtractRequest(raster=tmp_path, output_folder=tmp_path, model=tmp_path)
    with pytest.raises(RequestError, match="one of gpkg, parquet"):
        BatchRequest(tmp_path, tmp_path, each, merged_format="shp")
