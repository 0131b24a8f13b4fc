"""Pixels read as they are equal pixels that are warped onto themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.contract.grid import Window
from road_extractor_plugin.contract.model_card import InputSpec
from road_extractor_plugin.contract.request import Area
from road_extractor_plugin.core.aligned_pixels import AlignedPixels
from road_extractor_plugin.core.gdal_binding import gdal
from road_extractor_plugin.core.raster_source import RasterSource

MakeRaster = Callable[..., Path]


@pytest.fixture
def speckled() -> np.ndarray:
    """Three bands of few values, so that all of them are 0 in some pixels, and one or two in many."""
    return np.random.default_rng(8).integers(0, 4, (3, 150, 210)).astype(np.uint8)


@pytest.mark.parametrize("nodata", [None, 0, 3, -5], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_aligned_pixels_are_those_that_warping_gives(
    nodata: float | None, dtype: Any, speckled: np.ndarray, raster: MakeRaster, spec: InputSpec, monkeypatch: Any
) -> None:
    if nodata == -5 and dtype != np.int16:
        pytest.skip("no such value")
    path = raster(speckled.astype(dtype), nodata=nodata)
    windows = [Window(0, 0, 150, 210), Window(40, 60, 64, 64), Window(-10, -20, 64, 64), Window(120, 180, 64, 64)]
    with RasterSource.open(path, spec=spec) as source:
        aligned = [source.read(window) for window in windows]
    monkeypatch.setattr(AlignedPixels, "of", lambda *_: None)
    with RasterSource.open(path, spec=spec) as source:
        warped = [source.read(window) for window in windows]
    for (pixels, valid), (expected, expected_valid) in zip(aligned, warped):
        np.testing.assert_array_equal(valid, expected_valid)
        np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize(
    ("how", "is_aligned"),
    [
        ({}, True),
        ({"nodata": 0}, True),
        ({"geotransform": (500_000.0, 2.0, 0.0, 6_000_000.0, 0.0, -2.0)}, False),
        ({"geotransform": (500_000.0, 0.9, 0.3, 6_000_000.0, 0.3, -0.9)}, False),
        ({"geotransform": (500_000.0, 1.0, 0.0, 6_000_000.0, 0.0, 1.0)}, False),
        ({"colours": (gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand, gdal.GCI_AlphaBand)}, False),
    ],
    ids=["plain", "nodata", "coarser", "rotated", "south up", "alpha"],
)
def test_only_what_needs_no_warping_is_aligned(
    how: dict[str, Any], is_aligned: bool, speckled: np.ndarray, raster: MakeRaster, spec: InputSpec
) -> None:
    bands = np.concatenate([speckled, np.full_like(speckled[:1], 255)]) if "colours" in how else speckled
    with RasterSource.open(raster(bands, **how), spec=spec) as source:
        assert (source._aligned is not None) == is_aligned  # noqa: SLF001


def test_windows_of_an_area_lie_where_they_are(speckled: np.ndarray, raster: MakeRaster, spec: InputSpec) -> None:
    area = Area("POLYGON ((500050 5999960, 500120 5999960, 500120 5999900, 500050 5999900, 500050 5999960))", "")
    with RasterSource.open(raster(speckled), spec=spec, area=area) as source:
        pixels, valid = source.read(source.grid.window)
    assert valid.all()
    np.testing.assert_array_equal(pixels, speckled[:, 40:100, 50:120])


def test_nothing_is_read_outside_the_area(
    speckled: np.ndarray, raster: MakeRaster, spec: InputSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    area = Area("POLYGON ((500000 6000000, 500200 6000000, 500000 5999860, 500000 6000000))", "")
    with RasterSource.open(raster(speckled), spec=spec, area=area) as source:
        monkeypatch.setattr(AlignedPixels, "read", lambda *_: pytest.fail("read"))
        _, valid = source.read(Window(100, 150, 40, 50))
    assert not valid.any()


@pytest.mark.parametrize(("options", "kept"), [(("TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64"), 0), ((), 78_750)])
def test_only_blocks_as_wide_as_the_raster_are_worth_keeping(
    options: tuple[str, ...], kept: int, speckled: np.ndarray, raster: MakeRaster, spec: InputSpec
) -> None:
    with RasterSource.open(raster(speckled, options=options), spec=spec) as source:
        assert source.kept_bytes(100) == pytest.approx(kept, rel=0.01)
