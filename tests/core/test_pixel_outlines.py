"""Outlines of pixels are those of GDAL."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osgeo import gdal, ogr
from scipy import ndimage

from road_extractor_plugin.compute import raster_rows
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.core.burning import MemoryLayer
from road_extractor_plugin.core.pixel_outlines import Rings, pixel_outlines

Mask = npt.NDArray[np.uint8]
Ring = tuple[tuple[float, ...], ...]


def by_gdal(mask: Mask) -> list[Rings]:
    raster = gdal.GetDriverByName("MEM").Create("", mask.shape[1], mask.shape[0], 1)
    raster.SetGeoTransform((0, 1, 0, 0, 0, 1))
    raster.WriteArray((mask == 1).astype(np.uint8))
    layer = MemoryLayer(ogr.wkbPolygon)
    gdal.Polygonize(raster.GetRasterBand(1), raster.GetRasterBand(1), layer.layer, 0)
    shapes = [feature.GetGeometryRef().Clone() for feature in layer.layer]
    return [
        tuple(np.array(shape.GetGeometryRef(index).GetPoints())[:, :2] for index in range(shape.GetGeometryCount()))
        for shape in shapes
    ]


def any_start(ring: npt.NDArray[np.float64]) -> Ring:
    """The same for rings that differ in start and direction only."""
    points = [tuple(point) for point in ring[:-1].tolist()]
    start = points.index(min(points))
    forwards = (*points[start:], *points[:start])
    return min(forwards, (forwards[0], *forwards[:0:-1]))


def in_any_order(polygons: list[Rings]) -> list[tuple[Ring, list[Ring]]]:
    return sorted((any_start(outline), sorted(map(any_start, holes))) for outline, *holes in polygons)


def is_valid(rings: Rings) -> bool:
    texts = ", ".join("(" + ", ".join(f"{x} {y}" for x, y in ring.tolist()) + ")" for ring in rings)
    return bool(ogr.CreateGeometryFromWkt(f"POLYGON ({texts})").IsValid())


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """From noise, full of corners that touch, to blobs."""
    size = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rough = ndimage.gaussian_filter(random.standard_normal(size), draw(st.sampled_from([0.0, 0.5, 1.0, 2.0])))
    mask = (rough > np.quantile(rough, draw(st.floats(0.05, 0.95)))).astype(np.uint8)
    mask[random.random(size) < draw(st.sampled_from([0.0, 0.02]))] = 255
    return mask


@settings(max_examples=150, deadline=None)
@given(masks(), st.sampled_from([1, 3, 1000]))
def test_they_are_those_of_gdal(mask: Mask, rows: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raster_rows, "STRIP_PX", rows * mask.shape[1])
        patch.setattr(raster_rows, "MIN_STRIP_ROWS", 1)
        found = pixel_outlines(ArrayRows(mask))
    assert in_any_order(found) == in_any_order(by_gdal(mask))
    assert all(map(is_valid, found))


def test_pieces_come_from_the_north() -> None:
    mask = np.zeros((9, 9), dtype=np.uint8)
    mask[1, 1:8] = mask[3:8, 2] = mask[3:8, 6] = 1
    assert [rings[0][0].tolist() for rings in pixel_outlines(ArrayRows(mask))] == [[1, 1], [2, 3], [6, 3]]


def test_holes_in_a_row_belong_to_the_piece_around_them() -> None:
    mask = np.ones((5, 13), dtype=np.uint8)
    mask[1:4, [1, 3, 5, 6, 7, 9, 11]] = 0
    mask[2, 6] = 1
    frame, island = pixel_outlines(ArrayRows(mask))
    assert len(frame) == 6
    assert len(island) == 1


def test_no_road() -> None:
    assert pixel_outlines(ArrayRows(np.full((3, 4), 255, dtype=np.uint8))) == []
