"""Reading a raster of road and other, in any of the codings that masks come in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.errors import ComparisonError, RasterUnreadableError
from road_extractor_plugin.contract.grid import Geotransform
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, quiet_gdal
from road_extractor_plugin.core.raster_file import open_dataset

OTHER, ROAD, UNKNOWN = 0, 1, 255
_PROBABILITY = 0.5 - 1e-6
"""Least probability of road; the slack is for stored values times the band's scale."""
_BYTE_RANGE = (128, 255)
"""Least road value of a 0/255 mask, so that JPEG noise does not matter, and the greatest there is."""
_MAX_PIXELS = 500_000_000
_CODINGS = "a mask has 0 and 1 or 0 and 255, a probability raster 0 to 1 (band scale applied)"


@dataclass(frozen=True, eq=False)
class MaskFile:
    """A mask and where it lies."""

    path: Path
    labels: npt.NDArray[np.uint8]
    """(height, width), `OTHER`, `ROAD` or `UNKNOWN`."""
    geotransform: Geotransform | None
    crs_wkt: str
    """Empty when unknown."""


def read_mask(path: Path) -> MaskFile:
    """Read the first band of a raster as a mask.

    1. Pixels that the file's nodata value, mask or alpha band excludes are unknown, and so are those not finite.
    2. Up to a greatest value of 1, pixels are probabilities or 0 and 1: road is 0.5 and more.
    3. From 128 to 255, pixels are 0 and 255: road is 128 and more.
    4. Anything else is no mask.

    Raises:
        RasterUnreadableError: Missing, no raster, or broken.
        RasterUnusableError: It is a container of several rasters, or its pixels are complex numbers.
        ComparisonError: It is no mask.
    """
    with quiet_gdal():
        dataset = open_dataset(path)
        pixels = dataset.RasterXSize * dataset.RasterYSize
        if pixels > _MAX_PIXELS:
            problem = f"'{path}' has {pixels / 1e6:,.0f} million pixels, more than the {_MAX_PIXELS / 1e6:.0f} that fit"
            raise ComparisonError(problem, "Cut both rasters to parts, for example with gdal_translate -projwin")
        try:
            band = dataset.GetRasterBand(1)
            values, is_known = band.ReadAsArray(), band.GetMaskBand().ReadAsArray() != 0
        except RuntimeError as error:
            raise RasterUnreadableError(path, gdal_detail(error)) from error
    labels = _labels(path, _scaled(values, band), is_known)
    if band.GetNoDataValue() == 0 and not (labels == OTHER).any():
        remedy = "Remove the nodata value if 0 means 'no road', for example with gdal_edit.py -unsetnodata"
        raise ComparisonError(f"'{path}' calls 0 nodata, so that nothing but road is left to compare", remedy)
    crs = dataset.GetSpatialRef()
    wkt = "" if crs is None else crs.ExportToWkt(["FORMAT=WKT2_2018"])
    return MaskFile(path, labels, dataset.GetGeoTransform(can_return_null=True), wkt)


def _scaled(values: npt.NDArray[Any], band: gdal.Band) -> npt.NDArray[Any]:
    scale, offset = band.GetScale() or 1.0, band.GetOffset() or 0.0
    return values if (scale, offset) == (1.0, 0.0) else (values * scale + offset).astype(np.float32)


def _labels(path: Path, values: npt.NDArray[Any], is_known: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    if np.issubdtype(values.dtype, np.floating):
        is_known = is_known & np.isfinite(values)
    known = values[is_known]
    least, greatest = (known.min(), known.max()) if known.size else (0, 0)
    if least >= 0 and greatest <= 1 + 1e-6:
        least_road: float = _PROBABILITY
    elif least >= 0 and _BYTE_RANGE[0] <= greatest <= _BYTE_RANGE[1]:
        least_road = _BYTE_RANGE[0]
    else:
        problem = f"'{path}' has values from {least:g} to {greatest:g}, but {_CODINGS}"
        raise ComparisonError(problem, "Recode it, for example with gdal_calc.py")
    labels = np.where(values >= least_road, np.uint8(ROAD), np.uint8(OTHER))
    labels[~is_known] = UNKNOWN
    return labels


def labels_on_grid_of(mask: MaskFile, target: MaskFile) -> npt.NDArray[np.uint8]:
    """A mask's labels on the pixels of another one: (height, width), the nearest pixel, unknown outside.

    Where one of the two does not say where it lies, they are taken to lie pixel on pixel.

    Raises:
        ComparisonError: They have different sizes and one does not say where it lies, or no way leads from one
            coordinate reference system to the other.
    """
    are_comparable = bool(mask.crs_wkt) == bool(target.crs_wkt)
    if mask.geotransform is None or target.geotransform is None or not are_comparable:
        if mask.labels.shape != target.labels.shape:
            raise ComparisonError(_size_problem(mask, target), "Georeference both, or bring them to the same size")
        return mask.labels
    warped = _in_memory(np.full_like(target.labels, UNKNOWN), target)
    try:
        with quiet_gdal():
            gdal.Warp(warped, _in_memory(mask.labels, mask), resampleAlg="near", errorThreshold=0, srcNodata=UNKNOWN)
    except RuntimeError as error:
        problem = f"'{mask.path}' cannot be brought onto the grid of '{target.path}' ({gdal_detail(error)})"
        raise ComparisonError(problem, "Check the coordinate reference systems of both") from error
    labels: npt.NDArray[np.uint8] = warped.ReadAsArray()
    return labels


def _size_problem(mask: MaskFile, target: MaskFile) -> str:
    sizes = [f"'{file.path}' ({file.labels.shape[1]} x {file.labels.shape[0]} px)" for file in (target, mask)]
    return f"{' and '.join(sizes)} differ in size, and not both say where they lie"


def _in_memory(labels: npt.NDArray[np.uint8], place: MaskFile) -> gdal.Dataset:
    height, width = labels.shape
    dataset = gdal.GetDriverByName("MEM").Create("", width, height, 1, gdal.GDT_Byte)
    dataset.SetGeoTransform(place.geotransform)
    dataset.SetProjection(place.crs_wkt)
    dataset.GetRasterBand(1).SetNoDataValue(UNKNOWN)
    dataset.GetRasterBand(1).WriteArray(labels)
    return dataset
