"""One click on a basemap: from a service on this computer to the layers on the map."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtWidgets import QMessageBox, QPushButton

from road_extractor_plugin.contract.result import OutputPaths

pytestmark = pytest.mark.usefixtures("plugin")

LATITUDE = 40.0
"""There level 17 has 0.91 m per pixel."""
NORTH = 6_378_137 * math.log(math.tan(math.pi / 4 + math.radians(LATITUDE) / 2))
WEST = -7_900_000.0
ZOOM = 17


def road(zoom: int, column: int, row: int, tile_px: int) -> npt.NDArray[np.uint8]:
    """Grey ground with a white road of 9 m from west to east, 300 m south of the corner."""
    pixel = 40_075_016.68557849 / 2**zoom / tile_px
    y = 20_037_508.342789244 - (row * tile_px + np.arange(tile_px) + 0.5) * pixel
    ground_m = (NORTH - y) * math.cos(math.radians(LATITUDE))
    is_road = np.abs(ground_m - 300) < 4.5
    return np.broadcast_to(np.where(is_road, 255, 40)[None, :, None], (3, tile_px, tile_px)).astype(np.uint8)


@pytest.fixture
def basemap(desktop: Any, tile_service: Any) -> QgsRasterLayer:
    """A basemap in the project; the map shows 600 m of it."""
    tile_service.paint = road
    layer = QgsRasterLayer(f"type=xyz&url={tile_service.template}&zmin=0&zmax=19", "My basemap", "wms")
    assert layer.isValid()
    size = 600 / math.cos(math.radians(LATITUDE))
    desktop.show(layer, QgsRectangle(WEST, NORTH - size, WEST + size, NORTH))
    return layer


def results(folder: Path) -> tuple[OutputPaths, Any]:
    """The newest run."""
    newest = max(folder.iterdir())
    paths = OutputPaths(newest, newest.name)
    return paths, json.loads(paths.report.read_text(encoding="utf-8"))


def group_of(index: int = 0) -> dict[str, Any]:
    group = QgsProject.instance().layerTreeRoot().children()[index]
    return {node.name(): node.layer() for node in group.children()}


def test_click_finds_the_road(
    desktop: Any, basemap: QgsRasterLayer, output_folder: Path, tile_service: Any, imagery_folders: Callable[[], int]
) -> None:
    desktop.click()
    desktop.wait_until_idle()
    assert "km of road" in desktop.messages(), desktop.messages()
    paths, report = results(output_folder)
    assert paths.stem.startswith("My_basemap_20")
    asked = [tile for tile in tile_service.asked if tile[0] == ZOOM]  # others are for the map
    assert max(tile_service.asked)[0] == ZOOM, "0.91 m is just finer than 1 m"
    assert len(asked) == len(set(asked))
    assert report["imagery"]["missing"] == 0
    assert report["imagery"]["tiles"] == len(asked)
    assert report["imagery"]["level"] == "zoom 17"
    assert report["raster_ground_resolution_m"] == pytest.approx(1.194328566955879 * 0.7660444, rel=0.01)
    assert report["grid_ground_resolution_m"] == pytest.approx(1.0, rel=0.01)
    assert report["request"]["raster"]["kind"] == "XYZ"
    assert report["roads"]["length_km"] == pytest.approx(
        desktop.mapCanvas().extent().width() * math.cos(math.radians(LATITUDE)) / 1000, rel=0.05
    )
    layers = group_of()
    assert "Missing imagery" not in layers
    assert layers["Centre-lines"].crs() == QgsCoordinateReferenceSystem("EPSG:3857")
    (line,) = layers["Centre-lines"].getFeatures()
    middle_y = line.geometry().boundingBox().center().y()
    assert (NORTH - middle_y) * math.cos(math.radians(LATITUDE)) == pytest.approx(300, abs=2)
    assert not desktop.child(QPushButton, "fetch_missing_button").isVisibleTo(desktop.window)
    assert imagery_folders() == 0


def test_missing_tiles_are_shown_and_fetched_again(
    desktop: Any,
    basemap: QgsRasterLayer,
    output_folder: Path,
    tile_service: Any,
    imagery_folders: Callable[[], int],
    wait_a_second: Callable[[], None],
) -> None:
    desktop.click()
    desktop.wait_until_idle()
    asked = sorted(tile for tile in tile_service.times_asked if tile[0] == ZOOM)
    bad = asked[len(asked) // 2]
    tile_service.asked.clear()
    tile_service.failures[bad] = [404]
    wait_a_second()
    desktop.active = basemap
    desktop.click()
    desktop.wait_until_idle()
    _, report = results(output_folder)
    assert report["imagery"]["problems"] == {"the service has none (HTTP 404)": 1}
    assert any("1 of" in warning and "missing" in warning for warning in report["warnings"])
    (hole,) = group_of()["Missing imagery"].getFeatures()
    side = 40_075_016.68557849 / 2**ZOOM
    bounds = hole.geometry().boundingBox()
    assert bounds.width() == pytest.approx(side)
    assert bounds.xMinimum() == pytest.approx(-20_037_508.342789244 + bad[1] * side)
    assert bounds.yMaximum() == pytest.approx(20_037_508.342789244 - bad[2] * side)
    valid_before = report["valid_fraction"]
    assert imagery_folders() == 1

    tile_service.asked.clear()
    del tile_service.failures[bad]
    wait_a_second()
    assert desktop.child(QPushButton, "fetch_missing_button").isVisibleTo(desktop.window)
    desktop.press("fetch_missing_button")
    desktop.wait_until_idle()
    assert [tile for tile in tile_service.asked if tile[0] == ZOOM] == [bad]
    _, report = results(output_folder)
    assert report["imagery"]["missing"] == 0
    assert report["valid_fraction"] > valid_before
    assert "Missing imagery" not in group_of()
    assert imagery_folders() == 0


def test_dead_service_is_told(
    desktop: Any, basemap: QgsRasterLayer, tile_service: Any, imagery_folders: Callable[[], int]
) -> None:
    tile_service.stop()
    desktop.click()
    desktop.wait_until_idle()
    assert "of 'My basemap' that were asked for could be had: Connection refused" in desktop.messages()
    assert imagery_folders() == 0


def test_whole_world_is_refused_in_words(desktop: Any, basemap: QgsRasterLayer) -> None:
    desktop.child_combo("area_combo").setCurrentText("Whole layer")
    desktop.press("run_button")
    assert desktop.is_idle()
    assert "the limit is 250,000. Choose a smaller area" in desktop.messages()


def test_openstreetmap_is_capped_and_asked_about(desktop: Any, basemap: QgsRasterLayer, monkeypatch: Any) -> None:
    layer = QgsRasterLayer("type=xyz&url=https://tile.openstreetmap.org/{z}/{x}/{y}.png&zmax=19", "OSM", "wms")
    QgsProject.instance().addMapLayer(layer)
    desktop.active = layer
    asked: list[str] = []
    monkeypatch.setattr(QMessageBox, "question", lambda *args: asked.append(args[2]) or QMessageBox.StandardButton.No)
    canvas = desktop.mapCanvas()
    canvas.setExtent(QgsRectangle(WEST, NORTH - 6000, WEST + 6000, NORTH))
    desktop.click()
    assert "terms of use of OpenStreetMap forbid" in asked[0]
    canvas.setExtent(QgsRectangle(WEST, NORTH - 60000, WEST + 60000, NORTH))
    desktop.click()
    assert len(asked) == 1
    assert "the limit is 5,000" in desktop.messages()
