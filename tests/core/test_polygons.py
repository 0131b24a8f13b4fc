"""Road surfaces as polygons, against labelling by SciPy."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest
import scipy.ndimage

from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.core.ground import Ground
from road_extractor_plugin.core.polygons import RoadPolygon, road_polygons

UInt8 = npt.NDArray[np.uint8]
Polygonised = Callable[..., tuple[RoadPolygon, ...]]


@pytest.fixture
def polygonised(grid: Callable[..., Grid]) -> Polygonised:
    """A maker of polygons: (mask, probability, **grid) -> polygons."""

    def make(mask: UInt8, probability: UInt8, **where: Any) -> tuple[RoadPolygon, ...]:
        place = grid(*mask.shape, **where)
        return road_polygons(ArrayRows(mask), ArrayRows(probability), place)

    return make


def signed_area(ring: npt.NDArray[np.float64]) -> float:
    x, y = ring.T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def blobs(height: int, width: int) -> tuple[UInt8, UInt8]:
    """A mask with holes, corners that touch and nodata, over more than one strip; and a probability."""
    random = np.random.default_rng(11)
    smooth = scipy.ndimage.gaussian_filter(random.random((height, width)), 1.5)
    mask = (smooth > 0.52).astype(np.uint8)
    mask[:, :9] = 255
    return mask, random.integers(0, 255, (height, width), dtype=np.uint8)


def test_polygons_are_the_four_connected_pieces(polygonised: Polygonised) -> None:
    mask, probability = blobs(700, 80)
    labels, count = scipy.ndimage.label(mask == 1)
    pixels = scipy.ndimage.sum_labels(mask == 1, labels, range(1, count + 1))
    means = scipy.ndimage.mean(probability, labels, range(1, count + 1)) / 254
    polygons = polygonised(mask, probability)
    found = sorted(
        (abs(signed_area(p.rings[0])) - sum(abs(signed_area(hole)) for hole in p.rings[1:]), p.confidence)
        for p in polygons
    )
    assert len(polygons) > 30
    assert np.array(found) == pytest.approx(np.array(sorted(zip(pixels, means))))


def test_outlines_run_along_the_edges_of_pixels(polygonised: Polygonised) -> None:
    mask = np.zeros((4, 5), dtype=np.uint8)
    mask[1:3, 1:4] = 1
    (polygon,) = polygonised(mask, mask)
    (ring,) = polygon.rings
    assert sorted(map(tuple, ring[:-1].tolist())) == [(1, 1), (1, 3), (4, 1), (4, 3)]
    assert (ring[0] == ring[-1]).all()


def test_holes_are_kept(polygonised: Polygonised) -> None:
    mask = np.ones((5, 5), dtype=np.uint8)
    mask[2, 2] = 0
    mask[1, 1] = 255  # nodata touching the hole with a corner
    (polygon,) = polygonised(mask, mask)
    assert len(polygon.rings) == 3
    assert polygon.area_m2 == pytest.approx(23 / 0.9996**2)


def test_areas_are_those_of_each_row_on_the_ground(
    polygonised: Polygonised, grid: Callable[..., Grid], crs_wkt: Callable[[str], str]
) -> None:
    mask = np.ones((1200, 3), dtype=np.uint8)
    where = {"crs": "EPSG:4326", "geotransform": (10.0, 0.01, 0.0, 62.0, 0.0, -0.01)}
    (polygon,) = polygonised(mask, mask, **where)
    # A quadrangle of the ellipsoid, by the midpoint rule along the meridian.
    latitudes = 50.0 + 12.0 * (np.arange(20_000) + 0.5) / 20_000
    scale = Ground(crs_wkt("EPSG:4326")).square_metres_per_unit(
        np.column_stack([np.full_like(latitudes, 10), latitudes])
    )
    assert polygon.area_m2 == pytest.approx(scale.mean() * 12.0 * 0.03, rel=1e-6)


def test_no_road_gives_no_polygon(polygonised: Polygonised) -> None:
    assert polygonised(np.full((6, 6), 255, np.uint8), np.full((6, 6), 255, np.uint8)) == ()
