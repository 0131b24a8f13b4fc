"""Reading road lines from a vector file, in metres of the place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.errors import ComparisonError
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, ogr, osr, quiet_gdal
from road_extractor_plugin.core.ground import spatial_reference

Line = npt.NDArray[np.float64]
"""(k, 2) x, y."""

OUR_LAYER = "centerlines"
_FORMATS = "Give lines in a vector file, such as GeoPackage, GeoJSON or Shapefile"


@dataclass(frozen=True, eq=False)
class LineFile:
    """Lines of one layer."""

    path: Path
    lines: tuple[Line, ...]
    crs_wkt: str
    """Empty when unknown."""


def read_lines(path: Path) -> LineFile:
    """Read the lines of the layer `centerlines`, or where there is none, of the first layer that has lines.

    Raises:
        ComparisonError: The file cannot be read or has no layer of lines.
    """
    with quiet_gdal():
        try:
            dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
            layers = [dataset.GetLayer(index) for index in range(dataset.GetLayerCount())]
            layers = [layer for layer in layers if layer.GetName() == OUR_LAYER] or layers
            for layer in layers:
                lines = tuple(_lines_of(layer))
                if lines:
                    return LineFile(path, lines, _wkt(layer.GetSpatialRef()))
        except RuntimeError as error:
            raise ComparisonError(f"Cannot read '{path}' as lines: {gdal_detail(error)}", _FORMATS) from error
        if any(layer.GetFeatureCount() == 0 for layer in layers):
            return LineFile(path, (), "")
    raise ComparisonError(f"'{path}' has no lines", _FORMATS)


def _lines_of(layer: ogr.Layer) -> Iterator[Line]:
    for feature in layer:
        geometry = feature.GetGeometryRef()
        if geometry is not None:
            yield from _leaf_lines(geometry.GetLinearGeometry())


def _leaf_lines(geometry: ogr.Geometry) -> Iterator[Line]:
    """The lines in a geometry of straight parts; outlines of polygons are none."""
    kind = ogr.GT_Flatten(geometry.GetGeometryType())
    if kind == ogr.wkbLineString and geometry.GetPointCount() > 1:
        yield np.array(geometry.GetPoints(), dtype=np.float64)[:, :2]
    elif kind in (ogr.wkbMultiLineString, ogr.wkbGeometryCollection):
        for index in range(geometry.GetGeometryCount()):
            yield from _leaf_lines(geometry.GetGeometryRef(index))


def _wkt(crs: osr.SpatialReference | None) -> str:
    return "" if crs is None else str(crs.ExportToWkt(["FORMAT=WKT2_2018"]))


def local_metres(files: tuple[LineFile, ...]) -> list[list[Line]]:
    """The lines of several files in one transverse Mercator projection about the middle of the first that has any.

    As a UTM zone has it, but true to scale at the place itself and without borders between zones.

    Raises:
        ComparisonError: A file has lines but no coordinate reference system, or cannot be projected.
    """
    present = next((file for file in files if file.lines), None)
    if present is None:
        return [[] for _ in files]
    for file in files:
        if file.lines and not file.crs_wkt:
            problem = f"'{file.path}' has no coordinate reference system, so that its lengths are unknown"
            raise ComparisonError(problem, "Assign one, for example with ogr2ogr -a_srs")
    local = _local_projection(present)
    return [_projected(file, local) for file in files]


def _local_projection(file: LineFile) -> osr.SpatialReference:
    points = np.concatenate(file.lines)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    world = osr.SpatialReference()
    world.SetWellKnownGeogCS("WGS84")
    world.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    longitude, latitude = _transformed(file, middle[None], world)[0]
    local = osr.SpatialReference()
    local.SetWellKnownGeogCS("WGS84")
    local.SetTM(latitude, longitude, 1.0, 0.0, 0.0)
    return local


def _projected(file: LineFile, local: osr.SpatialReference) -> list[Line]:
    if not file.lines:
        return []
    points = _transformed(file, np.concatenate(file.lines), local)
    return np.split(points, np.cumsum([len(line) for line in file.lines])[:-1])


def _transformed(file: LineFile, points: Line, target: osr.SpatialReference) -> Line:
    """Points (k, 2) of a file in another CRS.

    Raises:
        ComparisonError: It is not defined there.
    """
    try:
        with quiet_gdal():
            transformation = osr.CoordinateTransformation(spatial_reference(file.crs_wkt), target)
            transformed = np.array(transformation.TransformPoints(np.ascontiguousarray(points)))[:, :2]
    except (RuntimeError, ValueError) as error:
        transformed, detail = np.array(np.nan), f" ({error})"
    else:
        detail = ""
    if not np.isfinite(transformed).all():
        problem = f"The lines of '{file.path}' cannot be projected to metres{detail}"
        raise ComparisonError(problem, "Check that its coordinate reference system is the right one")
    return transformed
