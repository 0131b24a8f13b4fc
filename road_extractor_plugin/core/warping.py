"""Pixels of a raster on another grid in the same coordinate reference system, and where they are valid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import gdal_array

from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.core.gdal_binding import gdal

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_OPAQUE = 255


def warp(colours: gdal.Dataset, grid: Grid, resampling: str) -> gdal.Dataset:
    """A view of the bands on the grid, followed by one of validity, up to 255.

    Nothing is reprojected, so the mapping is affine and exact. Overviews are used where they leave at least
    two pixels of theirs per pixel wanted: then averaging still hides how they were made. A pixel is nodata
    where all bands are.
    """
    west, x_size, _, north, _, y_size = grid.geotransform
    is_float = np.issubdtype(dtype_of(colours), np.floating)
    has_nodata = colours.GetRasterBand(1).GetNoDataValue() is not None
    return gdal.Warp(
        "",
        colours,
        format="VRT",
        outputBounds=(west, north + grid.height_px * y_size, west + grid.width_px * x_size, north),
        height=grid.height_px,
        width=grid.width_px,
        resampleAlg=resampling,
        overviewLevel="AUTO-1",
        errorThreshold=0,
        dstAlpha=True,
        srcNodata="nan" if is_float and not has_nodata else None,
        transformerOptions=["SRC_METHOD=GEOTRANSFORM", "DST_METHOD=GEOTRANSFORM"],
        warpOptions=["UNIFIED_SRC_NODATA=YES", f"DST_ALPHA_MAX={_OPAQUE}"],
    )


def split(warped: Pixels) -> tuple[Pixels, Mask]:
    """Pixels and validity of what `warp` gives: at least half covered, and finite."""
    raw, alpha = warped[:-1], warped[-1]
    valid: Mask = alpha > _OPAQUE // 2
    if np.issubdtype(raw.dtype, np.floating):
        valid &= np.isfinite(raw).all(axis=0)
    return raw, valid


def dtype_of(dataset: gdal.Dataset) -> np.dtype[Any]:
    """Of its pixels."""
    return np.dtype(gdal_array.GDALTypeCodeToNumericTypeCode(dataset.GetRasterBand(1).DataType))
