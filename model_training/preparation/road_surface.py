"""Surfaces of roads from a vector file, drawn on the pixels of a raster."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model_training.errors import DatasetError
from model_training.preparation.settings import RoadStyle
from road_extractor_plugin.contract.grid import Grid, Window
from road_extractor_plugin.core.area import AreaMask
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, ogr, osr, quiet_gdal
from road_extractor_plugin.core.ground import spatial_reference

_REACH_M = 100.0
"""Roads whose centre-line is that far outside may still reach in."""
_LEAST_WIDTH_PX = 1.5
"""Narrower lines would come out broken: from the diagonal of a pixel on, some pixel's centre is always inside."""
_ROUND_STEPS = 8
"""Of the buffer, per quarter circle."""
_DENSIFIED_PARTS = 20
_UTM_ZONE_DEGREES, _UTM_ZONES = 6.0, 60


class RoadSurface:
    """The roads of a vector file on a grid.

    1. Features that meet the extent are taken, in the local UTM zone (WGS 84), where a metre is one within 0.1 %.
    2. Lines are buffered there by half of their width, with round ends; polygons are taken as they are.
    3. All are united, so that overlapping roads do not cut holes, and brought to the grid's CRS.

    Args:
        path: Any vector file that OGR reads.
        style: Widths, and which features are roads.
        grid: Pixels to draw on.
        window: The part of the grid that is needed.
        pixel_m: Metres on the ground of the pixels that will be drawn.

    Raises:
        DatasetError: The file cannot be read, or has no such layer, field or CRS.
    """

    def __init__(self, path: Path, style: RoadStyle, grid: Grid, window: Window, pixel_m: float) -> None:
        with quiet_gdal():
            try:
                surface = _surface(path, style, grid, _extent(grid, window), _LEAST_WIDTH_PX * pixel_m)
            except RuntimeError as error:
                raise _unreadable(path, gdal_detail(error)) from error
            self._mask = None if surface.IsEmpty() else AreaMask(surface, grid.geotransform)

    def read(self, window: Window, shape: tuple[int, int] | None = None) -> npt.NDArray[np.bool_]:
        """Where the window's pixels (height, width) have their centre on a road; or at another number of pixels."""
        if self._mask is None:
            return np.zeros(shape or (window.height, window.width), bool)
        return self._mask.read(window, shape)


def _unreadable(path: Path, detail: str) -> DatasetError:
    return DatasetError(path, f"cannot be read as roads ({detail})", "Check the file, --layer and --where")


def _extent(grid: Grid, window: Window) -> tuple[float, float, float, float]:
    """West, south, east, north of the part of the window that lies on the grid."""
    inside = window.intersection(grid.window)
    west, x_size, _, north, _, y_size = grid.geotransform
    top, left = north + inside.row * y_size, west + inside.column * x_size
    return left, top + inside.height * y_size, left + inside.width * x_size, top


def _surface(
    path: Path, style: RoadStyle, grid: Grid, extent: tuple[float, float, float, float], least_width_m: float
) -> ogr.Geometry:
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    layer = _layer(dataset, path, style)
    grid_crs, layer_crs = spatial_reference(grid.crs_wkt), layer.GetSpatialRef().Clone()
    layer_crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    utm = local_utm(grid_crs, extent)
    bounds = osr.CoordinateTransformation(grid_crs, utm).TransformBounds(*extent, _DENSIFIED_PARTS)
    west, south, east, north = bounds[0] - _REACH_M, bounds[1] - _REACH_M, bounds[2] + _REACH_M, bounds[3] + _REACH_M
    to_layer = osr.CoordinateTransformation(utm, layer_crs)
    layer.SetSpatialFilterRect(*to_layer.TransformBounds(west, south, east, north, _DENSIFIED_PARTS))
    to_utm = osr.CoordinateTransformation(layer_crs, utm)  # 1
    surfaces = ogr.Geometry(ogr.wkbMultiPolygon)
    for feature in layer:
        if feature.GetGeometryRef() is not None:
            _add_polygons(surfaces, _road(feature, to_utm, style, least_width_m))
    united = surfaces.UnionCascaded() if not surfaces.IsEmpty() else surfaces  # 3
    united.Transform(osr.CoordinateTransformation(utm, grid_crs))
    return united


def _layer(dataset: gdal.Dataset, path: Path, style: RoadStyle) -> ogr.Layer:
    """The layer asked for, with only the features asked for.

    Raises:
        DatasetError: There is none, or it has no such field or no CRS.
    """
    names = [dataset.GetLayer(index).GetName() for index in range(dataset.GetLayerCount())]
    if style.layer is not None and style.layer not in names:
        raise DatasetError(path, f"has no layer '{style.layer}'", f"It has {', '.join(names)}")
    layer = dataset.GetLayer(0) if style.layer is None else dataset.GetLayerByName(style.layer)
    # An empty GeoJSON has neither fields nor, sometimes, a CRS; then there is nothing to place either.
    fields = [field.GetName() for field in layer.schema]
    if style.width_field is not None and fields and style.width_field not in fields:
        raise DatasetError(path, f"has no field '{style.width_field}'", f"It has {', '.join(fields)}")
    if layer.GetSpatialRef() is None:
        raise DatasetError(
            path, "has no coordinate reference system", "Assign one, so that roads can be laid on images"
        )
    if style.where is not None:
        layer.SetAttributeFilter(style.where)
    return layer


def _road(
    feature: ogr.Feature, to_utm: osr.CoordinateTransformation, style: RoadStyle, least_width_m: float
) -> ogr.Geometry:
    """The surface of one road in UTM: rule 2."""
    road = feature.GetGeometryRef().GetLinearGeometry()
    road.FlattenTo2D()
    road.Transform(to_utm)
    if road.GetDimension() == 2:  # noqa: PLR2004  (a surface)
        return road.MakeValid().Buffer(0)
    stated_m = feature.GetFieldAsDouble(style.width_field) if style.width_field is not None else 0.0
    width_m = stated_m if stated_m > 0 and math.isfinite(stated_m) else style.width_m
    return road.Buffer(max(width_m, least_width_m) / 2, _ROUND_STEPS)


def _add_polygons(surfaces: ogr.Geometry, surface: ogr.Geometry) -> None:
    if surface.GetGeometryType() == ogr.wkbPolygon:
        surfaces.AddGeometry(surface)
        return
    for index in range(surface.GetGeometryCount()):
        surfaces.AddGeometry(surface.GetGeometryRef(index))


def local_utm(crs: osr.SpatialReference, extent: tuple[float, float, float, float]) -> osr.SpatialReference:
    """The UTM zone (WGS 84) of the centre of an extent (west, south, east, north)."""
    wgs84 = spatial_reference(osr.SRS_WKT_WGS84_LAT_LONG)
    centre = ((extent[0] + extent[2]) / 2, (extent[1] + extent[3]) / 2)
    longitude, latitude, _ = osr.CoordinateTransformation(crs, wgs84).TransformPoint(*centre)
    zone = int((longitude + 180.0) // _UTM_ZONE_DEGREES) % _UTM_ZONES + 1
    utm = osr.SpatialReference()
    utm.SetWellKnownGeogCS("WGS84")
    utm.SetUTM(zone, 1 if latitude >= 0 else 0)
    return utm
