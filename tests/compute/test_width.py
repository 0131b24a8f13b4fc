"""Width of roads."""

from __future__ import annotations

from typing import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.width import NEAR_PX, WITHIN_PIXEL, local_widths


def rows(mask: np.ndarray) -> ArrayRows:
    return ArrayRows(mask.astype(np.uint8))


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 3.0))
def test_the_radius_is_the_distance_transform(seed: int, smoothness: float) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((40, 50)), smoothness)
    mask = noise > 0
    pixels = np.argwhere(mask)
    around, _ = local_widths(rows(mask), pixels)
    expected = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][mask]
    np.testing.assert_allclose(around.radius_px, expected)


@pytest.mark.parametrize("width", range(1, 10))
def test_the_width_is_exact_where_pixels_can_show_it(width: int) -> None:
    mask = np.zeros((30, 30), dtype=bool)
    mask[8 : 8 + width] = True
    for row in (8 + (width - 1) // 2, 8 + width // 2):  # either middle row
        around, middle = local_widths(rows(mask), np.array([[row, 15]]))
        assert around.width_px == width
        assert middle[0].tolist() == pytest.approx([15.5, 8 + width / 2], abs=0.5 - WITHIN_PIXEL + 1e-9)


@pytest.mark.parametrize(
    ("pixel", "expected"),
    [
        pytest.param((20, 2), True, id="at the raster's edge"),
        pytest.param((20, 30), False, id="in the middle"),
        pytest.param((20, 57), True, id="beside nodata"),
    ],
)
def test_the_edge_of_the_data_is_seen(canvas: Callable[..., object], pixel: tuple[int, int], expected: bool) -> None:
    mask = canvas(40, 100).road((-5, 20.5), (60, 20.5), 5).mask  # type: ignore[attr-defined]
    mask = mask.astype(np.uint8)
    mask[:, 60:] = 255
    assert local_widths(ArrayRows(mask), np.array([pixel]))[0].at_data_edge == expected


def test_no_pixels() -> None:
    mask = np.zeros((5, 5), dtype=bool)
    assert local_widths(rows(mask), np.empty((0, 2), dtype=np.int64))[0].width_px.shape == (0,)


@pytest.mark.parametrize("radius", [NEAR_PX - 1, NEAR_PX, NEAR_PX + 1, 2 * NEAR_PX])
def test_wide_roads_are_as_wide_as_they_are(radius: int) -> None:
    mask = np.zeros((6 * NEAR_PX, 8 * NEAR_PX), dtype=bool)
    middle = len(mask) // 2
    mask[middle - radius + 1 : middle + radius] = True
    around, place = local_widths(rows(mask), np.array([[middle, 4 * NEAR_PX]]))
    assert (around.radius_px.tolist(), around.width_px.tolist()) == ([radius], [2 * radius - 1])
    np.testing.assert_allclose(place, [(4 * NEAR_PX + 0.5, middle + 0.5)])
