"""As a mapper I need the lines to lie on the roads, whatever the coordinate reference system of my image."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from osgeo import gdal, osr


@pytest.fixture
def extracted(tmp_path: Path, scene: Any, drawn_road: Callable[..., Any], command: Any, tiny_model: Path) -> Any:
    """The drawn road, the folder of results and the report."""
    road = drawn_road("scene", scene.epsg, scene.geotransform, scene.metres_per_unit)
    run = command("extract", road.path, "-o", tmp_path / "out", "--model", tiny_model, "--json")
    assert run.status == 0, run.err
    return road, tmp_path / "out", run.report


def test_lines_lie_within_a_pixel_of_the_road(extracted: Any, features: Any, distance_m: Any) -> None:
    road, folder, _ = extracted
    lines = features(folder / "scene_roads.gpkg")
    assert len(lines) == 1
    assert distance_m(lines[0].points, road.line, road.metres_per_unit).max() <= 1.0


def test_the_line_is_as_long_and_wide_as_the_road(extracted: Any, features: Any) -> None:
    road, folder, _ = extracted
    ends = np.array(road.line) * road.metres_per_unit
    length_m = np.linalg.norm(ends[1] - ends[0])
    line = features(folder / "scene_roads.gpkg")[0]
    assert line["length_m"] == pytest.approx(length_m, rel=0.02)
    assert line["width_m"] == pytest.approx(9.0, abs=1.5)


def test_rasters_are_north_up_at_the_models_ground_resolution(extracted: Any) -> None:
    road, folder, report = extracted
    for name in ("scene_probability.tif", "scene_mask.tif"):
        dataset = gdal.Open(str(folder / name))
        gt = dataset.GetGeoTransform()
        assert (gt[2], gt[4]) == (0, 0)
        assert gt[1] * road.metres_per_unit[0] == pytest.approx(1.0, rel=0.02)
        assert -gt[5] * road.metres_per_unit[1] == pytest.approx(1.0, rel=0.02)
        assert dataset.GetMetadataItem("LAYOUT", "IMAGE_STRUCTURE") == "COG"
        assert dataset.GetRasterBand(1).GetNoDataValue() == 255
    assert report["grid_ground_resolution_m"] == pytest.approx(1.0, rel=0.02)


def test_mask_is_road_where_the_road_is(extracted: Any, distance_m: Any) -> None:
    road, folder, _ = extracted
    dataset = gdal.Open(str(folder / "scene_mask.tif"))
    gt, mask = dataset.GetGeoTransform(), dataset.ReadAsArray()
    rows, columns = np.nonzero(mask == 1)
    centres = np.stack([gt[0] + (columns + 0.5) * gt[1], gt[3] + (rows + 0.5) * gt[5]], axis=-1)
    assert len(centres) > 1500
    # Half the road, a pixel of the network's blur and a pixel of resampling.
    assert distance_m(centres, road.line, road.metres_per_unit).max() <= 4.5 + 2.0


def test_everything_has_the_rasters_crs(extracted: Any, features: Any, scene: Any) -> None:
    _, folder, _ = extracted
    expected = osr.SpatialReference()
    expected.ImportFromEPSG(scene.epsg)
    for name in ("scene_probability.tif", "scene_mask.tif"):
        dataset = gdal.Open(str(folder / name))
        assert dataset.GetSpatialRef().IsSame(expected, ["IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES"])
    for layer in ("centerlines", "nodes", "polygons"):
        assert features(folder / "scene_roads.gpkg", layer)[0].epsg == str(scene.epsg)
