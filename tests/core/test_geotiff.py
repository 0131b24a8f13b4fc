"""The probability and mask rasters, strip by strip and as Cloud-Optimised GeoTIFFs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.contract.errors import Cancelled, DiskFullError, OutputError
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.core import geotiff
from road_extractor_plugin.core.gdal_binding import gdal
from road_extractor_plugin.core.geotiff import (
    MASK,
    PROBABILITY,
    RasterKind,
    RasterReader,
    RasterWriter,
    encode_probability,
    to_cog,
    write_cog,
)

MakeGrid = Callable[..., Grid]


def written(path: Path, codes: npt.NDArray[np.uint8], grid: Grid, kind: RasterKind, strip_px: int = 100) -> Path:
    with RasterWriter(path, grid, kind) as writer:
        for top in range(0, len(codes), strip_px):
            writer.write(codes[top : top + strip_px], top)
    return path


def random_codes(height: int, width: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (height, width), dtype=np.uint8)


@given(hnp.arrays(np.float32, st.integers(1, 50), elements=st.floats(-0.125, 1.125, width=32)))
def test_codes_are_within_half_a_step_of_the_probability(probability: npt.NDArray[np.float32]) -> None:
    codes = encode_probability(probability, np.ones(probability.shape, bool))
    assert codes.max() <= 254
    assert np.abs(codes / 254 - np.clip(probability, 0, 1)).max() <= 0.5 / 254 + 1e-7


def test_invalid_pixels_get_the_nodata_code_whatever_they_hold() -> None:
    probability = np.array([[0.5, np.nan], [1.0, 7.0]], dtype=np.float32)
    valid = np.array([[True, False], [True, False]])
    assert encode_probability(probability, valid).tolist() == [[127, 255], [254, 255]]


@pytest.mark.parametrize("strip_px", [1, 37, 512, 2000])
def test_strips_of_any_height_make_the_same_raster(strip_px: int, tmp_path: Path, grid: MakeGrid) -> None:
    codes = random_codes(600, 530)
    path = written(tmp_path / "strips.tif", codes, grid(600, 530), PROBABILITY, strip_px)
    assert (RasterReader(path).read(0, len(codes)) == codes).all()


@pytest.mark.parametrize(("kind", "scale"), [(PROBABILITY, 1 / 254), (MASK, 1.0)], ids=["probability", "mask"])
@pytest.mark.parametrize("side", [40, 1100], ids=["small", "large enough for overviews"])
@pytest.mark.parametrize("in_memory_px", [0, 10**7], ids=["by a file", "in memory"])
def test_a_cog_says_all_that_there_is_to_say(
    kind: RasterKind,
    scale: float,
    side: int,
    in_memory_px: int,
    tmp_path: Path,
    grid: MakeGrid,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(geotiff, "_IN_MEMORY_PX", in_memory_px)
    codes, place = random_codes(side, side), grid(side, side)
    write_cog(tmp_path / "cog.tif", ArrayRows(codes), place, kind, SilentFeedback())
    dataset = gdal.Open(str(tmp_path / "cog.tif"))
    band = dataset.GetRasterBand(1)
    assert dataset.GetMetadataItem("LAYOUT", "IMAGE_STRUCTURE") == "COG"
    assert dataset.GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE") == "DEFLATE"
    assert dataset.GetGeoTransform() == place.geotransform
    assert dataset.GetSpatialRef().GetAuthorityCode(None) == "32633"
    assert band.GetDescription() == kind.description
    assert (band.GetScale() or 1.0) == pytest.approx(scale)
    assert band.GetNoDataValue() == 255
    assert (band.GetOverviewCount() > 0) == (side > 512)
    assert (band.ReadAsArray() == codes).all()


def overview(codes: npt.NDArray[np.uint8], kind: RasterKind, folder: Path, grid: MakeGrid) -> npt.NDArray[Any]:
    to_cog(written(folder / "strips.tif", codes, grid(*codes.shape), kind), folder / "cog.tif", kind, SilentFeedback())
    dataset = gdal.Open(str(folder / "cog.tif"))
    return np.asarray(dataset.GetRasterBand(1).GetOverview(0).ReadAsArray())


def test_parts_in_any_place_and_order_make_the_same_raster(tmp_path: Path, grid: MakeGrid) -> None:
    codes = random_codes(1100, 1300)
    with RasterWriter(tmp_path / "parts.tif", grid(*codes.shape), PROBABILITY) as writer:
        for column in (700, 0):
            for row in (0, 333, 900):
                rows, columns = slice(row, {0: 333, 333: 900}.get(row)), slice(column, column + 700)
                writer.write(codes[rows, columns], row, column)
    assert (RasterReader(tmp_path / "parts.tif").read(0, 1100) == codes).all()


def test_what_is_not_written_is_nodata_and_takes_no_room(tmp_path: Path, grid: MakeGrid) -> None:
    with RasterWriter(tmp_path / "parts.tif", grid(3000, 3000), PROBABILITY) as writer:
        writer.write(np.full((10, 10), 77, dtype=np.uint8), 1000, 2000)
    codes = RasterReader(tmp_path / "parts.tif").read(0, 3000)
    assert (codes[1000:1010, 2000:2010] == 77).all()
    assert np.count_nonzero(codes == 255) == 3000 * 3000 - 100
    assert (tmp_path / "parts.tif").stat().st_size < 400_000


def test_overviews_of_the_probability_are_averages_without_nodata(tmp_path: Path, grid: MakeGrid) -> None:
    block = np.array([[100, 200], [100, 255]], dtype=np.uint8)
    assert set(np.unique(overview(np.tile(block, (520, 520)), PROBABILITY, tmp_path, grid))) == {133}


def test_overviews_of_the_mask_hold_no_new_values(tmp_path: Path, grid: MakeGrid) -> None:
    block = np.array([[1, 0], [0, 255]], dtype=np.uint8)
    assert set(np.unique(overview(np.tile(block, (520, 520)), MASK, tmp_path, grid))) <= {0, 1, 255}


def test_a_grid_without_crs_can_be_written(tmp_path: Path) -> None:
    place = Grid(20, 10, (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), "", (1.0, 1.0))
    codes = random_codes(10, 20)
    to_cog(written(tmp_path / "strips.tif", codes, place, MASK), tmp_path / "cog.tif", MASK, SilentFeedback())
    dataset = gdal.Open(str(tmp_path / "cog.tif"))
    assert dataset.GetSpatialRef() is None
    assert (dataset.ReadAsArray() == codes).all()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, grid: MakeGrid) -> None:
    (tmp_path / "strips.tif").mkdir()
    with pytest.raises(OutputError, match=r"Cannot write 'strips\.tif'"):
        RasterWriter(tmp_path / "strips.tif", grid(5, 5), MASK)


@pytest.mark.parametrize(("height", "fits"), [(1500, True), (2000, False), (5000, False)])
def test_a_disk_that_fills_up_is_told_or_all_is_there(
    height: int, fits: bool, small_disk: Path, grid: MakeGrid
) -> None:
    codes = random_codes(height, 300)  # a quarter of a megabyte per 512 rows
    path = small_disk / "strips.tif"
    if fits:
        written(path, codes, grid(*codes.shape), PROBABILITY)
        assert (RasterReader(path).read(0, len(codes)) == codes).all()
    else:
        with pytest.raises(DiskFullError, match=f"The disk of '{small_disk}'"):
            written(path, codes, grid(*codes.shape), PROBABILITY)


@pytest.mark.parametrize("in_memory_px", [0, 10**7], ids=["by a file", "in memory"])
def test_making_a_cog_is_cancelled(
    in_memory_px: int, tmp_path: Path, grid: MakeGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(SilentFeedback):
        asked = 0

        def is_cancelled(self) -> bool:
            self.asked += 1
            return self.asked > 3

    monkeypatch.setattr(geotiff, "_IN_MEMORY_PX", in_memory_px)
    codes = random_codes(1500, 1500)
    with pytest.raises(Cancelled):
        write_cog(tmp_path / "cog.tif", ArrayRows(codes), grid(*codes.shape), MASK, Impatient())


def test_a_cog_that_does_not_fit_is_told_before_writing(small_disk: Path, tmp_path: Path, grid: MakeGrid) -> None:
    strips = written(tmp_path / "strips.tif", random_codes(900, 900), grid(900, 900), MASK)
    with pytest.raises(DiskFullError):
        to_cog(strips, small_disk / "cog.tif", MASK, SilentFeedback())
    assert list(small_disk.iterdir()) == []
