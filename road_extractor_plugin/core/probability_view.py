"""Any part of a stored probability raster at once, at no more pixels than a screen shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.errors import RasterUnreadableError, RasterUnusableError
from road_extractor_plugin.contract.grid import Geotransform
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, quiet_gdal
from road_extractor_plugin.core.raster_file import open_dataset, place
from road_extractor_plugin.core.raster_grid import Bounds

UInt8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ProbabilityPart:
    """Some pixels of a probability raster."""

    values: UInt8
    """(height, width), 0..254 = 0..1, 255 nodata."""
    geotransform: Geotransform
    """Of these pixels."""
    pixel_size_m: tuple[float, float]
    """Metres on the ground of one of these pixels along x and y."""
    reduction: float
    """Pixels of the raster along one of these; 1 is full detail."""


class ProbabilityView:
    """A probability raster of ours, of which parts are read for the screen.

    Raises:
        RasterUnreadableError: Missing, no raster, or broken.
        RasterUnusableError: It is not in the coding of our probability rasters, or does not lie anywhere.
    """

    def __init__(self, path: Path, ground_resolution_m: float | None = None) -> None:
        self._path = path
        with quiet_gdal():
            self._dataset = open_dataset(path)
            self._placement = place(self._dataset, path, ground_resolution_m)
        band = self._dataset.GetRasterBand(1)
        is_ours = band.DataType == gdal.GDT_Byte and math.isclose(band.GetScale() or 1.0, 1 / CERTAIN, rel_tol=1e-3)
        if not is_ours or self._dataset.RasterCount != 1:
            remedy = "Choose a file that ends in _probability.tif, from a run of Road Extractor"
            raise RasterUnusableError(path, "is no stored road probability", remedy)

    def read(self, wanted: Bounds, max_side_px: int) -> ProbabilityPart | None:
        """Read the part of a rectangle that lies on the raster; None where that is nothing.

        Larger parts are averaged, from overviews, so that the longer side has at most so many pixels.

        Args:
            wanted: In the raster's CRS.
            max_side_px: At least 1.

        Raises:
            RasterUnreadableError: The file is damaged there.
        """
        x0, x_size, _, y0, _, y_size = self._placement.geotransform
        left = max(math.floor((wanted.west - x0) / x_size), 0)
        right = min(math.ceil((wanted.east - x0) / x_size), self._dataset.RasterXSize)
        top = max(math.floor((wanted.north - y0) / y_size), 0)
        bottom = min(math.ceil((wanted.south - y0) / y_size), self._dataset.RasterYSize)
        if right <= left or bottom <= top:
            return None
        reduction = max(1.0, (right - left) / max_side_px, (bottom - top) / max_side_px)
        width, height = (max(round(side / reduction), 1) for side in (right - left, bottom - top))
        values = self._read((left, top, right - left, bottom - top), width, height)
        x_step, y_step = x_size * (right - left) / width, y_size * (bottom - top) / height
        geotransform = (x0 + left * x_size, x_step, 0.0, y0 + top * y_size, 0.0, y_step)
        centre = geotransform[0] + x_step * width / 2, geotransform[3] + y_step * height / 2
        pixel_m = self._placement.ground.pixel_size_m(geotransform, *centre)
        return ProbabilityPart(values, geotransform, pixel_m, reduction)

    def _read(self, window: tuple[int, int, int, int], width: int, height: int) -> UInt8:
        resampling = gdal.GRIORA_Average if (width, height) != window[2:] else gdal.GRIORA_NearestNeighbour
        with quiet_gdal():
            try:
                values: UInt8 = self._dataset.GetRasterBand(1).ReadAsArray(
                    *window, buf_xsize=width, buf_ysize=height, resample_alg=resampling
                )
            except RuntimeError as error:
                raise RasterUnreadableError(self._path, gdal_detail(error)) from error
        return values


def quick_mask(part: ProbabilityPart, threshold: float) -> npt.NDArray[np.bool_]:
    """Pixels of at least a probability: what the tracer's mask is like, before it looks at neighbours.

    Args:
        part: Pixels.
        threshold: 0..1.
    """
    mask: npt.NDArray[np.bool_] = (part.values >= math.ceil(threshold * CERTAIN)) & (part.values != NODATA)
    return mask
