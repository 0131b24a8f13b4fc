"""The raster's own pixels where the grid has the same, without the detour of warping, which costs twenty times more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.grid import Geotransform, Grid, Window
from road_extractor_plugin.core.gdal_binding import gdal

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_SAME_PLACE_PX = 1e-3
"""Part of a pixel by which a grid may lie beside the raster's pixels: rounding."""


@dataclass(frozen=True)
class AlignedPixels:
    """A view of a raster's colours on a grid of the same pixels."""

    _colours: gdal.Dataset
    _row: int
    _column: int
    """Of the raster, where the grid starts."""
    _nodata: tuple[float, ...]
    """Of each band; none where all pixels are valid."""

    @classmethod
    def of(cls, colours: gdal.Dataset, grid: Grid) -> AlignedPixels | None:
        """The view, if it is as simple as that: one pixel for one, integers, at most nodata values to look out for."""
        offsets = _offsets(colours.GetGeoTransform(), grid)
        bands = [colours.GetRasterBand(index) for index in range(1, colours.RasterCount + 1)]
        flags = {band.GetMaskFlags() for band in bands}
        is_integer = all(band.DataType in {gdal.GDT_Byte, gdal.GDT_UInt16, gdal.GDT_Int16} for band in bands)
        if offsets is None or not is_integer or flags not in ({gdal.GMF_ALL_VALID}, {gdal.GMF_NODATA}):
            return None
        has_nodata = flags == {gdal.GMF_NODATA}
        return cls(colours, *offsets, tuple(band.GetNoDataValue() for band in bands) if has_nodata else ())

    def read(self, window: Window) -> tuple[Pixels, Mask]:
        """Pixels (bands, height, width) of a window inside the grid, and where they are valid.

        As in warping, nodata is where all bands are.
        """
        area = (self._column + window.column, self._row + window.row, window.width, window.height)
        raw = self._colours.ReadAsArray(*area).reshape(-1, window.height, window.width)
        valid = np.full(raw.shape[1:], not self._nodata)
        for band, nodata in zip(raw, self._nodata):
            valid |= band != nodata
        return raw, valid


def _offsets(raster: Geotransform, grid: Grid) -> tuple[int, int] | None:
    """Row and column of the raster's pixel at the grid's corner, if pixels lie on pixels."""
    west, x_size, x_turn, north, y_turn, y_size = raster
    own = grid.geotransform
    if x_turn or y_turn or not (_same(x_size, own[1], grid.width_px) and _same(y_size, own[5], grid.height_px)):
        return None
    row, column = (own[3] - north) / y_size, (own[0] - west) / x_size
    is_aligned = max(abs(row - round(row)), abs(column - round(column))) < _SAME_PLACE_PX
    return (round(row), round(column)) if is_aligned else None


def _same(size: float, other: float, pixels: int) -> bool:
    """Whether pixels of two sizes are still in the same places after so many."""
    return math.isclose(size, other, rel_tol=_SAME_PLACE_PX / pixels)
