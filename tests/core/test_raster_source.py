"""Reading any raster on the network's grid, against GDAL's own whole-image warp."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_extractor_plugin.contract.errors import AreaError, RasterUnusableError
from road_extractor_plugin.contract.grid import Window
from road_extractor_plugin.contract.model_card import InputSpec
from road_extractor_plugin.contract.request import Area
from road_extractor_plugin.core.gdal_binding import gdal
from road_extractor_plugin.core.raster_source import RasterSource

Image = npt.NDArray[np.uint8]
MakeRaster = Callable[..., Path]

TURN = np.radians(20)
ROTATED = (
    500_000.0,
    float(0.4 * np.cos(TURN)),
    float(0.4 * np.sin(TURN)),
    6_000_000.0,
    float(0.4 * np.sin(TURN)),
    float(-0.4 * np.cos(TURN)),
)


def at(spec: InputSpec, ground_resolution_m: float) -> InputSpec:
    """The same input at another ground resolution, whatever the range."""
    return dataclasses.replace(spec, ground_resolution_m=ground_resolution_m, ground_resolution_range_m=(0.01, 100.0))


def upright(size: float) -> tuple[float, ...]:
    return (500_000.0, size, 0.0, 6_000_000.0, 0.0, -size)


def everything(path: Path, spec: InputSpec, **how: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    with RasterSource.open(path, spec=spec, **how) as source:
        return source.read(source.grid.window)


# --- the grid ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size_m", [1.0, 0.992, 1.009], ids=["exactly", "0.8 % finer", "0.9 % coarser"])
def test_pixels_of_about_the_right_size_are_taken_as_they_are(
    size_m: float, raster: MakeRaster, noise: Image, spec: InputSpec
) -> None:
    # On the central meridian of UTM the ground is 1 / 0.9996 of the map.
    geotransform = upright(size_m * 0.9996)
    with RasterSource.open(raster(noise, geotransform=geotransform), spec=spec) as source:
        pixels, valid = source.read(source.grid.window)
    assert source.grid.geotransform == geotransform
    assert source.native_ground_resolution_m == pytest.approx(size_m, rel=1e-6)
    assert pixels.dtype == np.uint8
    assert (pixels == noise).all()
    assert valid.all()


def test_degrees_become_square_pixels_on_the_ground(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    path = raster(noise, crs="EPSG:4326", geotransform=(10.0, 1e-5, 0, 60.0, 0, -1e-5))
    with RasterSource.open(path, spec=at(spec, 1.0)) as source:
        grid = source.grid
    assert grid.pixel_size_m == pytest.approx((1.0, 1.0))
    assert grid.geotransform[1] / -grid.geotransform[5] == pytest.approx(1.997, abs=0.01)


def test_web_mercator_pixels_are_measured_on_the_ground(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    path = raster(noise, crs="EPSG:3857", geotransform=(0.0, 2.0, 0, 8_399_738.0, 0, -2.0))
    with RasterSource.open(path, spec=spec) as source:
        assert source.native_ground_resolution_m == pytest.approx(1.0, rel=0.01)
        assert (source.grid.width_px, source.grid.height_px) == (70, 90)


@pytest.mark.parametrize(
    ("geotransform", "flip"),
    [
        ((500_000.0, 1.0, 0.0, 5_999_910.0, 0.0, 1.0), np.s_[:, ::-1]),
        ((500_070.0, -1.0, 0.0, 6_000_000.0, 0.0, -1.0), np.s_[:, :, ::-1]),
    ],
    ids=["south-up", "mirrored"],
)
def test_rasters_in_another_order_are_turned_north_up(
    geotransform: tuple[float, ...], flip: Any, raster: MakeRaster, noise: Image, spec: InputSpec
) -> None:
    path = raster(noise, geotransform=geotransform)
    with RasterSource.open(path, spec=spec) as source:
        assert source.grid.geotransform == (500_000.0, 1.0, 0.0, 6_000_000.0, 0.0, -1.0)
        assert (source.read(source.grid.window)[0] == noise[flip]).all()


def test_a_raster_that_no_grid_can_cover_is_refused(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    path = raster(np.zeros((3, 1200, 1200), dtype=np.uint8), geotransform=upright(900.0))
    with pytest.raises(RasterUnusableError, match=r"would have 10\d{5} by 10\d{5} pixels of 1 m"):
        RasterSource.open(path, spec=spec)


@pytest.mark.parametrize(
    ("crs", "geotransform", "problem"),
    [
        ("EPSG:4326", upright(0.5), "beyond the poles"),
        ("EPSG:32633", (10.0, 1e-5, 0.0, 50.0, 0.0, -1e-5), "9.97e-06 by 9.97e-06 m on the ground"),
        ("EPSG:3857", (1e12, 1.0, 0.0, 1e12, 0.0, -1.0), "on the ground"),
        ("EPSG:32633", (1e12, 1.0, 0.0, 1e12, 0.0, -1.0), "not defined"),
        ("EPSG:4326", (-180.0, 0.25, 0.0, 90.0, 0.0, -0.25), "on the ground"),
        ("EPSG:4326", (np.nan, 1.0, 0.0, 0.0, 0.0, -1.0), "without area"),
    ],
    ids=["metres as degrees", "degrees as metres", "far beyond", "farther beyond", "the whole Earth", "nan"],
)
def test_a_place_that_makes_no_sense_is_refused(
    crs: str, geotransform: Any, problem: str, raster: MakeRaster, noise: Image, spec: InputSpec
) -> None:
    with pytest.raises(RasterUnusableError, match=problem):
        RasterSource.open(raster(noise, crs=crs, geotransform=geotransform), spec=spec)


# --- resampling -------------------------------------------------------------------------------------------------------


def warped_by_gdal(path: Path, source: RasterSource, resampling: str) -> npt.NDArray[Any]:
    """The whole image at once, as gdalwarp does it."""
    west, x_size, _, north, _, y_size = source.grid.geotransform
    grid = source.grid
    east, south = west + grid.width_px * x_size, north + grid.height_px * y_size
    warped = gdal.Warp(
        "",
        str(path),
        format="MEM",
        outputBounds=(west, south, east, north),
        width=grid.width_px,
        height=grid.height_px,
        resampleAlg=resampling,
        errorThreshold=0,
        dstAlpha=True,
    )
    return np.asarray(warped.ReadAsArray())


@pytest.mark.parametrize(
    ("geotransform", "target_m", "resampling"),
    [
        (upright(0.4), 1.0, "average"),
        (upright(3.0), 1.0, "bilinear"),
        (ROTATED, 1.0, "average"),
        (ROTATED, 0.25, "bilinear"),
    ],
    ids=["shrunk", "enlarged", "rotated and shrunk", "rotated and enlarged"],
)
def test_windows_equal_the_whole_image_warped(
    geotransform: Any, target_m: float, resampling: str, raster: MakeRaster, noise: Image, spec: InputSpec
) -> None:
    path = raster(noise, geotransform=geotransform)
    with RasterSource.open(path, spec=at(spec, target_m)) as source:
        expected = warped_by_gdal(path, source, resampling)
        pixels, valid = read_in_pieces(source, 37, 23)
    assert (valid == (expected[-1] == 255)).all()
    assert (pixels[:, valid] == expected[:-1][:, valid]).all()
    assert valid.any()


def read_in_pieces(source: RasterSource, height: int, width: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """The whole grid from windows of one size, the last ones reaching beyond it."""
    grid = source.grid
    rows, columns = range(0, grid.height_px, height), range(0, grid.width_px, width)
    parts = [[source.read(Window(row, column, height, width)) for column in columns] for row in rows]
    pixels = np.concatenate([np.concatenate([part[0] for part in line], axis=2) for line in parts], axis=1)
    valid = np.concatenate([np.concatenate([part[1] for part in line], axis=1) for line in parts])
    return pixels[:, : grid.height_px, : grid.width_px], valid[: grid.height_px, : grid.width_px]


@settings(max_examples=60)
@given(row=st.integers(-60, 160), column=st.integers(-60, 160), height=st.integers(1, 150), width=st.integers(1, 150))
def test_any_window_shows_its_part_and_nothing_beyond(
    row: int, column: int, height: int, width: int, turned: RasterSource
) -> None:
    grid = turned.grid
    whole, whole_valid = turned.read(grid.window)
    pixels, valid = turned.read(Window(row, column, height, width))
    around = np.pad(whole, ((0, 0), (300, 300), (300, 300)))
    valid_around = np.pad(whole_valid, 300)
    part = np.s_[300 + row : 300 + row + height, 300 + column : 300 + column + width]
    assert (pixels == around[(slice(None), *part)]).all()
    assert (valid == valid_around[part]).all()


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory, noise: Image) -> Iterator[RasterSource]:
    """A rotated raster under an area with a slanting edge, resampled."""
    path = tmp_path_factory.mktemp("turned") / "turned.tif"
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), noise.shape[2], noise.shape[1], 3, gdal.GDT_Byte)
    dataset.SetGeoTransform(ROTATED)
    dataset.WriteArray(noise)
    dataset = None
    spec = InputSpec(("red", "green", "blue"), (0.0, 255.0), 1 / 255, (0.4,) * 3, (0.2,) * 3, "mean", 0.25, (0.1, 1.0))
    area = Area("POLYGON((500001 5999970, 500027 6000003.3, 500040 5999985, 500001 5999970))", "")
    with RasterSource.open(path, spec=spec, raster_ground_resolution_m=0.4, area=area) as source:
        yield source


def test_overviews_are_used_only_where_averaging_still_hides_them(raster: MakeRaster, spec: InputSpec) -> None:
    checkers = np.indices((256, 256)).sum(axis=0) % 2 * 200
    path = raster(np.stack([checkers] * 3).astype(np.uint8), geotransform=upright(0.25))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.BuildOverviews("NEAREST", [2, 4])  # all black or all white: what averaging must not see
    dataset = None
    pixels, _ = everything(path, at(spec, 0.5 / 0.9996))
    assert (pixels == 100).all()


# --- what is valid ----------------------------------------------------------------------------------------------------


def hole(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """A rectangle of pixels without imagery."""
    mask = np.zeros(shape[-2:], dtype=bool)
    mask[10:40, 20:50] = True
    return mask


def test_pixels_that_are_nodata_in_all_bands_are_invalid(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    image = noise.copy()
    image[:, hole(image.shape)] = 0
    image[0, 60, 60] = 0  # pure cyan is a colour
    _, valid = everything(raster(image, nodata=0), spec)
    assert (valid == ~hole(image.shape)).all()


def test_transparent_pixels_are_invalid(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    alpha = np.where(hole(noise.shape), 0, 255).astype(np.uint8)
    colours = (gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand, gdal.GCI_AlphaBand)
    path = raster(np.concatenate([noise, alpha[None]]), colours=colours)
    pixels, valid = everything(path, spec)
    assert (valid == (alpha == 255)).all()
    assert (pixels[:, valid] == noise[:, valid]).all()
    assert (pixels[:, ~valid] == 0).all()


@pytest.mark.parametrize("internal", ["YES", "NO"], ids=["in the file", "beside the file"])
def test_masked_pixels_are_invalid(internal: str, raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    path = raster(noise)
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", internal)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", None)
    dataset.GetRasterBand(1).GetMaskBand().WriteArray(np.where(hole(noise.shape), 0, 255))
    dataset = None
    _, valid = everything(path, spec)
    assert (valid == ~hole(noise.shape)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("nodata", [None, np.nan, -9999.0], ids=["no nodata", "nan nodata", "-9999 nodata"])
def test_pixels_that_are_no_number_are_invalid(
    bad: float, nodata: float | None, raster: MakeRaster, noise: Image, spec: InputSpec
) -> None:
    image = noise.astype(np.float32)
    image[1, hole(noise.shape)] = bad
    pixels, valid = everything(raster(image, nodata=nodata), spec)
    assert (valid == ~hole(noise.shape)).all()
    assert np.isfinite(pixels).all()


def test_averages_do_not_mix_nodata_in(raster: MakeRaster, spec: InputSpec) -> None:
    image = np.full((3, 40, 40), 120, dtype=np.uint8)
    image[:, :, 21:] = 0
    pixels, valid = everything(raster(image, geotransform=upright(0.5), nodata=0), at(spec, 1.0))
    assert set(np.unique(pixels[:, valid])) == {120}
    assert valid[:, :10].all()
    assert not valid[:, 11:].any()


def test_pixels_whose_centre_is_outside_the_area_are_invalid(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    triangle = Area("POLYGON((500010 5999980, 500050 5999980, 500010 5999940, 500010 5999980))", "")
    with RasterSource.open(raster(noise), spec=spec, area=triangle) as source:
        _, valid = source.read(source.grid.window)
    assert source.grid.geotransform == (500_010.0, 1.0, 0.0, 5_999_980.0, 0.0, -1.0)
    rows, columns = np.indices((40, 40))
    centre_sum = rows + columns + 1
    inside, outside = centre_sum < 40, centre_sum > 40  # on the edge itself either is right
    assert valid[inside].all()
    assert not valid[outside].any()


def test_a_raster_of_nodata_is_refused(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    with pytest.raises(RasterUnusableError, match="no imagery: all pixels are nodata"):
        RasterSource.open(raster(noise * 0, nodata=0), spec=spec)


def test_a_little_imagery_far_from_the_centre_is_found(raster: MakeRaster, spec: InputSpec) -> None:
    image = np.zeros((3, 1100, 1100), dtype=np.uint16)
    image[:, -5:, -5:] = 700
    image[:, -1, -1] = 900
    pixels, valid = everything(raster(image, nodata=0), spec)
    assert valid.sum() == 25
    assert pixels[0, -1, -1] == 255


def test_an_area_beside_the_raster_is_refused_with_both_places(
    raster: MakeRaster, noise: Image, spec: InputSpec
) -> None:
    beside = Area("POLYGON((600000 0, 600001 0, 600001 1, 600000 0))", "")
    with pytest.raises(AreaError, match=r"x 600000 to 600001.*does not meet.*x 500000 to 500070"):
        RasterSource.open(raster(noise), spec=spec, area=beside)


# --- place ------------------------------------------------------------------------------------------------------------


def test_without_crs_the_ground_resolution_must_be_given(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    with pytest.raises(RasterUnusableError, match="--ground-resolution"):
        RasterSource.open(raster(noise, crs=None), spec=spec)


@pytest.mark.parametrize("geotransform", [None, upright(7.0)], ids=["no place at all", "a geotransform"])
def test_without_crs_the_given_ground_resolution_counts(
    geotransform: Any, raster: MakeRaster, noise: Image, spec: InputSpec
) -> None:
    path = raster(noise, crs=None, geotransform=geotransform)
    with RasterSource.open(path, spec=spec, raster_ground_resolution_m=1.0) as source:
        assert (source.read(source.grid.window)[0] == noise).all()
    assert source.grid.pixel_size_m == pytest.approx((1.0, 1.0))
    assert source.grid.crs_wkt == ""
    assert "no coordinate reference system" in source.warnings[0]


@pytest.mark.parametrize(
    ("size_m", "effect"),
    [(0.1, "detail finer than that is averaged away"), (10.0, "roads may be missed")],
    ids=["too fine", "too coarse"],
)
def test_a_resolution_out_of_the_models_range_is_told(
    size_m: float, effect: str, raster: MakeRaster, noise: Image, spec: InputSpec
) -> None:
    with RasterSource.open(raster(noise, geotransform=upright(size_m)), spec=spec) as source:
        (warning,) = source.warnings
    assert warning.startswith(f"The raster has {size_m:g} m per pixel on the ground, the model is made for 0.5 to 2 m.")
    assert warning.endswith(f"It is resampled to 1 m; {effect}.")


def test_control_points_alone_are_refused(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    path = raster(noise, geotransform=None, crs=None)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.SetGCPs([gdal.GCP(0, 0, 0, 0, 0), gdal.GCP(1, 0, 0, 9, 0), gdal.GCP(0, 1, 0, 0, 9)], "")
    dataset = None
    with pytest.raises(RasterUnusableError, match=r"control points.*gdalwarp"):
        RasterSource.open(path, spec=spec)


def test_pixels_without_area_are_refused(raster: MakeRaster, noise: Image, spec: InputSpec) -> None:
    with pytest.raises(RasterUnusableError, match="without area"):
        RasterSource.open(raster(noise, geotransform=(5e5, 1.0, 2.0, 6e6, 1.0, 2.0)), spec=spec)
