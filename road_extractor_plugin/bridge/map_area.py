"""From what the map shows to the area that a run covers."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsFeatureRequest,
    QgsGeometry,
    QgsMapSettings,
    QgsPointXY,
    QgsRasterLayer,
    QgsUnitTypes,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QPolygonF

from road_extractor_plugin.contract.errors import AreaError
from road_extractor_plugin.contract.request import Area

_STEP_DEGREES, _STEP_UNITS = 1e-3, 100.0
"""Over which a unit is measured."""
_EXTRA_POINTS_PER_EDGE = 20
"""A straight edge on the map is a curve in another coordinate reference system."""


@dataclass(frozen=True)
class ChosenArea:
    """Where roads are sought."""

    polygon: QgsGeometry
    crs: QgsCoordinateReferenceSystem
    context: QgsCoordinateTransformContext
    is_whole_layer: bool = False

    def on_layer(self, layer: QgsRasterLayer) -> QgsGeometry:
        """The part on a layer, in that layer's coordinates.

        Raises:
            AreaError: There is none.
        """
        if not layer.crs().isValid():
            return self.polygon
        part = in_crs(self.polygon, self.crs, layer.crs(), self.context)
        part = part.intersection(QgsGeometry.fromRect(layer.extent()))
        if part.isEmpty() or part.area() <= 0:
            raise AreaError(
                QCoreApplication.translate("map_area", "The area does not meet the layer '{}'").format(layer.name()),
                QCoreApplication.translate("map_area", "Choose an area on the layer"),
            )
        return part


def polygons_of(layer: QgsVectorLayer, *, only_selected: bool) -> QgsGeometry:
    """The union of a layer's polygons.

    Raises:
        AreaError: There are none.
    """
    request = QgsFeatureRequest().setNoAttributes()
    features = layer.getSelectedFeatures(request) if only_selected else layer.getFeatures(request)
    union = QgsGeometry.unaryUnion([feature.geometry() for feature in features if feature.hasGeometry()])
    if union.isEmpty():
        problem = (
            QCoreApplication.translate("map_area", "No polygon of the layer '{}' is selected")
            if only_selected
            else QCoreApplication.translate("map_area", "The layer '{}' has no polygon")
        )
        remedy = QCoreApplication.translate("map_area", "Select or draw one")
        raise AreaError(problem.format(layer.name()), remedy)
    return union


def curved(polygon: QgsGeometry) -> QgsGeometry:
    """A polygon with so many points that it keeps its shape in other coordinates."""
    return polygon.densifyByCount(_EXTRA_POINTS_PER_EDGE)


def visible_part(layer: QgsRasterLayer, view: QgsMapSettings) -> QgsGeometry:
    """The part of a layer that the map shows, a polygon in the map's coordinate reference system.

    A turned map is a turned rectangle. The layer's own outline is taken as the upright rectangle around it.

    Raises:
        AreaError: The layer is out of view.
    """
    corners = view.visiblePolygon()
    shown = QgsGeometry.fromQPolygonF(QPolygonF([*corners, corners[0]]))
    if not view.hasValidSettings():  # zoomed out so far that QGIS gives up; its corners mean nothing then
        shown = QgsGeometry.fromRect(view.visibleExtent())
    covered = QgsGeometry.fromRect(view.layerExtentToOutputExtent(layer, layer.extent()))
    part = shown.intersection(covered)
    if part.isEmpty() or part.area() <= 0:
        raise AreaError(
            QCoreApplication.translate("map_area", "The map does not show the layer '{}'").format(layer.name()),
            QCoreApplication.translate("map_area", "Zoom to the layer, or choose the whole layer as the area"),
        )
    return curved(part)


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
