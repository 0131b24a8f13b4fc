"""Files that cannot be used, each refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import numpy.typing as npt
import pytest

from road_extractor_plugin.contract.errors import RasterUnreadableError, RasterUnusableError
from road_extractor_plugin.contract.model_card import InputSpec
from road_extractor_plugin.core.gdal_binding import gdal
from road_extractor_plugin.core.raster_source import RasterSource

Image = npt.NDArray[np.uint8]
MakeRaster = Callable[..., Path]

PLACE = (500_000.0, 1.0, 0.0, 6_000_000.0, 0.0, -1.0)


def test_what_is_no_raster_is_refused_in_one_line(tmp_path: Path, spec: InputSpec) -> None:
    text = tmp_path / "text.tif"
    text.write_text("not a raster")
    empty = tmp_path / "empty.tif"
    empty.write_bytes(b"")
    reasons = {
        tmp_path / "nowhere.tif": "there is no such file",
        tmp_path: "it is a folder",
        text: "no raster format that GDAL knows, or damaged",
        empty: "no raster format that GDAL knows, or damaged",
    }
    for path, reason in reasons.items():
        with pytest.raises(RasterUnreadableError, match=reason) as caught:
            RasterSource.open(path, spec=spec)
        assert "\n" not in str(caught.value)


def test_a_truncated_file_is_told_when_its_end_is_read(raster: MakeRaster, spec: InputSpec) -> None:
    image = np.random.default_rng(1).integers(0, 256, (3, 400, 400), dtype=np.uint8)
    path = raster(image, options=("COMPRESS=DEFLATE",))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RasterUnreadableError, match="Cannot read"), RasterSource.open(path, spec=spec) as source:
        source.read(source.grid.window)


def test_a_container_of_rasters_is_refused_with_a_name(tmp_path: Path, noise: Image, spec: InputSpec) -> None:
    path = tmp_path / "two.gpkg"
    memory = gdal.GetDriverByName("MEM").Create("", 70, 90, 3)
    memory.SetGeoTransform(PLACE)
    memory.WriteArray(noise)
    for table in ("first", "second"):
        options = [f"RASTER_TABLE={table}", "APPEND_SUBDATASET=YES"]
        gdal.GetDriverByName("GPKG").CreateCopy(str(path), memory, options=options)
    with pytest.raises(RasterUnusableError, match=r"holds 2 rasters, such as .*first"):
        RasterSource.open(path, spec=spec)


def test_complex_pixels_are_refused(tmp_path: Path, spec: InputSpec) -> None:
    path = tmp_path / "radar.tif"
    gdal.GetDriverByName("GTiff").Create(str(path), 4, 4, 1, gdal.GDT_CFloat32).SetGeoTransform(PLACE)
    with pytest.raises(RasterUnusableError, match="complex"):
        RasterSource.open(path, spec=spec, raster_ground_resolution_m=1.0)
