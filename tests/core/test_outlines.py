"""Smooth outlines hold what the outlines along the edges of pixels held."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osgeo import gdal, ogr
from scipy import ndimage

from road_extractor_plugin.contract.grid import Window
from road_extractor_plugin.core.burning import MemoryLayer
from road_extractor_plugin.core.outlines import without_steps
from road_extractor_plugin.core.polygons import RoadPolygon

Mask = npt.NDArray[np.bool_]


def outlines(mask: Mask) -> list[RoadPolygon]:
    """Polygons of a mask along the edges of pixels, by GDAL."""
    raster = gdal.GetDriverByName("MEM").Create("", mask.shape[1], mask.shape[0], 1)
    raster.SetGeoTransform((0, 1, 0, 0, 0, 1))
    raster.WriteArray(mask.astype(np.uint8))
    layer = MemoryLayer(ogr.wkbPolygon)
    gdal.Polygonize(raster.GetRasterBand(1), raster.GetRasterBand(1), layer.layer, 0)
    shapes = [feature.GetGeometryRef().Clone() for feature in layer.layer]
    return [
        RoadPolygon(
            tuple(np.array(s.GetGeometryRef(k).GetPoints())[:, :2] for k in range(s.GetGeometryCount())), s.Area(), 1.0
        )
        for s in shapes
    ]


def shape(polygon: RoadPolygon) -> ogr.Geometry:
    rings = ", ".join("(" + ", ".join(f"{x} {y}" for x, y in ring.tolist()) + ")" for ring in polygon.rings)
    return ogr.CreateGeometryFromWkt(f"POLYGON ({rings})")


def burned(polygons: tuple[RoadPolygon, ...], mask: Mask) -> Mask:
    layer = MemoryLayer(ogr.wkbPolygon)
    for polygon in polygons:
        layer.add(shape(polygon))
    found: Mask = layer.burn(Window(0, 0, *mask.shape)) == 1
    return found


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """From single pixels to blobs, with slanting roads across."""
    size = draw(st.integers(3, 60)), draw(st.integers(3, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rough = ndimage.gaussian_filter(random.standard_normal(size), draw(st.floats(0.0, 3.0)))
    mask: Mask = rough > np.quantile(rough, draw(st.floats(0.3, 0.95)))
    y, x = np.mgrid[: size[0], : size[1]]
    for _ in range(draw(st.integers(0, 3))):
        angle = random.uniform(0, np.pi)
        across = (x - random.uniform(0, size[1])) * np.cos(angle) + (y - random.uniform(0, size[0])) * np.sin(angle)
        mask |= np.abs(across) < random.uniform(0.5, 4)
    return mask


@given(masks())
@settings(max_examples=300)
def test_smooth_outlines_hold_the_same_pixels(mask: Mask) -> None:
    exact = outlines(mask)
    smooth = without_steps(exact)
    assert np.array_equal(burned(tuple(exact), mask), mask)
    assert np.array_equal(burned(smooth, mask), mask)


@given(masks())
@settings(max_examples=150)
def test_smooth_outlines_are_valid_and_near(mask: Mask) -> None:
    exact = outlines(mask)
    for before, after in zip(exact, without_steps(exact)):
        one, other = shape(before), shape(after)
        assert other.IsValid()
        assert len(before.rings) == len(after.rings)
        assert one.Boundary().Buffer(0.501).Contains(other.Boundary())
        assert other.Boundary().Buffer(0.501).Contains(one.Boundary())


@given(masks())
@settings(max_examples=100)
def test_what_touches_goes_on_to_touch_and_nothing_overlaps(mask: Mask) -> None:
    exact = outlines(mask)
    before, after = ([shape(polygon) for polygon in some] for some in (exact, without_steps(exact)))
    for one in range(len(before)):
        for other in range(one):
            assert before[one].Touches(before[other]) == after[one].Touches(after[other])
            assert after[one].Touches(after[other]) == after[one].Intersects(after[other])


@pytest.mark.parametrize("slope", [0.0, 0.08, 0.15, 0.25, 0.4, 0.7, 1.0])
def test_a_slanting_road_keeps_its_area_and_becomes_straight(slope: float) -> None:
    y, x = np.mgrid[:260, :240] + 0.5
    mask = (np.abs(y - 10.3 - slope * x) < 4.5) & (x > 8) & (x < 231)
    (before,) = outlines(mask)
    (after,) = without_steps([before])
    assert shape(after).Area() == pytest.approx(mask.sum(), rel=0.002)
    assert shape(after).Boundary().Length() == pytest.approx(
        2 * 223 * np.hypot(1, slope) + 18 * np.hypot(1, slope), rel=0.03
    )


def test_a_disc_keeps_its_area() -> None:
    y, x = np.mgrid[:120, :120] + 0.5
    mask = np.hypot(x - 60.2, y - 59.7) < 40
    (after,) = without_steps(outlines(mask))
    assert shape(after).Area() == pytest.approx(mask.sum(), rel=0.003)
    assert shape(after).Boundary().Length() == pytest.approx(2 * np.pi * 40, rel=0.03)


def test_one_pixel_stays_one() -> None:
    (after,) = without_steps(outlines(np.pad(np.ones((1, 1), dtype=bool), 2)))
    assert shape(after).Area() == pytest.approx(0.5)


def test_no_polygons() -> None:
    assert without_steps([]) == ()
