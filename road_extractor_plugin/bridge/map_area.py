"""From what the map shows to the area that a run covers."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsGeometry,
    QgsMapSettings,
    QgsPointXY,
    QgsRasterLayer,
    QgsUnitTypes,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QPolygonF

from road_extractor_plugin.contract.errors import AreaError
from road_extractor_plugin.contract.request import Area

_STEP_DEGREES, _STEP_UNITS = 1e-3, 100.0
"""Over which a unit is measured."""
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


def in_crs(
    polygon: QgsGeometry,
    crs: QgsCoordinateReferenceSystem,
    other: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> QgsGeometry:
    """A polygon in another coordinate reference system.

    Raises:
        AreaError: It reaches where that is not defined.
    """
    moved = QgsGeometry(polygon)
    try:
        moved.transform(QgsCoordinateTransform(crs, other, context))
    except QgsCsException as error:
        raise AreaError(
            QCoreApplication.translate("map_area", "The area cannot be placed in the layer's coordinates ({})").format(
                other.authid()
            ),
            QCoreApplication.translate("map_area", "Choose a smaller area, on the layer"),
        ) from error
    return moved


def area_of(polygon: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> Area:
    """A polygon as the engine takes it."""
    return Area(polygon.asWkt(), crs.toWkt(QgsCoordinateReferenceSystem.WKT_PREFERRED))


def ground_area_m2(
    polygon: QgsGeometry, crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext
) -> float:
    """Area on the ellipsoid of a polygon in any coordinate reference system, in square metres."""
    measure = _measure(crs, context)
    return measure.convertAreaMeasurement(measure.measureArea(polygon), QgsUnitTypes.AreaSquareMeters)


def metres_per_unit(
    crs: QgsCoordinateReferenceSystem, place: QgsPointXY, context: QgsCoordinateTransformContext
) -> tuple[float, float]:
    """Metres on the ground of one unit of a coordinate reference system along x and along y at a place."""
    measure = _measure(crs, context)
    half = _STEP_DEGREES / 2 if crs.isGeographic() else _STEP_UNITS / 2
    return tuple(
        measure.convertLengthMeasurement(
            measure.measureLine(QgsPointXY(place.x() - x, place.y() - y), QgsPointXY(place.x() + x, place.y() + y)),
            QgsUnitTypes.DistanceMeters,
        )
        / (2 * half)
        for x, y in ((half, 0.0), (0.0, half))
    )


def _measure(crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext) -> QgsDistanceArea:
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, context)
    measure.setEllipsoid(crs.ellipsoidAcronym() or "EPSG:7030")
    return measure
