"""The area to look for roads in: read from a file, brought to the raster's CRS, burnt into a grid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.errors import AreaError
from road_extractor_plugin.contract.grid import Geotransform, Window
from road_extractor_plugin.contract.request import Area
from road_extractor_plugin.core.burning import MemoryLayer
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, ogr, osr, quiet_gdal
from road_extractor_plugin.core.ground import spatial_reference

_LONGEST_EDGE = 1 / 200
"""Before reprojection no edge is longer than this part of the extent, so that edges follow its curves."""


def read_area(path: Path) -> Area:
    """The union of the polygons in the first layer of a vector file that has any.

    Raises:
        AreaError: The file cannot be read, or has no polygon.
    """
    remedy = "Give a vector file with polygons, such as GeoJSON, GeoPackage or Shapefile"
    with quiet_gdal():
        try:
            dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
            for layer in (dataset.GetLayer(index) for index in range(dataset.GetLayerCount())):
                union = _union(layer)
                if not union.IsEmpty():
                    return Area(union.ExportToWkt(), _wkt(layer.GetSpatialRef()))
        except RuntimeError as error:
            problem = f"Cannot read '{path}' as an area: {gdal_detail(error)}"
            raise AreaError(problem, remedy) from error
    raise AreaError(f"'{path}' has no polygons", remedy)


def _union(layer: ogr.Layer) -> ogr.Geometry:
    polygons = ogr.Geometry(ogr.wkbMultiPolygon)
    for feature in layer:
        geometry = feature.GetGeometryRef()
        if geometry is not None:
            for polygon in _valid_polygons(geometry):
                polygons.AddGeometry(polygon)
    return polygons.UnionCascaded()


def _valid_polygons(geometry: ogr.Geometry) -> Iterator[ogr.Geometry]:
    """The polygons in a geometry: straight-edged, in two dimensions, without self-intersections."""
    flat = geometry.GetLinearGeometry()
    flat.FlattenTo2D()
    # One by one: put right together, polygons that overlap would cancel each other there.
    for polygon in _leaf_polygons(flat):
        yield from [polygon] if polygon.IsValid() else _leaf_polygons(polygon.MakeValid())


def _leaf_polygons(geometry: ogr.Geometry) -> Iterator[ogr.Geometry]:
    if geometry.GetGeometryType() == ogr.wkbPolygon:
        yield geometry
        return
    for index in range(geometry.GetGeometryCount()):
        yield from _leaf_polygons(geometry.GetGeometryRef(index))


def _wkt(crs: osr.SpatialReference | None) -> str:
    return "" if crs is None else str(crs.ExportToWkt(["FORMAT=WKT2_2018"]))


def area_in_crs(area: Area, crs_wkt: str) -> ogr.Geometry:
    """The union of an area's polygons in another CRS.

    Raises:
        AreaError: Not a polygon, or it cannot be brought to that CRS.
    """
    polygons = ogr.Geometry(ogr.wkbMultiPolygon)
    try:
        for polygon in _valid_polygons(ogr.CreateGeometryFromWkt(area.wkt)):
            polygons.AddGeometry(polygon)
        if area.crs_wkt and not polygons.IsEmpty():
            _reproject(polygons, area.crs_wkt, crs_wkt)
        polygons = polygons.UnionCascaded()
    except (RuntimeError, ValueError) as error:
        problem = f"The area cannot be placed in the raster's coordinate reference system ({error})"
        raise AreaError(problem, "Draw it anew, or save it in the raster's coordinate reference system") from error
    if polygons.IsEmpty():
        raise AreaError("The area has no polygon", "Give one or more polygons")
    return polygons


def _reproject(geometry: ogr.Geometry, from_wkt: str, to_wkt: str) -> None:
    """Reproject in place.

    Raises:
        ValueError: There is no CRS to go to.
        RuntimeError: The transformation is not possible.
    """
    if not to_wkt:
        msg = "the raster has none"
        raise ValueError(msg)
    source, target = spatial_reference(from_wkt), spatial_reference(to_wkt)
    if source.IsSame(target):
        return
    west, east, south, north = geometry.GetEnvelope()
    geometry.Segmentize(max(east - west, north - south) * _LONGEST_EDGE)
    geometry.Transform(osr.CoordinateTransformation(source, target))
    if not np.isfinite(geometry.GetEnvelope()).all():
        msg = "it reaches where that is not defined"
        raise ValueError(msg)


class AreaMask:
    """Which pixels of a grid have their centre inside an area.

    Args:
        area: Polygons in the grid's CRS.
        geotransform: Of the north-up grid.
    """

    def __init__(self, area: ogr.Geometry, geotransform: Geotransform) -> None:
        # In pixel coordinates, so that a pixel is decided alike in every window that holds it.
        shape = json.loads(area.ExportToJson())
        shape["coordinates"] = _to_pixels(shape["coordinates"], geotransform)
        self._shape = ogr.CreateGeometryFromJson(json.dumps(shape))
        self._polygons = MemoryLayer(ogr.wkbMultiPolygon)
        self._polygons.add(self._shape)

    def read(self, window: Window, shape: tuple[int, int] | None = None) -> npt.NDArray[np.bool_]:
        """The window's pixels (height, width); or the window at another number of pixels, `shape`."""
        return self._polygons.burn(window, shape).astype(bool)

    def touched(self, window: Window, margin_px: float) -> npt.NDArray[np.bool_]:
        """The window's pixels that the area, grown by a margin, touches at all (height, width)."""
        polygons = MemoryLayer(ogr.wkbMultiPolygon)
        polygons.add(self._shape.Buffer(margin_px))
        return polygons.burn(window, all_touched=True).astype(bool)


def _to_pixels(coordinates: list[Any], geotransform: Geotransform) -> list[Any]:
    """GeoJSON coordinates of any nesting in pixels of a north-up raster."""
    if isinstance(coordinates[0], list):
        return [_to_pixels(part, geotransform) for part in coordinates]
    x, y = coordinates
    return [(x - geotransform[0]) / geotransform[1], (y - geotransform[3]) / geotransform[5]]
