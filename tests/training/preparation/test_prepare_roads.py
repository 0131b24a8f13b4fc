from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import pytest
from osgeo import osr
from scipy import ndimage

from model_training.errors import DatasetError
from model_training.preparation.road_surface import RoadSurface, local_utm
from model_training.preparation.settings import RoadStyle
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.grid import Grid, Window
from road_extractor_plugin.core.ground import Ground, spatial_reference

WriteRoads = Callable[..., Path]
WGS84 = osr.SRS_WKT_WGS84_LAT_LONG
DEGREE_PX = 2.7e-6


def degrees_grid(latitude: float = 36.24) -> Grid:
    """200 x 300 pixels as those of SpaceNet: 0.3 m from north to south, less from west to east."""
    geotransform = (-115.17, DEGREE_PX, 0.0, latitude, 0.0, -DEGREE_PX)
    return Grid(300, 200, geotransform, WGS84, Ground(WGS84).pixel_size_m(geotransform, -115.17, latitude))


def line(grid: Grid, start: tuple[float, float], end: tuple[float, float]) -> str:
    """A line between two places in pixels (column, row)."""
    west, x_size, _, north, _, y_size = grid.geotransform
    points = [f"{west + column * x_size:.12f} {north + row * y_size:.12f}" for column, row in (start, end)]
    return f"LINESTRING ({', '.join(points)})"


def drawn(path: Path, style: RoadStyle, grid: Grid) -> np.ndarray:
    return RoadSurface(path, style, grid, grid.window, max(grid.pixel_size_m)).read(grid.window)


@pytest.mark.parametrize("latitude", [36.24, 60.17, -33.9])
def test_roads_are_as_wide_in_metres_along_both_axes(tmp_path: Path, write_roads: WriteRoads, latitude: float) -> None:
    grid = degrees_grid(latitude)
    across, down = line(grid, (-50, 100), (350, 100)), line(grid, (150, -50), (150, 250))
    for wkt, axis, pixel_m in ((across, 0, grid.pixel_size_m[1]), (down, 1, grid.pixel_size_m[0])):
        road = drawn(write_roads(tmp_path / f"{axis}.geojson", [wkt]), RoadStyle(width_m=6.0), grid)
        widths_m = road.sum(axis=axis) * pixel_m
        assert np.abs(widths_m - 6.0).max() <= pixel_m


def test_a_width_field_goes_before_the_default(tmp_path: Path, write_roads: WriteRoads) -> None:
    grid = degrees_grid()
    lines = [line(grid, (-50, row), (350, row)) for row in (50, 100, 150)]
    path = write_roads(tmp_path / "roads.gpkg", lines, width=[12.0, 0.0, None])
    road = drawn(path, RoadStyle(width_m=3.0, width_field="width"), grid)
    widths_m = [road[row - 25 : row + 25, 150].sum() * grid.pixel_size_m[1] for row in (50, 100, 150)]
    assert widths_m == pytest.approx([12.0, 3.0, 3.0], abs=grid.pixel_size_m[1])


def test_overlapping_roads_cut_no_holes_and_polygons_are_kept(tmp_path: Path, write_roads: WriteRoads) -> None:
    grid = degrees_grid()
    west, x_size, _, north, _, y_size = grid.geotransform
    corners = [(100, 80), (200, 80), (200, 120), (100, 120), (100, 80)]
    ring = ", ".join(f"{west + column * x_size:.12f} {north + row * y_size:.12f}" for column, row in corners)
    path = write_roads(tmp_path / "roads.geojson", [f"POLYGON (({ring}))", line(grid, (150, -10), (150, 210))])
    road = drawn(path, RoadStyle(width_m=4.0), grid)
    assert road[80:120, 100:200].all()
    assert not road[90, :95].any()
    assert road[:, 150].all()


