"""From what the map shows to the area that a run covers."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsDistanceArea,
    QgsGeometry,
    QgsMapSettings,
    QgsRasterLayer,
    QgsUnitTypes,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QPolygonF

from road_extractor_plugin.contract.errors import AreaError
from road_extractor_plugin.contract.request import Area

_EXTRA_POINTS_PER_EDGE = 20
"""A straight edge on the map is a curve in another coordinate reference system."""


def visible_part(layer: QgsRasterLayer, view: QgsMapSettings) -> QgsGeometry:
    """The part of a layer that the map shows, a polygon in the map's coordinate reference system.

    A turned map is a turned rectangle. The layer's own outline is taken as the upright rectangle around it.

    Raises:
        AreaError: The layer is out of view.
    """
    corners = view.visiblePolygon()
    shown = QgsGeometry.fromQPolygonF(QPolygonF([*corners, corners[0]]))
    covered = QgsGeometry.fromRect(view.layerExtentToOutputExtent(layer, layer.extent()))
    part = shown.intersection(covered)
    if part.isEmpty() or part.area() <= 0:
        raise AreaError(
            QCoreApplication.translate("map_area", "The map does not show the layer '{}'").format(layer.name()),
            QCoreApplication.translate("map_area", "Zoom to the layer, or choose the whole layer as the area"),
        )
    return part.densifyByCount(_EXTRA_POINTS_PER_EDGE)


def area_of(polygon: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> Area:
    """A polygon as the engine takes it."""
    return Area(polygon.asWkt(), crs.toWkt(QgsCoordinateReferenceSystem.WKT_PREFERRED))


def ground_area_m2(
    polygon: QgsGeometry, crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext
) -> float:
    """Area on the ellipsoid of a polygon in any coordinate reference system, in square metres."""
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, context)
    measure.setEllipsoid(crs.ellipsoidAcronym() or "EPSG:7030")
    return measure.convertAreaMeasurement(measure.measureArea(polygon), QgsUnitTypes.AreaSquareMeters)
