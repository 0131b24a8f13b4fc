"""Opening a raster file, and finding where it lies on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from road_extractor_plugin.contract.errors import RasterUnreadableError, RasterUnusableError
from road_extractor_plugin.contract.grid import Geotransform
from road_extractor_plugin.core.gdal_binding import gdal
from road_extractor_plugin.core.ground import Ground


@dataclass(frozen=True)
class Placement:
    """Where a raster lies on the ground."""

    geotransform: Geotransform
    crs_wkt: str
    """Empty when unknown."""
    ground: Ground
    warnings: tuple[str, ...]


def open_dataset(path: Path) -> gdal.Dataset:
    """Open a raster with bands.

    Raises:
        RasterUnreadableError: There is none at that path.
        RasterUnusableError: It is a container of several rasters, or its pixels are complex numbers.
    """
    try:
        dataset = gdal.OpenEx(str(path), gdal.OF_RASTER)
    except RuntimeError as error:
        is_vanished = not path.exists() and not str(path).startswith("/vsi")
        detail = "there is no such file" if is_vanished else "it is no raster format that GDAL knows, or damaged"
        detail = "it is a folder" if path.is_dir() else detail
        raise RasterUnreadableError(path, detail) from error
    if dataset.RasterCount == 0:
        names = [name for name, _ in dataset.GetSubDatasets()]
        problem = f"holds {len(names)} rasters, such as {names[0]}" if names else "has no bands"
        raise RasterUnusableError(path, problem, "Save one raster from it as a GeoTIFF")
    if gdal.DataTypeIsComplex(dataset.GetRasterBand(1).DataType):
        raise RasterUnusableError(path, "has complex pixel values", "Save its amplitude as a GeoTIFF")
    return dataset


def place(dataset: gdal.Dataset, path: Path | str, ground_resolution_m: float | None) -> Placement:
    """Find where the raster lies.

    Raises:
        RasterUnusableError: It does not say so, or not in a way that can be used.
    """
    geotransform = dataset.GetGeoTransform(can_return_null=True)
    crs = dataset.GetSpatialRef()
    if geotransform is None:
        if dataset.GetGCPCount() or dataset.GetMetadata("RPC"):
            problem = "is placed by control points or sensor coefficients only"
            raise RasterUnusableError(path, problem, "Georeference it first, for example with gdalwarp")
        geotransform, crs = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), None
    pixel_area = geotransform[1] * geotransform[5] - geotransform[2] * geotransform[4]
    if pixel_area == 0 or not all(map(math.isfinite, geotransform)):
        raise RasterUnusableError(
            path, f"has pixels without area, by its geotransform {geotransform}", "Georeference it anew"
        )
    if crs is not None:
        wkt = crs.ExportToWkt(["FORMAT=WKT2_2018"])
        try:
            return Placement(geotransform, wkt, Ground(wkt), ())
        except ValueError as error:
            raise RasterUnusableError(path, f"cannot be measured: {error}", "Reproject it first") from error
    if ground_resolution_m is None:
        raise RasterUnusableError(
            path,
            "has no coordinate reference system, so the size of its pixels on the ground is unknown",
            "Give it in metres with --ground-resolution, or assign a coordinate reference system",
        )
    pixel_units = math.hypot(geotransform[1], geotransform[4])
    warning = (
        "The raster has no coordinate reference system; its ground resolution is taken as "
        f"{ground_resolution_m:g} m/px and the results have none either."
    )
    return Placement(geotransform, "", Ground("", ground_resolution_m / pixel_units), (warning,))
