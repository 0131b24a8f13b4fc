"""Where roads are sought: chosen in the dock, drawn on the map; and what is said before the start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsMapToolPan
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QCheckBox, QDoubleSpinBox, QLabel

pytestmark = pytest.mark.usefixtures("plugin")

WEST, NORTH = 500_000.0, 4_600_000.0
"""Of the layer: 200 m by 200 m with a road from west to east in the middle."""


def polygons(*squares: tuple[float, float, float, float], epsg: int = 32619) -> QgsVectorLayer:
    """A layer with squares (west, south, east, north), in metres from the south-western corner of the raster."""
    layer = QgsVectorLayer(f"Polygon?crs=EPSG:{epsg}", "Squares", "memory")
    features = []
    for west, south, east, north in squares:
        feature = QgsFeature()
        x, y = WEST, NORTH - 200
        corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
        ring = ", ".join(f"{x + dx} {y + dy}" for dx, dy in corners)
        feature.setGeometry(QgsGeometry.fromWkt(f"POLYGON(({ring}))"))
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    QgsProject.instance().addMapLayer(layer)
    return layer


def length_m() -> float:
    (lines,) = QgsProject.instance().mapLayersByName("Centre-lines")
    return sum(line["length_m"] for line in lines.getFeatures())


def report(output_folder: Path) -> Any:
    (path,) = output_folder.rglob("*_report.json")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("only_selected", [False, True], ids=["all", "selected"])
def test_polygons(desktop: Any, add_layer: Any, only_selected: bool, output_folder: Path) -> None:
    add_layer()
    layer = polygons((10, 60, 70, 140), (100, 60, 190, 140))
    desktop.child_combo("area_combo").setCurrentText("Polygons of a layer")
    box = desktop.child(QCheckBox, "selected_box")
    assert not box.isHidden()
    box.setChecked(only_selected)
    layer.selectByIds([1])
    desktop.press("run_button")
    desktop.wait_until_idle()
    assert length_m() == pytest.approx(60 if only_selected else 150, abs=12)
    (mask,) = output_folder.rglob("*_mask.tif")
    pixels = gdal.Open(str(mask)).ReadAsArray()
    assert (pixels != 255).sum() == (60 * 80 if only_selected else 150 * 80), "cut to the polygons"
    assert report(output_folder)["valid_fraction"] == pytest.approx(1 if only_selected else 150 / 180, abs=0.01)


def test_no_polygon_is_selected(desktop: Any, add_layer: Any) -> None:
    add_layer()
    polygons((10, 60, 70, 140))
    desktop.child_combo("area_combo").setCurrentText("Polygons of a layer")
    desktop.child(QCheckBox, "selected_box").setChecked(True)
    desktop.press("run_button")
    assert desktop.is_idle()
    assert "No polygon of the layer 'Squares' is selected" in desktop.messages()


def test_polygons_elsewhere(desktop: Any, add_layer: Any) -> None:
    add_layer()
    polygons((5000, 60, 5070, 140))
    desktop.child_combo("area_combo").setCurrentText("Polygons of a layer")
    desktop.press("run_button")
    assert "The area does not meet the layer 'My scene'" in desktop.messages()


def test_without_a_layer_of_polygons(desktop: Any, add_layer: Any) -> None:
    add_layer()
    desktop.child_combo("area_combo").setCurrentText("Polygons of a layer")
    desktop.press("run_button")
    assert "The project has no layer of polygons" in desktop.messages()


def test_drawn_rectangle(desktop: Any, add_layer: Any, output_folder: Path) -> None:
    add_layer()
    canvas = desktop.mapCanvas()
    pan = QgsMapToolPan(canvas)
    canvas.setMapTool(pan)
    desktop.child_combo("area_combo").setCurrentText("Drawn rectangle")
    desktop.press("run_button")
    assert "No rectangle is drawn" in desktop.messages()
    desktop.press("draw_button")
    assert canvas.mapTool() is not pan
    corners = [canvas.getCoordinateTransform().transform(WEST + x, NORTH - y) for x, y in ((40, 40), (140, 160))]
    first, last = (QPoint(round(point.x()), round(point.y())) for point in corners)
    port = canvas.viewport()
    QTest.mousePress(port, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, first)
    QTest.mouseMove(port, last)
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, last)
    assert canvas.mapTool() is pan, "the tool of before comes back"
    desktop.press("run_button")
    desktop.wait_until_idle()
    assert length_m() == pytest.approx(100, abs=12)
    assert report(output_folder)["area_km2"] == pytest.approx(0.012, rel=0.1)


def test_drawn_on_a_map_in_degrees(desktop: Any, add_layer: Any) -> None:
    layer = add_layer()
    canvas = desktop.mapCanvas()
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    canvas.setExtent(canvas.mapSettings().layerExtentToOutputExtent(layer, layer.extent()))
    desktop.child_combo("area_combo").setCurrentText("Drawn rectangle")
    picker = desktop.child_combo("area_combo").parent()
    picker.show_rectangle(
        canvas.mapSettings().layerExtentToOutputExtent(layer, layer.extent().buffered(-50)), canvas.mapSettings()
    )
    desktop.press("run_button")
    desktop.wait_until_idle()
    assert length_m() == pytest.approx(100, abs=15)


def test_estimate_follows_the_map(desktop: Any, add_layer: Any, wait_for: Callable[..., None]) -> None:
    layer = add_layer()
    label = desktop.child(QLabel, "estimate_label")
    desktop.show_panel()
    wait_for(lambda: "0.04 km²" in label.text())
    assert "m per pixel" not in label.text(), "that of a file stands above"
    desktop.mapCanvas().setExtent(layer.extent().buffered(-85))
    wait_for(lambda: "0.04 km²" not in label.text())
    assert "megapixels" in label.text()


def test_estimate_of_a_basemap(desktop: Any, tile_service: Any, wait_for: Callable[..., None]) -> None:
    layer = QgsRasterLayer(f"type=xyz&url={tile_service.template}&zmin=0&zmax=19", "Basemap", "wms")
    QgsProject.instance().addMapLayer(layer)
    canvas = desktop.mapCanvas()
    canvas.setDestinationCrs(layer.crs())
    canvas.setExtent(QgsGeometry.fromWkt("LINESTRING(0 0, 1000 1000)").boundingBox())
    label = desktop.child(QLabel, "estimate_label")
    desktop.show_panel()
    wait_for(lambda: "(zoom 18)" in label.text())
    assert "has 0.60 m per pixel on the ground (zoom 18), the model wants 1.00 m" in label.text()
    assert "tiles are fetched" in label.text()
    canvas.setExtent(layer.extent())
    wait_for(lambda: "the limit is" in label.text())


def test_runs_wait_for_each_other(desktop: Any, add_layer: Any, held_run: Any, output_folder: Path) -> None:
    add_layer()
    desktop.press("run_button")
    held_run.wait_until_running()
    for threshold in (0.4, 0.6):
        desktop.child(QDoubleSpinBox, "threshold_box").setValue(threshold)
        desktop.press("run_button")
        desktop.click()
    assert "This is being done already." in desktop.messages()
    assert "2 waiting" in desktop.child(QLabel, "stage_label").text()
    held_run.release()
    desktop.wait_for_results(3)
    assert len(QgsProject.instance().layerTreeRoot().findGroups()) == 3
    assert len(list(output_folder.iterdir())) == 3


def test_cancel_goes_on_with_the_next(desktop: Any, add_layer: Any, held_run: Any, output_folder: Path) -> None:
    add_layer()
    desktop.press("run_button")
    held_run.wait_until_running()
    desktop.child(QDoubleSpinBox, "threshold_box").setValue(0.4)
    desktop.press("run_button")
    desktop.press("cancel_button")
    QTest.qWait(300)
    held_run.release()
    desktop.wait_for_results(1)
    assert len(list(output_folder.iterdir())) == 1
