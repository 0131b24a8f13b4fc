"""One click, from the toolbar to the layers on the map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProject, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDockWidget,
    QLabel,
    QMessageBox,
)

from road_extractor_plugin.contract.result import OutputPaths
from road_extractor_plugin.settings import load_settings, load_speed_mpx_s

pytestmark = pytest.mark.usefixtures("plugin")


def groups() -> list[str]:
    return [group.name() for group in QgsProject.instance().layerTreeRoot().findGroups()]


def test_click_brings_a_styled_group(desktop: Any, add_layer: Any, output_folder: Path) -> None:
    layer = add_layer()
    desktop.click()
    assert not desktop.window.findChild(QDockWidget).isHidden()
    assert not desktop.is_idle()
    desktop.wait_until_idle()
    assert groups() == ["Roads: scene"], desktop.messages()
    group = QgsProject.instance().layerTreeRoot().children()[0]
    nodes = {node.name(): node for node in group.children()}
    assert list(nodes) == ["Nodes", "Centre-lines", "Road polygons", "Road mask", "Road probability"]
    assert [name for name, node in nodes.items() if node.isVisible()] == ["Centre-lines", "Road polygons"]
    assert {node.layer().crs().authid() for node in nodes.values()} == {layer.crs().authid()}
    renderers = [node.layer().renderer().type() for node in nodes.values()]
    assert renderers == ["singleSymbol", "graduatedSymbol", "singleSymbol", "paletted", "singlebandpseudocolor"]
    assert all("test network" in node.layer().metadata().history()[0] for node in nodes.values())
    (line,) = nodes["Centre-lines"].layer().getFeatures()
    assert line["length_m"] == pytest.approx(200, abs=10)
    assert "km of road" in desktop.child(QLabel, "result_label").text()
    assert ", onnxruntime " in desktop.child(QLabel, "result_label").text(), "what ran, and why"
    assert "km of road" in desktop.messages()
    assert load_speed_mpx_s() is not None
    (run_folder,) = output_folder.iterdir()
    assert run_folder.name.startswith("My_scene_")
    assert OutputPaths(run_folder, "scene").report.exists()


def test_two_clicks_overwrite_nothing(desktop: Any, add_layer: Any, output_folder: Path) -> None:
    add_layer()
    for _ in range(2):
        desktop.click()
        desktop.wait_until_idle()
        QTest.qWait(1100)
    assert len(list(output_folder.iterdir())) == 2
    assert len(groups()) == 2


def test_probability_layer_is_scaled(desktop: Any, add_layer: Any) -> None:
    layer = add_layer()
    desktop.click()
    desktop.wait_until_idle()
    (probability,) = QgsProject.instance().mapLayersByName("Road probability")
    value, valid = probability.dataProvider().sample(layer.extent().center(), 1)
    assert valid
    assert 0.5 < value <= 1.0


@pytest.mark.parametrize("active", [None, "vector"], ids=["no layer", "vector layer"])
def test_without_a_raster_layer_it_says_what_to_do(desktop: Any, active: str | None) -> None:
    if active:
        desktop.active = QgsVectorLayer("Point?crs=EPSG:4326", "points", "memory")
    desktop.click()
    assert desktop.is_idle()
    assert "Select a raster layer in the Layers panel" in desktop.messages()


def test_layer_out_of_view(desktop: Any, add_layer: Any) -> None:
    add_layer()
    desktop.mapCanvas().setExtent(QgsRectangle(0, 0, 100, 100))
    desktop.click()
    assert desktop.is_idle()
    assert "does not show the layer 'My scene'" in desktop.messages()


@pytest.mark.parametrize("area", ["Visible extent", "Whole layer"])
def test_area(desktop: Any, area: str, add_layer: Any) -> None:
    layer = add_layer()
    desktop.mapCanvas().setExtent(layer.extent().buffered(-85))
    seen_m = desktop.mapCanvas().extent().width()
    assert seen_m < 150, "the view is well inside the layer, whatever its shape"
    desktop.child(QComboBox, "area_combo").setCurrentText(area)
    desktop.press("run_button")
    desktop.wait_until_idle()
    (lines,) = QgsProject.instance().mapLayersByName("Centre-lines")
    assert sum(line["length_m"] for line in lines.getFeatures()) == pytest.approx(
        seen_m if area == "Visible extent" else 200, abs=10
    )


def test_run_needs_a_layer(desktop: Any) -> None:
    desktop.press("run_button")
    assert desktop.is_idle()
    assert "Add a raster layer to the project" in desktop.messages()


def test_broken_model_is_named(desktop: Any, add_layer: Any) -> None:
    path = load_settings().model
    assert path is not None
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    add_layer()
    desktop.click()
    desktop.wait_until_idle()
    assert not groups()
    assert "Cannot load the model" in desktop.messages()


def test_cancel(desktop: Any, add_layer: Any, held_run: Any, output_folder: Path) -> None:
    add_layer()
    desktop.click()
    held_run.wait_until_running()
    desktop.wait_for_progress(25)
    assert "held by the test" in desktop.child(QLabel, "stage_label").text()
    desktop.press("cancel_button")
    desktop.wait_until_idle()
    assert held_run.was_cancelled
    assert not groups()
    assert "Cancelled" in desktop.child(QLabel, "result_label").text()
    assert not output_folder.exists()


def test_cancel_of_the_real_engine(desktop: Any, add_layer: Any, output_folder: Path) -> None:
    add_layer(size_px=4000)
    desktop.click()
    desktop.wait_for_progress(1)
    desktop.press("cancel_button")
    desktop.wait_until_idle()
    assert not groups()
    assert not list(output_folder.glob("*/[!.]*")), "but for what a run may go on from"


def test_layer_removed_in_mid_run(desktop: Any, add_layer: Any, held_run: Any) -> None:
    layer = add_layer()
    desktop.click()
    held_run.wait_until_running()
    desktop.active = None
    QgsProject.instance().removeMapLayer(layer.id())
    held_run.release()
    desktop.wait_until_idle()
    assert groups() == ["Roads: scene"]


def test_project_closed_in_mid_run(desktop: Any, add_layer: Any, held_run: Any, output_folder: Path) -> None:
    add_layer()
    desktop.click()
    held_run.wait_until_running()
    desktop.active = None
    QgsProject.instance().clear()
    held_run.release()
    desktop.wait_until_idle()
    assert not groups()
    assert str(output_folder) in desktop.messages()
    assert list(output_folder.rglob("*.gpkg"))


def test_unexpected_error_is_reported_and_logged(
    desktop: Any, add_layer: Any, monkeypatch: Any, logged: list[str]
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("road_extractor_plugin.core.pipeline.extract", fail)
    add_layer()
    desktop.click()
    desktop.wait_until_idle()
    assert "Something unexpected happened (ZeroDivisionError)" in desktop.messages()
    assert any("Traceback" in line and "a defect" in line for line in logged)


@pytest.mark.parametrize("answer", [QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No], ids=["yes", "no"])
def test_large_job_asks_first(desktop: Any, answer: Any, add_layer: Any, monkeypatch: Any) -> None:
    asked: list[str] = []
    monkeypatch.setattr("road_extractor_plugin.gui.estimate._LARGE_MEGAPIXELS", 0.01)
    monkeypatch.setattr(QMessageBox, "question", lambda *args: asked.append(args[2]) or answer)
    add_layer()
    desktop.click()
    desktop.wait_until_idle()
    assert "the model wants 1.00 m" in asked[0]
    assert "megapixels" in asked[0]
    assert bool(groups()) == (answer == QMessageBox.StandardButton.Yes)
