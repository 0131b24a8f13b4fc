"""Which bands are read, and how their values become those of the network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest

from road_extractor_plugin.contract.errors import RasterUnusableError
from road_extractor_plugin.contract.model_card import InputSpec
from road_extractor_plugin.core.gdal_binding import gdal
from road_extractor_plugin.core.raster_source import RasterSource

Image = npt.NDArray[np.uint8]
MakeRaster = Callable[..., Path]


def everything(path: Path, spec: InputSpec, **how: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    with RasterSource.open(path, spec=spec, **how) as source:
        return source.read(source.grid.window)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32", "float64"])
def test_other_types_are_stretched_from_percentiles(
    dtype: str, raster: MakeRaster, noise: Image, spec: InputSpec
) -> None:
    image = noise.astype(dtype) * 3 + 100
    with RasterSource.open(raster(image), spec=spec) as source:
        pixels, _ = source.read(source.grid.window)
    for band, values in zip(image, pixels):
        low, high = np.percentile(band, (2, 98))
        expected = np.clip((band - low) / (high - low), 0, 1) * 255
        assert values == pytest.approx(expected, abs=1e-3)
    assert any(f"Pixels are {dtype}, not 8-bit" in warning for warning in source.warnings)


def test_a_large_raster_has_one_stretch(raster: MakeRaster, spec: InputSpec) -> None:
    ramp = np.linspace(0, 60_000, 1500).astype(np.uint16)
    image = np.broadcast_to(ramp[:, None], (3, 1500, 1500)).copy()
    pixels, _ = everything(raster(image), spec)
    # The lattice of windows must see all of the ramp, about evenly.
    assert np.interp(1_200, ramp, pixels[0, :, 0]) == pytest.approx(0, abs=6)
    assert np.interp(30_000, ramp, pixels[0, :, 0]) == pytest.approx(127.5, abs=6)
    assert np.interp(58_800, ramp, pixels[0, :, 0]) == pytest.approx(255, abs=6)


def test_8_bit_is_mapped_to_a_card_of_another_range(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    pixels, _ = everything(raster(noise), dataclasses.replace(spec, value_range=(-1.0, 1.0)))
    assert pixels == pytest.approx(noise / 127.5 - 1, abs=1e-6)


def test_bands_follow_their_colours(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    path = raster(noise, colours=(gdal.GCI_BlueBand, gdal.GCI_GreenBand, gdal.GCI_RedBand))
    pixels, _ = everything(path, spec)
    assert (pixels == noise[::-1]).all()


def test_bands_without_colours_are_taken_in_order(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    path = raster(np.concatenate([noise, noise]), colours=(gdal.GCI_Undefined,) * 6)
    with RasterSource.open(path, spec=spec) as source:
        assert (source.read(source.grid.window)[0] == noise).all()
    assert "bands 1, 2, 3 of 6 are taken as red, green, blue" in source.warnings[0]


def test_bands_that_the_user_names_are_taken(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    pixels, _ = everything(raster(noise), spec, band_indexes=(3, 1, 1))
    assert (pixels == noise[[2, 0, 0]]).all()


def test_one_band_serves_all_channels_with_a_warning(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    with RasterSource.open(raster(noise[:1]), spec=spec) as source:
        assert (source.read(source.grid.window)[0] == noise[[0, 0, 0]]).all()
    assert "one band; it is used for all of red, green, blue" in source.warnings[0]


def test_a_palette_becomes_its_colours(tmp_path: Path, spec: InputSpec) -> None:
    path = tmp_path / "palette.tif"
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 4, 4, 1, gdal.GDT_Byte)
    dataset.SetGeoTransform((500_000.0, 1.0, 0.0, 6_000_000.0, 0.0, -1.0))
    table = gdal.ColorTable()
    for index, colour in enumerate([(200, 10, 30, 255), (5, 6, 7, 255), (9, 9, 9, 255)]):
        table.SetColorEntry(index, colour)
    dataset.GetRasterBand(1).SetColorTable(table)
    dataset.GetRasterBand(1).SetNoDataValue(2)
    dataset.GetRasterBand(1).WriteArray(np.array([[0, 1, 2, 0]] * 4, dtype=np.uint8))
    dataset = None
    pixels, valid = everything(path, spec, raster_ground_resolution_m=1.0)
    assert pixels[:, 0].tolist() == [[200, 5, 0, 200], [10, 6, 0, 10], [30, 7, 0, 30]]
    assert valid[0].tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("bands", "chosen", "sentence"),
    [
        (2, None, "has 2 bands without transparency, the model needs 3"),
        (3, (1, 2, 4), "has no band 4 with imagery. Choose from bands 1, 2, 3"),
        (3, (1, 2), "cannot be read with 2 chosen bands, the model needs 3"),
    ],
    ids=["too few", "no such band", "two of three"],
)
def test_bands_that_do_not_fit_are_refused(
    bands: int, chosen: Any, sentence: str, raster: MakeRaster, noise: Image, spec: InputSpec
) -> None:
    with pytest.raises(RasterUnusableError, match=sentence):
        RasterSource.open(raster(noise[:bands]), spec=spec, band_indexes=chosen)
