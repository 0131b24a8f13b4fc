"""Rasters and grids made for a test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest

from road_extractor_plugin.contract.grid import Geotransform, Grid
from road_extractor_plugin.contract.model_card import InputSpec, ModelCard
from road_extractor_plugin.core.gdal_binding import gdal, osr
from road_extractor_plugin.core.ground import Ground

UTM_CORNER = (500_000.0, 1.0, 0.0, 6_000_000.0, 0.0, -1.0)
SMALL_DISK_BYTES = 1024 * 1024


def wkt(name: str) -> str:
    """WKT of "EPSG:4326" and the like."""
    crs = osr.SpatialReference()
    crs.SetFromUserInput(name)
    return str(crs.ExportToWkt(["FORMAT=WKT2_2018"]))


def write_raster(
    path: Path,
    bands: npt.NDArray[Any],
    *,
    crs: str | None = "EPSG:32633",
    geotransform: Geotransform | None = UTM_CORNER,
    nodata: float | None = None,
    colours: tuple[int, ...] = (),
    options: tuple[str, ...] = (),
) -> Path:
    """A GeoTIFF of (bands, height, width)."""
    code = gdal.GetDataTypeByName({"uint8": "Byte"}.get(bands.dtype.name, bands.dtype.name.capitalize()))
    code = {"uint16": gdal.GDT_UInt16, "uint32": gdal.GDT_UInt32}.get(bands.dtype.name, code)
    dataset = gdal.GetDriverByName("GTiff").Create(
        str(path), bands.shape[2], bands.shape[1], len(bands), code, ["ALPHA=NO", *options]
    )
    if geotransform:
        dataset.SetGeoTransform(geotransform)
    if crs:
        dataset.SetProjection(wkt(crs))
    for index, colour in enumerate(colours, start=1):
        dataset.GetRasterBand(index).SetColorInterpretation(colour)
    if nodata is not None:
        dataset.GetRasterBand(1).SetNoDataValue(nodata)
    dataset.WriteArray(bands)
    dataset.FlushCache()
    return path


@pytest.fixture
def crs_wkt() -> Callable[[str], str]:
    return wkt


@pytest.fixture
def raster(tmp_path: Path) -> Callable[..., Path]:
    """A maker of GeoTIFFs: (bands, **how) -> path."""

    def make(bands: npt.NDArray[Any], name: str = "scene.tif", **how: Any) -> Path:
        return write_raster(tmp_path / name, bands, **how)

    return make


@pytest.fixture
def grid() -> Callable[..., Grid]:
    """A maker of grids: (height, width) of 1 m pixels in UTM, or of another CRS and geotransform."""

    def make(height: int, width: int, crs: str = "EPSG:32633", geotransform: Geotransform = UTM_CORNER) -> Grid:
        ground = Ground(wkt(crs))
        x = geotransform[0] + geotransform[1] * width / 2
        y = geotransform[3] + geotransform[5] * height / 2
        return Grid(width, height, geotransform, wkt(crs), ground.pixel_size_m(geotransform, x, y))

    return make


@pytest.fixture
def spec(card: ModelCard) -> InputSpec:
    """Three bands of 0..255 at 1 m."""
    return card.input


@pytest.fixture(scope="session")
def noise() -> npt.NDArray[np.uint8]:
    """Three bands of 90 by 70 without structure, and without 0, which tests use for nodata."""
    return np.random.default_rng(3).integers(1, 256, (3, 90, 70), dtype=np.uint8)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with a megabyte of room; only the administrator of a machine may make one."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "none", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a tmpfs here, so no disk can be filled")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
