"""How fine a layer's imagery is."""

from __future__ import annotations

import math

from qgis.core import QgsCoordinateTransformContext, QgsDistanceArea, QgsPointXY, QgsRasterLayer, QgsUnitTypes

_STEPS_PX = 50
"""From the centre to each side: long enough to measure, short enough to be the resolution there."""


def layer_ground_resolution_m(layer: QgsRasterLayer, context: QgsCoordinateTransformContext) -> float | None:
    """Metres on the ground per pixel at the layer's centre; None where that is not known.

    Geodesic, so that degrees and Web Mercator come out right. Services have no pixels of their own, and a raster
    without a coordinate reference system has no place on the ground.
    """
    crs = layer.crs()
    if not layer.isValid() or layer.providerType() != "gdal" or not crs.isValid():
        return None
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, context)
    measure.setEllipsoid(crs.ellipsoidAcronym() or "EPSG:7030")
    centre: QgsPointXY = layer.extent().center()
    across, along = _STEPS_PX * layer.rasterUnitsPerPixelX(), _STEPS_PX * layer.rasterUnitsPerPixelY()
    lines = (
        (QgsPointXY(centre.x() - across, centre.y()), QgsPointXY(centre.x() + across, centre.y())),
        (QgsPointXY(centre.x(), centre.y() - along), QgsPointXY(centre.x(), centre.y() + along)),
    )
    lengths = [
        measure.convertLengthMeasurement(measure.measureLine(*line), QgsUnitTypes.DistanceMeters) for line in lines
    ]
    resolution_m = math.sqrt(lengths[0] * lengths[1]) / (2 * _STEPS_PX)
    return resolution_m if 0 < resolution_m < math.inf else None
