"""Metres on the ground, against the geodesics of pyproj."""

from __future__ import annotations

from typing import Callable

import numpy as np
import pytest

from road_extractor_plugin.core.ground import Ground

PLACES = {
    "Web Mercator at 51 degrees": ("EPSG:3857", 1_000_000.0, 6_600_000.0),
    "degrees at 60 degrees north": ("EPSG:4326", 15.0, 60.0),
    "degrees on the 180th meridian": ("EPSG:4326", 180.0, -17.0),
    "UTM at the zone's edge": ("EPSG:32633", 833_000.0, 100_000.0),
    "US survey feet": ("EPSG:2263", 1_000_000.0, 200_000.0),
    "polar stereographic at the pole": ("EPSG:5041", 2_000_000.0, 2_000_000.0),
    "gradians from Paris": ("EPSG:4807", 2.0, 50.0),
    "projected with heights": ("EPSG:7415", 100_000.0, 400_000.0),
}


def geodesic_m(crs: str, start: tuple[float, float], end: tuple[float, float]) -> float:
    pyproj = pytest.importorskip("pyproj")
    system = pyproj.CRS(crs)
    geographic = system.geodetic_crs
    to_geographic = pyproj.Transformer.from_crs(system, geographic, always_xy=True)
    unit = geographic.axis_info[0].unit_conversion_factor
    points = [np.degrees(np.array(to_geographic.transform(*point)[:2]) * unit) for point in (start, end)]
    return float(system.get_geod().inv(*points[0], *points[1])[2])


@pytest.mark.parametrize(("crs", "x", "y"), PLACES.values(), ids=PLACES)
def test_metres_per_unit_are_those_of_the_geodesic(crs: str, x: float, y: float, crs_wkt: Callable[[str], str]) -> None:
    step = 1e-4 if crs in {"EPSG:4326", "EPSG:4807"} else 10.0
    along_x, along_y = Ground(crs_wkt(crs)).metres_per_unit(x, y)
    assert along_x == pytest.approx(geodesic_m(crs, (x - step, y), (x + step, y)) / (2 * step), rel=1e-6)
    assert along_y == pytest.approx(geodesic_m(crs, (x, y - step), (x, y + step)) / (2 * step), rel=1e-6)


def test_web_mercator_metres_are_not_ground_metres(crs_wkt: Callable[[str], str]) -> None:
    # 60 degrees north: a metre of the map is about half a metre of ground.
    assert Ground(crs_wkt("EPSG:3857")).metres_per_unit(0, 8_399_738)[0] == pytest.approx(0.5, rel=0.01)


def test_a_rotated_raster_has_the_pixel_size_of_the_upright_one(crs_wkt: Callable[[str], str]) -> None:
    ground = Ground(crs_wkt("EPSG:32633"))
    turn = np.radians(30)
    cos, sin = 0.5 * np.cos(turn), 0.5 * np.sin(turn)
    upright = ground.pixel_size_m((5e5, 0.5, 0, 6e6, 0, -0.5), 5e5, 6e6)
    rotated = ground.pixel_size_m((5e5, cos, sin, 6e6, sin, -cos), 5e5, 6e6)
    assert rotated == pytest.approx(upright, rel=1e-9)


@pytest.mark.parametrize("length_m", [1.0, 1_000.0, 100_000.0])
@pytest.mark.parametrize("azimuth", [0, 45, 90], ids=["north", "northeast", "east"])
def test_line_lengths_are_those_of_the_geodesic(length_m: float, azimuth: float, crs_wkt: Callable[[str], str]) -> None:
    geod = pytest.importorskip("pyproj").Geod(ellps="WGS84")
    end = geod.fwd(10, 50, azimuth, length_m)[:2]
    line = np.array([[10.0, 50.0], end])
    lengths = Ground(crs_wkt("EPSG:4326")).line_lengths_m([line, line[::-1], np.vstack([line, line[:1]])])
    assert lengths == pytest.approx([length_m, length_m, 2 * length_m], rel=1e-7)


def test_no_lines_have_no_lengths(crs_wkt: Callable[[str], str]) -> None:
    assert Ground(crs_wkt("EPSG:4326")).line_lengths_m([]).size == 0


def test_area_scale_is_the_product_of_the_axes_where_they_are_square(crs_wkt: Callable[[str], str]) -> None:
    ground = Ground(crs_wkt("EPSG:4326"))
    places = np.array([[10.0, 0.0], [10.0, 45.0], [10.0, 80.0]])
    expected = [np.prod(ground.metres_per_unit(*place)) for place in places]
    assert ground.square_metres_per_unit(places) == pytest.approx(expected)


def test_an_unknown_crs_is_a_plane_of_the_size_given() -> None:
    ground = Ground("", flat_metres_per_unit=0.25)
    assert ground.metres_per_unit(3, 4) == pytest.approx((0.25, 0.25))
    assert ground.line_lengths_m([np.array([[0.0, 0.0], [30.0, 40.0]])]) == pytest.approx([12.5])
    assert ground.square_metres_per_unit([[7, 7]]) == pytest.approx([0.0625])


def test_an_engineering_crs_is_a_plane_of_its_unit() -> None:
    wkt = 'LOCAL_CS["site",UNIT["foot",0.3048],AXIS["E",EAST],AXIS["N",NORTH]]'
    assert Ground(wkt).metres_per_unit(0, 0) == pytest.approx((0.3048, 0.3048))


def test_a_geocentric_crs_is_refused(crs_wkt: Callable[[str], str]) -> None:
    with pytest.raises(ValueError, match="neither a projected nor a geographic"):
        Ground(crs_wkt("EPSG:4978"))
