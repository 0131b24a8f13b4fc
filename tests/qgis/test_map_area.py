"""From the map to the area of a request."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from osgeo import ogr, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsMapSettings,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize

from road_extractor_plugin.bridge.map_area import area_of, ground_area_m2, visible_part
from road_extractor_plugin.contract.errors import AreaError


@pytest.fixture
def view_of() -> Callable[..., QgsMapSettings]:
    """A maker of square map views: an extent in a coordinate reference system, turned."""

    def make(extent: QgsRectangle, epsg: int, rotation: float = 0.0) -> QgsMapSettings:
        view = QgsMapSettings()
        view.setDestinationCrs(QgsCoordinateReferenceSystem.fromEpsgId(epsg))
        view.setOutputSize(QSize(500, 500))
        view.setExtent(extent)
        view.setRotation(rotation)
        return view

    return make


def test_part_in_view(add_layer: Any, view_of: Any) -> None:
    layer = add_layer()
    extent = layer.extent()
    west_half = QgsRectangle(
        extent.xMinimum() - extent.width() / 2, extent.yMinimum(), extent.center().x(), extent.yMaximum()
    )
    part = visible_part(layer, view_of(west_half, 32619))
    assert part.area() == pytest.approx(extent.area() / 2)
    assert part.boundingBox().xMinimum() == pytest.approx(extent.xMinimum())


def test_turned_map_is_a_turned_rectangle(add_layer: Any, view_of: Any) -> None:
    layer = add_layer()
    view = view_of(layer.extent().buffered(-80), 32619, rotation=45)
    part = visible_part(layer, view)
    assert part.area() == pytest.approx(40**2, rel=0.01)
    assert part.boundingBox().width() == pytest.approx(40 * 2**0.5, rel=0.01)


@pytest.mark.parametrize("epsg", [32619, 3857, 4326, 26986], ids=["same", "web mercator", "degrees", "other metres"])
def test_whole_view_covers_the_layer_in_any_crs(epsg: int, add_layer: Any, view_of: Any) -> None:
    layer = add_layer()
    view = view_of(QgsRectangle(), epsg)
    view.setExtent(view.layerExtentToOutputExtent(layer, layer.extent().buffered(50)))
    area = area_of(visible_part(layer, view), view.destinationCrs())
    polygon = _to_layer_crs(area.wkt, area.crs_wkt, layer.crs().toWkt())
    outline = ogr.CreateGeometryFromWkt(layer.extent().asWktPolygon())
    assert polygon.Intersection(outline).Area() == pytest.approx(outline.Area(), rel=1e-3)
    assert polygon.Area() == pytest.approx(outline.Area(), rel=0.2)


def _to_layer_crs(wkt: str, crs_wkt: str, layer_crs_wkt: str) -> Any:
    source, target = osr.SpatialReference(crs_wkt), osr.SpatialReference(layer_crs_wkt)
    for srs in (source, target):
        srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    geometry = ogr.CreateGeometryFromWkt(wkt)
    geometry.Transform(osr.CoordinateTransformation(source, target))
    return geometry


def test_out_of_view(add_layer: Any, view_of: Any) -> None:
    with pytest.raises(AreaError, match="does not show the layer 'My scene'"):
        visible_part(add_layer(), view_of(QgsRectangle(0, 0, 10, 10), 32619))


def test_touching_the_edge_is_out_of_view(add_layer: Any, view_of: Any) -> None:
    layer = add_layer()
    extent = layer.extent()
    beside = QgsRectangle(extent.xMaximum(), extent.yMinimum(), extent.xMaximum() + 200, extent.yMaximum())
    with pytest.raises(AreaError):
        visible_part(layer, view_of(beside, 32619))


@pytest.mark.parametrize(
    ("epsg", "wkt", "km2"),
    [
        (32619, "POLYGON((500000 4600000, 501000 4600000, 501000 4601000, 500000 4601000, 500000 4600000))", 1.0),
        (4326, "POLYGON((10 60, 10.01 60, 10.01 60.01, 10 60.01, 10 60))", 0.558 * 1.114),
        # One kilometre of Web Mercator at 60 degrees north is half a kilometre on the ground.
        (3857, "POLYGON((0 8399738, 1000 8399738, 1000 8400738, 0 8400738, 0 8399738))", 0.25),
    ],
    ids=["utm", "degrees", "web mercator"],
)
def test_ground_area(epsg: int, wkt: str, km2: float) -> None:
    crs = QgsCoordinateReferenceSystem.fromEpsgId(epsg)
    area_m2 = ground_area_m2(QgsGeometry.fromWkt(wkt), crs, QgsCoordinateTransformContext())
    assert area_m2 / 1e6 == pytest.approx(km2, rel=0.01)
