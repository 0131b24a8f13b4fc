"""Overviews made of rows in memory are those that GDAL makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.raster_coding import NODATA
from road_extractor_plugin.core import geotiff
from road_extractor_plugin.core.gdal_binding import close_dataset, gdal
from road_extractor_plugin.core.geotiff import MASK, PROBABILITY, RasterKind, write_cog
from road_extractor_plugin.core.overviews import Overviews, averaged, overview_factors


@pytest.mark.parametrize(
    ("height", "width", "factors"),
    [(512, 512, []), (513, 40, [2]), (1024, 1024, [2]), (40, 1025, [2]), (40, 1026, [2, 4]), (3000, 3000, [2, 4, 8])],
)
def test_as_many_as_the_cog_driver_makes(height: int, width: int, factors: list[int], tmp_path: Path) -> None:
    assert overview_factors(height, width, 512) == factors
    memory = gdal.GetDriverByName("MEM").Create("", width, height, 1, gdal.GDT_Byte)
    cog = gdal.GetDriverByName("COG").CreateCopy(str(tmp_path / "cog.tif"), memory, options=["BLOCKSIZE=512"])
    assert cog.GetRasterBand(1).GetOverviewCount() == len(factors)


def by_gdal(path: Path, codes: np.ndarray, kind: RasterKind, factors: list[int]) -> list[np.ndarray]:
    height, width = codes.shape
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, 1, gdal.GDT_Byte)
    dataset.GetRasterBand(1).SetNoDataValue(NODATA)
    dataset.WriteArray(codes)
    dataset.BuildOverviews(kind.overviews, factors)
    band = dataset.GetRasterBand(1)
    return [band.GetOverview(level).ReadAsArray() for level in range(len(factors))]


@pytest.mark.parametrize("kind", [PROBABILITY, MASK], ids=["probability", "mask"])
@pytest.mark.parametrize("nodata", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("in_memory_px", [0, 10**7], ids=["by a file", "in memory"])
def test_they_are_those_of_gdal(
    kind: RasterKind, nodata: float, in_memory_px: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of even sizes; of odd ones GDAL's pixels are a little less than two of the raster's."""
    monkeypatch.setattr(geotiff, "_IN_MEMORY_PX", in_memory_px)
    chance = np.random.default_rng(0)
    codes = chance.integers(0, 255, (1400, 2200), dtype=np.uint8)
    codes[chance.random(codes.shape) < nodata] = NODATA
    place = Grid(2200, 1400, (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), "", (1.0, 1.0))
    write_cog(tmp_path / "cog.tif", ArrayRows(codes), place, kind, SilentFeedback())
    assert [path.name for path in tmp_path.iterdir()] == ["cog.tif"]
    dataset = gdal.Open(str(tmp_path / "cog.tif"))
    band = dataset.GetRasterBand(1)
    expected = by_gdal(tmp_path / "gdal.tif", codes, kind, [2, 4, 8])
    assert band.GetOverviewCount() == len(expected)
    for level, overview in enumerate(expected):
        np.testing.assert_array_equal(band.GetOverview(level).ReadAsArray(), overview)
    np.testing.assert_array_equal(band.ReadAsArray(), codes)
    close_dataset(dataset)


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60)), elements=st.sampled_from([0, 7, 254, 255])),
    st.integers(1, 70),
    st.booleans(),
)
@settings(max_examples=60)
def test_rows_in_lots_of_any_height_make_the_same(codes: np.ndarray, lot: int, is_averaged: bool) -> None:
    def made(lot: int) -> list[np.ndarray]:
        overviews, parts = Overviews(3, is_averaged=is_averaged), [[], [], []]
        for top in range(0, len(codes), lot):
            for level, first, rows in overviews.add(codes[top : top + lot], is_last=top + lot >= len(codes)):
                assert first == sum(map(len, parts[level]))
                parts[level].append(rows)
        return [np.concatenate(rows) for rows in parts]

    height, width = codes.shape
    for level, (overview, expected) in enumerate(zip(made(lot), made(len(codes)))):
        np.testing.assert_array_equal(overview, expected)
        assert overview.shape == (-(-height // 2 ** (level + 1)), -(-width // 2 ** (level + 1)))


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 254, 255]))
)
def test_means_are_of_the_pixels_with_data(codes: np.ndarray) -> None:
    means = averaged(codes)
    for (row, column), mean in np.ndenumerate(means):
        block = codes[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        known = block[block != NODATA].astype(int)
        assert mean == (int(known.mean() + 0.5) if known.size else NODATA)
