"""Areas from files, in another CRS, and on a grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_extractor_plugin.contract.errors import AreaError
from road_extractor_plugin.contract.grid import Window
from road_extractor_plugin.contract.request import Area
from road_extractor_plugin.core.area import AreaMask, area_in_crs, read_area
from road_extractor_plugin.core.gdal_binding import ogr

SQUARE = [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]
BESIDE = [[[2, 0], [3, 0], [3, 1], [2, 1], [2, 0]]]
BOW_TIE = [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]


def write_geojson(path: Path, *geometries: tuple[str, Any]) -> Path:
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": kind, "coordinates": coordinates}}
        for kind, coordinates in geometries
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.mark.parametrize(
    ("geometries", "square_degrees"),
    [
        ([("Polygon", SQUARE)], 4.0),
        ([("Polygon", SQUARE), ("Polygon", BESIDE)], 5.0),
        ([("MultiPolygon", [SQUARE, BESIDE]), ("Point", [9, 9]), ("LineString", [[0, 0], [9, 9]])], 5.0),
        ([("Polygon", SQUARE), ("Polygon", SQUARE)], 4.0),
        ([("Polygon", BOW_TIE)], 2.0),
        ([("Polygon", [[[*point, 100.0] for point in SQUARE[0]]])], 4.0),
    ],
    ids=["one", "two side by side", "beside points and lines", "twice the same", "self-intersecting", "with heights"],
)
def test_an_area_is_the_union_of_a_files_polygons(geometries: Any, square_degrees: float, tmp_path: Path) -> None:
    area = read_area(write_geojson(tmp_path / "area.geojson", *geometries))
    polygon = ogr.CreateGeometryFromWkt(area.wkt)
    assert polygon.IsValid()
    assert polygon.Area() == pytest.approx(square_degrees)
    assert not polygon.Is3D()
    assert area.crs_wkt.startswith('GEOGCRS["WGS 84"')


def test_files_without_polygons_are_refused(tmp_path: Path) -> None:
    lines = write_geojson(tmp_path / "lines.geojson", ("LineString", [[0, 0], [9, 9]]))
    with pytest.raises(AreaError, match=r"lines.geojson' has no polygons\. Give a vector file"):
        read_area(lines)


def test_what_is_no_vector_file_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "area.gpkg"
    text.write_text("no")
    for path in (text, tmp_path / "nowhere.shp"):
        with pytest.raises(AreaError, match="Cannot read"):
            read_area(path)


def test_long_edges_follow_the_other_crs(crs_wkt: Callable[[str], str]) -> None:
    # Along a parallel: a straight line in degrees, in UTM it hangs 4.4 km below its ends.
    strip = Area("POLYGON((12 50, 18 50, 18 50.001, 12 50.001, 12 50))", crs_wkt("EPSG:4326"))
    polygons = area_in_crs(strip, crs_wkt("EPSG:32633"))
    _, _, south, north = polygons.GetEnvelope()
    assert north - south > 4_000


def test_polygons_that_overlap_count_once(crs_wkt: Callable[[str], str]) -> None:
    area = Area("MULTIPOLYGON(((0 0, 4 0, 4 4, 0 4, 0 0)), ((2 2, 6 2, 6 6, 2 6, 2 2)))", "")
    assert area_in_crs(area, crs_wkt("EPSG:32633")).Area() == pytest.approx(28.0)


def test_x_comes_before_y_whatever_the_authority_says(crs_wkt: Callable[[str], str]) -> None:
    area = Area("POLYGON((15 50, 15.1 50, 15.1 50.1, 15 50))", crs_wkt("EPSG:4326"))
    west, _, south, _ = area_in_crs(area, crs_wkt("EPSG:32633")).GetEnvelope()
    assert (west, south) == pytest.approx((500_000, 5_538_630), abs=1.0)


@pytest.mark.parametrize(
    ("wkt", "problem"),
    [
        ("LINESTRING(0 0, 1 1)", "has no polygon"),
        ("POLYGON((0 0, 1 1", "cannot be placed"),
        ("POLYGON((15 50, 16 50, 16 51, 15 50))", "cannot be placed .*the raster has none"),
    ],
    ids=["a line", "broken text", "a raster without CRS"],
)
def test_areas_that_cannot_be_placed_are_refused(wkt: str, problem: str, crs_wkt: Callable[[str], str]) -> None:
    with pytest.raises(AreaError, match=problem):
        area_in_crs(Area(wkt, crs_wkt("EPSG:4326")), "")


COORDINATES = st.tuples(st.integers(0, 240), st.integers(0, 240))


@settings(max_examples=80)
@given(
    corners=st.lists(COORDINATES, min_size=3, max_size=7, unique=True),
    row=st.integers(-20, 40),
    column=st.integers(-20, 40),
)
def test_a_pixel_is_inside_or_outside_alike_in_every_window(
    corners: list[tuple[int, int]], row: int, column: int
) -> None:
    ring = ", ".join(f"{500_000 + x / 4} {6_000_000 - y / 4}" for x, y in (*corners, corners[0]))
    polygon = ogr.CreateGeometryFromWkt(f"POLYGON(({ring}))")
    mask = AreaMask(polygon, (500_000.0, 1.0, 0.0, 6_000_000.0, 0.0, -1.0))
    whole = mask.read(Window(-20, -20, 100, 100))
    assert (mask.read(Window(row, column, 17, 29)) == whole[row + 20 : row + 37, column + 20 : column + 49]).all()


def test_pixels_inside_are_those_whose_centre_is() -> None:
    polygon = ogr.CreateGeometryFromWkt("POLYGON((0.6 -0.6, 3.4 -0.6, 3.4 -2.4, 0.6 -2.4, 0.6 -0.6))")
    inside = AreaMask(polygon, (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)).read(Window(0, 0, 4, 4))
    assert inside.astype(int).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_a_reduced_window_covers_the_same_place() -> None:
    polygon = ogr.CreateGeometryFromWkt("POLYGON((0 0, 32 0, 32 -64, 0 -64, 0 0))")
    inside = AreaMask(polygon, (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)).read(Window(0, 0, 64, 64), (8, 8))
    assert (inside == (np.arange(8) < 4)).all()