@pytest.mark.parametrize("slope", [0, 37, 100, 170])
def test_the_narrowest_road_is_not_broken(tmp_path: Path, write_roads: WriteRoads, slope: int) -> None:
    grid = degrees_grid()
    path = write_roads(tmp_path / "roads.geojson", [line(grid, (5, 10), (290, 10 + slope))])
    road = drawn(path, RoadStyle(width_m=0.01), grid)
    assert ndimage.label(road, np.ones((3, 3)))[1] == 1
    assert road.any(axis=0)[6:289].all()


def test_only_features_asked_for_are_roads(tmp_path: Path, write_roads: WriteRoads) -> None:
    grid = degrees_grid()
    lines = [line(grid, (-10, row), (310, row)) for row in (50, 150)]
    path = write_roads(tmp_path / "roads.gpkg", lines, kind=["street", "path"])
    road = drawn(path, RoadStyle(width_m=4.0, where="kind <> 'path'"), grid)
    assert road[50].all()
    assert not road[150].any()


def test_a_file_without_roads_draws_none(tmp_path: Path, write_roads: WriteRoads) -> None:
    grid = degrees_grid()
    empty = tmp_path / "empty.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    far = write_roads(tmp_path / "far.geojson", ["LINESTRING (10 10, 11 11)"])
    for path in (empty, far):
        assert not drawn(path, RoadStyle(width_m=4.0), grid).any()


def test_roads_are_the_same_in_every_window(tmp_path: Path, write_roads: WriteRoads) -> None:
    grid = degrees_grid()
    path = write_roads(tmp_path / "roads.geojson", [line(grid, (5, 10), (290, 190)), line(grid, (290, 10), (5, 190))])
    whole = drawn(path, RoadStyle(width_m=4.0), grid)
    for window in (Window(0, 0, 64, 64), Window(70, 120, 64, 64), Window(136, 236, 64, 64)):
        part = RoadSurface(path, RoadStyle(width_m=4.0), grid, window, max(grid.pixel_size_m)).read(window)
        rows, columns = slice(window.row, window.row + 64), slice(window.column, window.column + 64)
        assert (part == whole[rows, columns]).all()


@pytest.mark.parametrize(
    ("style", "sentence"),
    [
        (RoadStyle(4.0, layer="lanes"), r"has no layer 'lanes'. It has roads"),
        (RoadStyle(4.0, width_field="breite"), r"has no field 'breite'. It has kind"),
        (RoadStyle(4.0, where="nothing = 1"), r"cannot be read as roads .*--where"),
    ],
    ids=["layer", "field", "where"],
)
def test_what_the_file_does_not_have_is_named(
    tmp_path: Path, write_roads: WriteRoads, style: RoadStyle, sentence: str
) -> None:
    grid = degrees_grid()
    path = write_roads(tmp_path / "roads.gpkg", [line(grid, (0, 0), (10, 10))], kind=["street"])
    with pytest.raises(DatasetError, match=sentence):
        drawn(path, style, grid)


def test_no_vector_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "roads.geojson").write_text("no roads")
    with pytest.raises(DatasetError, match=r"roads\.geojson' cannot be read as roads"):
        drawn(tmp_path / "roads.geojson", RoadStyle(4.0), degrees_grid())


@pytest.mark.parametrize(
    ("longitude", "latitude", "code"),
    [(-115.17, 36.24, "32611"), (2.28, 48.98, "32631"), (151.2, -33.9, "32756"), (180.0, 10.0, "32601")],
)
def test_the_utm_zone_is_the_local_one(longitude: float, latitude: float, code: str) -> None:
    crs = local_utm(spatial_reference(WGS84), (longitude, latitude, longitude, latitude))
    expected = osr.SpatialReference()
    expected.ImportFromEPSG(int(code))
    assert crs.IsSame(expected)


def test_a_road_without_width_is_refused() -> None:
    with pytest.raises(RequestError, match="--road-width"):
        RoadStyle(0.0)
