"""Reading a raster that says where roads are, in any of the codings that such rasters come in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.raster_rows import STRIP_PX, Strips
from road_extractor_plugin.contract.errors import RasterUnreadableError, RasterUnusableError
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.grid import Geotransform, Grid
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, quiet_gdal
from road_extractor_plugin.core.raster_file import open_dataset, place

UInt8 = npt.NDArray[np.uint8]

_CODINGS = "a probability raster has 0 to 254 and the nodata value 255, a mask has 0 and 1 or 0 and 255"


@dataclass(frozen=True)
class ProbabilityFile:
    """A raster of road probability (`RasterRows`), its pixels brought to our coding: 0..254 = 0..1, 255 nodata."""

    path: Path
    grid: Grid
    warnings: tuple[str, ...]
    valid_px: int
    """Pixels with data."""
    _dataset: gdal.Dataset
    _codes: UInt8
    """(256,) Our code of each value."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.grid.height_px, self.grid.width_px

    def read(self, start: int, stop: int) -> UInt8:
        """See `RasterRows.read`.

        Raises:
            RasterUnreadableError: The file is damaged there.
        """
        values, is_known = _read(self._dataset, self.path, start, stop)
        codes: UInt8 = np.where(is_known, self._codes[values], np.uint8(NODATA))
        return codes


def open_probability(path: Path, ground_resolution_m: float | None, feedback: Feedback) -> ProbabilityFile:
    """Open a raster and find out how it is coded, for which all of it is read once.

    1. Pixels that the file's nodata value, mask or alpha band excludes are nodata.
    2. With the band scale of our probability rasters or the nodata value 255 and values above 1, it is in our coding.
    3. With nothing but 0 and 1, or nothing but 0 and 255, it is a mask: road is certain.
    4. Anything else cannot be told.

    Args:
        path: Raster of one band of uint8, north-up.
        ground_resolution_m: Metres on the ground per pixel of a raster without CRS.
        feedback: Asked whether to stop.

    Raises:
        RasterUnreadableError: Missing, no raster, or broken.
        RasterUnusableError: It is no probability raster, or does not say where it lies.
        Cancelled: The user asked for it.
    """
    with quiet_gdal():
        dataset = open_dataset(path)
        _check_bands(dataset, path)
        placement = place(dataset, path, ground_resolution_m)
        width, height = dataset.RasterXSize, dataset.RasterYSize
        geotransform = placement.geotransform
        if (geotransform[2], geotransform[4]) != (0, 0) or geotransform[1] < 0 or geotransform[5] > 0:
            raise RasterUnusableError(path, "is not north-up", "Bring it to that first, for example with gdalwarp")
        pixel_m = placement.ground.pixel_size_m(geotransform, *_centre(geotransform, width, height))
    grid = Grid(width, height, geotransform, placement.crs_wkt, pixel_m)
    counts = np.zeros(256, dtype=np.int64)
    for start, stop in Strips(height, max(STRIP_PX // width, 1), feedback):
        values, is_known = _read(dataset, path, start, stop)
        counts += np.bincount(values[is_known], minlength=256)
    codes = _codes(dataset.GetRasterBand(1), counts, path)
    return ProbabilityFile(path, grid, placement.warnings, int(counts[codes != NODATA].sum()), dataset, codes)


def _check_bands(dataset: gdal.Dataset, path: Path) -> None:
    bands = [dataset.GetRasterBand(index) for index in range(1, dataset.RasterCount + 1)]
    others = [band for band in bands[1:] if band.GetColorInterpretation() != gdal.GCI_AlphaBand]
    if others:
        problem = f"has {len(bands)} bands, a probability raster has one"
        raise RasterUnusableError(path, problem, "To find the roads in an image, use extract")
    if bands[0].DataType != gdal.GDT_Byte:
        problem = f"has {gdal.GetDataTypeName(bands[0].DataType)} pixels, a probability raster has Byte"
        raise RasterUnusableError(
            path, problem, "Convert it, for example with gdal_translate -ot Byte -scale 0 1 0 254"
        )


def _codes(band: gdal.Band, counts: npt.NDArray[np.int64], path: Path) -> UInt8:
    """Rules 2 to 4: (256,) our code of each value."""
    present = set(np.flatnonzero(counts).tolist())
    if not present:
        raise RasterUnusableError(path, "has no pixel with data", "Check its nodata value and mask")
    is_scaled = math.isclose(band.GetScale() or 1.0, 1 / CERTAIN, rel_tol=1e-3)
    codes = np.arange(256, dtype=np.uint8)
    if is_scaled or (band.GetNoDataValue() == NODATA and not present <= {0, 1}):
        return codes
    if band.GetNoDataValue() == 0 and len(present) == 1:
        remedy = "Remove the nodata value if 0 means 'no road', for example with gdal_edit.py -unsetnodata"
        raise RasterUnusableError(path, "calls 0 nodata, so that nothing is known but the roads", remedy)
    for road in (1, NODATA):
        if present <= {0, road}:
            codes[road] = CERTAIN
            return codes
    problem = f"has values from {min(present)} to {max(present)}, but {_CODINGS}"
    raise RasterUnusableError(path, problem, "Recode it, for example with gdal_calc.py")


def _read(dataset: gdal.Dataset, path: Path, start: int, stop: int) -> tuple[UInt8, npt.NDArray[np.bool_]]:
    """Rows as they are in the file, and where they hold data."""
    band, area = dataset.GetRasterBand(1), (0, start, dataset.RasterXSize, stop - start)
    with quiet_gdal():
        try:
            values, is_known = band.ReadAsArray(*area), band.GetMaskBand().ReadAsArray(*area) != 0
            band.FlushCache()  # see `RasterReader`
        except RuntimeError as error:
            raise RasterUnreadableError(path, gdal_detail(error)) from error
    return values, is_known


def _centre(geotransform: Geotransform, width: int, height: int) -> tuple[float, float]:
    """x, y of the middle of a north-up raster."""
    return geotransform[0] + geotransform[1] * width / 2, geotransform[3] + geotransform[5] * height / 2
