"""Whole images and masks of any format, bit depth and number of bands, as 8-bit arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from model_training.datasets.folders import binary_mask
from model_training.errors import DatasetError
from model_training.preparation.borders import empty_areas
from model_training.preparation.settings import Imagery
from road_extractor_plugin.compute.normalise import Stretch, apply_stretch, percentile_stretch
from road_extractor_plugin.contract.model_card import InputSpec
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, quiet_gdal
from road_extractor_plugin.core.raster_bands import choose_bands, expand_palette
from road_extractor_plugin.core.raster_file import open_dataset

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

RGB = ("red", "green", "blue")
_FULL = 255
_HALF = 128


def rgb_spec(ground_resolution_m: float) -> InputSpec:
    """8-bit red, green and blue as they are: what crops hold."""
    return InputSpec(
        bands=RGB,
        value_range=(0.0, float(_FULL)),
        scale=1.0,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        nodata_rule="mean",
        ground_resolution_m=ground_resolution_m,
        ground_resolution_range_m=(0.0, float("inf")),
    )


@dataclass(frozen=True)
class Picture:
    """A whole image in memory."""

    image: Bytes
    """(3, height, width): red, green, blue."""
    valid: Mask
    """(height, width), True where there is imagery."""


def read_picture(path: Path, imagery: Imagery) -> Picture:
    """Read an image as 8-bit colours.

    1. Bands are those asked for, else by their meaning.
    2. Nodata values, alpha bands and mask files say where it is not valid; so do `empty_areas` of 8-bit images, and
       pixels of other images that are 0 in all bands or not finite.
    3. Bands that are not 8-bit, or all on demand, are stretched from the 2nd to the 98th percentile of their valid
       pixels other than 0.

    Raises:
        DatasetError: The file is missing, damaged or no image.
    """
    with _gdal_reading(path):
        dataset = expand_palette(open_dataset(path))
        choice = choose_bands(dataset, path, RGB, imagery.bands)  # 1
        raw = np.stack([dataset.GetRasterBand(index).ReadAsArray() for index in choice.indexes])
        masks = [dataset.GetRasterBand(index).GetMaskBand().ReadAsArray() for index in sorted({*choice.indexes})]
    valid: Mask = np.any(masks, axis=0)
    is_byte = raw.dtype == np.uint8
    if is_byte:
        valid &= ~empty_areas(raw, white=imagery.white_is_empty)  # 2
    else:
        valid &= np.isfinite(raw).all(axis=0) & (raw != 0).any(axis=0)
    if is_byte and imagery.stretch != "always":
        return Picture(raw, valid)
    return Picture(_stretched(raw, valid), valid)


def _stretched(raw: npt.NDArray[Any], valid: Mask) -> Bytes:
    """Rule 3."""
    bands = [percentile_stretch(band[None], valid & (band != 0)) for band in raw]
    stretch = Stretch(tuple(band.low[0] for band in bands), tuple(band.high[0] for band in bands))
    values = apply_stretch(np.where(valid, raw, 0), stretch, rgb_spec(1.0))
    return np.rint(values).astype(np.uint8)


def read_mask(path: Path) -> Mask:
    """Read a mask (height, width), True above half of its largest value in any band but alpha.

    Raises:
        DatasetError: The file is missing, damaged or no image.
    """
    with _gdal_reading(path):
        dataset = expand_palette(open_dataset(path))
        bands = [dataset.GetRasterBand(index) for index in range(1, dataset.RasterCount + 1)]
        layers = [band.ReadAsArray() for band in bands if band.GetColorInterpretation() != gdal.GCI_AlphaBand]
    road: Mask = binary_mask(np.max(layers, axis=0)).astype(bool)
    return road


def resample(image: Bytes, height_px: int, width_px: int, method: str) -> Bytes:
    """Bring (bands, height, width) to another number of pixels.

    Args:
        image: Any number of bands.
        height_px: Rows wanted.
        width_px: Columns wanted.
        method: "near", "average" or "bilinear", by GDAL's names.
    """
    if image.shape[1:] == (height_px, width_px):
        return image
    filters = {"near": Image.Resampling.NEAREST, "average": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR}
    size, chosen = (width_px, height_px), filters[method]
    return np.stack([np.asarray(Image.fromarray(band).resize(size, chosen)) for band in image])


def resample_mask(mask: Mask, height_px: int, width_px: int, method: str) -> Mask:
    """Bring (height, width) to another number of pixels, True where at least half of a pixel is."""
    values = resample(mask.astype(np.uint8)[None] * np.uint8(_FULL), height_px, width_px, method)
    kept: Mask = values[0] >= _HALF
    return kept


@contextmanager
def _gdal_reading(path: Path) -> Iterator[None]:
    """Turn failures of GDAL, and JPEG files that end too early, into our error."""
    before = gdal.GetConfigOption("GDAL_ERROR_ON_LIBJPEG_WARNING")
    gdal.SetConfigOption("GDAL_ERROR_ON_LIBJPEG_WARNING", "TRUE")
    try:
        with quiet_gdal():
            yield
    except RuntimeError as error:
        raise DatasetError(
            path, f"cannot be read as an image ({gdal_detail(error)})", "Replace or remove the file"
        ) from error
    finally:
        gdal.SetConfigOption("GDAL_ERROR_ON_LIBJPEG_WARNING", before)
