"""A small stand-in for the window of QGIS, and imagery with a road in it."""

# ruff: noqa: N802  (names that the plugin knows from QgisInterface)

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsApplication, QgsProcessingUtils, QgsProject, QgsRasterLayer, QgsSettings
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QComboBox, QMainWindow, QProgressBar, QPushButton

from road_extractor_plugin import classFactory
from road_extractor_plugin.contract.errors import Cancelled
from road_extractor_plugin.core import pipeline
from road_extractor_plugin.gui import results_controller
from road_extractor_plugin.plugin import RoadExtractorPlugin
from road_extractor_plugin.settings import Settings, save_settings

WEST, NORTH = 500_000.0, 4_600_000.0


def wait_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Let QGIS work until something is true."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        QgsApplication.processEvents()
        time.sleep(0.005)


@pytest.fixture
def wait() -> Callable[..., None]:
    """(condition) Let QGIS work until something is true."""
    return wait_until


class Desktop:
    """The part of `QgisInterface` that the plugin uses, on a real window whose contents can be counted."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self.window = QMainWindow()
        self.tool_bar = self.window.addToolBar("Plugins")
        self.raster_menu = self.window.menuBar().addMenu("Raster")
        self.active: Any = None

    def mainWindow(self) -> QMainWindow:
        return self.window

    def mapCanvas(self) -> Any:
        return self._stub.mapCanvas()

    def messageBar(self) -> Any:
        return self._stub.messageBar()

    def activeLayer(self) -> Any:
        return self.active

    def show(self, layer: Any, extent: Any = None) -> None:
        """Add a layer to the project; it is active, and all of it or an extent in its coordinates is in view."""
        QgsProject.instance().addMapLayer(layer)
        self.active = layer
        canvas = self.mapCanvas()
        canvas.setDestinationCrs(layer.crs())
        canvas.setExtent(extent or layer.extent())

    def addToolBarIcon(self, action: QAction) -> None:
        self.tool_bar.addAction(action)

    def removeToolBarIcon(self, action: QAction) -> None:
        self.tool_bar.removeAction(action)

    def addPluginToRasterMenu(self, name: str, action: QAction) -> None:
        self._submenu(name).addAction(action)

    def removePluginRasterMenu(self, name: str, action: QAction) -> None:
        menu = self._submenu(name)
        menu.removeAction(action)
        if menu.isEmpty():
            menu.deleteLater()

    def _submenu(self, name: str) -> Any:
        found = [action.menu() for action in self.raster_menu.actions() if action.text() == name]
        return found[0] if found else self.raster_menu.addMenu(name)

    def addDockWidget(self, area: Any, dock: Any) -> None:
        self.window.addDockWidget(area, dock)

    def removeDockWidget(self, dock: Any) -> None:
        self.window.removeDockWidget(dock)

    def click(self) -> None:
        """Press the toolbar button with the mouse."""
        QTest.mouseClick(self.tool_bar.widgetForAction(self.action), Qt.MouseButton.LeftButton)

    def press(self, name: str) -> None:
        """Press a button of the dock with the mouse."""
        QTest.mouseClick(self.child(QPushButton, name), Qt.MouseButton.LeftButton)

    @property
    def action(self) -> QAction:
        """The one that extracts roads."""
        return self.child(QAction, "road_extractor_extract")

    def child(self, kind: type, name: str) -> Any:
        """An object of the window, by class and name."""
        return self.window.findChild(kind, name)

    def child_combo(self, name: str) -> QComboBox:
        """A list of choices of the dock."""
        return self.child(QComboBox, name)

    def is_idle(self) -> bool:
        """Whether no run is on."""
        return self.child(QProgressBar, "progress_bar").isHidden()

    def wait_until_idle(self) -> None:
        """Let the run end."""
        wait_until(self.is_idle)

    def show_panel(self) -> None:
        """Open the dock."""
        self.child(QAction, "road_extractor_panel").trigger()

    def wait_for_results(self, count: int) -> None:
        """Let so many runs bring their layers."""
        wait_until(lambda: len(QgsProject.instance().layerTreeRoot().findGroups()) == count and self.is_idle())

    def wait_for_progress(self, percent: int) -> None:
        """Let the run come so far."""
        wait_until(lambda: self.child(QProgressBar, "progress_bar").value() >= percent)

    def messages(self) -> str:
        """What the message bar was given."""
        return "\n".join(text for texts in self.messageBar().messages.values() for text in texts)


@pytest.fixture(autouse=True)
def clean_profile(qgis_new_project: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings, no runs and no layers of another test."""
    QgsSettings().remove("road_extractor")
    monkeypatch.setattr(results_controller, "history_file", lambda: tmp_path / "profile" / "history.json")
    yield
    QgsProject.instance().clear()


@pytest.fixture
def desktop(qgis_iface: Any, logged: list[str]) -> Iterator[Desktop]:
    """A window without plugins."""
    desktop = Desktop(qgis_iface)
    yield desktop
    desktop.window.deleteLater()


@pytest.fixture
def output_folder(tmp_path: Path) -> Path:
    """Where the results of the tests go."""
    return tmp_path / "results"


@pytest.fixture
def plugin(desktop: Desktop, tiny_model: Path, output_folder: Path) -> Iterator[RoadExtractorPlugin]:
    """The plugin, loaded, with a small network chosen as in an earlier session."""
    save_settings(Settings(model=tiny_model, output_folder=output_folder))
    plugin = classFactory(desktop)  # type: ignore[arg-type]
    plugin.initGui()
    yield plugin
    plugin.unload()


def write_raster(path: Path, size_px: int = 200, epsg: int | None = 32619) -> Path:
    """Grey ground at 1 m per pixel with a white road, 8 m wide, from the western edge to the eastern."""
    pixels = np.full((3, size_px, size_px), 40, np.uint8)
    pixels[:, size_px // 2 - 4 : size_px // 2 + 4] = 255
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), size_px, size_px, 3)
    dataset.SetGeoTransform((WEST, 1.0, 0.0, NORTH, 0.0, -1.0))
    if epsg is not None:
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(epsg)
        dataset.SetProjection(srs.ExportToWkt())
    dataset.WriteArray(pixels)
    return path


@pytest.fixture
def add_layer(desktop: Desktop, tmp_path: Path) -> Callable[..., QgsRasterLayer]:
    """A maker of raster layers: in the project, active, and all in view; `size_px`, `epsg` as in `write_raster`."""

    def add(**properties: Any) -> QgsRasterLayer:
        layer = QgsRasterLayer(str(write_raster(tmp_path / "scene.tif", **properties)), "My scene")
        desktop.show(layer)
        return layer

    return add


class HeldRun:
    """Keeps the engine from starting until the test lets it."""

    def __init__(self, extract: Callable[..., Any]) -> None:
        self._extract = extract
        self._running = threading.Event()
        self._released = threading.Event()
        self.was_cancelled = False

    def extract(self, request: Any, compute: Any, feedback: Any, mosaic: Any = None) -> Any:
        """In the place of the engine's; runs in the task's thread."""
        feedback.progress(0.25, "held by the test")
        self._running.set()
        while not self._released.wait(0.01):
            if feedback.is_cancelled():
                self.was_cancelled = True
                raise Cancelled
        return self._extract(request, compute, feedback, mosaic)

    def wait_until_running(self) -> None:
        """Let QGIS start the task."""
        wait_until(self._running.is_set)

    def release(self) -> None:
        """Let the engine do its work."""
        self._released.set()


@pytest.fixture
def held_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldRun]:
    """Every run stops before its work until it is released."""
    held = HeldRun(pipeline.extract)
    monkeypatch.setattr(pipeline, "extract", held.extract)
    yield held
    held.release()


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What the plugin writes to the log of QGIS; printed too, so that a failed test shows it."""
    lines: list[str] = []

    def collect(text: str, page: str, level: Any) -> None:
        if page == "Road Extractor":
            lines.append(text)
            print(text)

    QgsApplication.messageLog().messageReceived.connect(collect)
    yield lines
    QgsApplication.messageLog().messageReceived.disconnect(collect)


@pytest.fixture
def imagery_folders() -> Callable[[], int]:
    """How many folders of fetched imagery there are."""
    return lambda: len(list(Path(QgsProcessingUtils.tempFolder()).glob("road_extractor_*")))


@pytest.fixture
def wait_a_second() -> Callable[[], None]:
    """Until the names of the next run, which carry the time, are others."""
    return lambda: QTest.qWait(1100)


@pytest.fixture
def write_raster_at() -> Callable[..., Path]:
    """A maker of small grey rasters: (path, epsg, geotransform) -> path."""

    def write(path: Path, epsg: int, geotransform: tuple[float, ...]) -> Path:
        dataset = gdal.GetDriverByName("GTiff").Create(str(path), 50, 50, 3)
        dataset.SetGeoTransform(geotransform)
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(epsg)
        dataset.SetProjection(srs.ExportToWkt())
        dataset.WriteArray(np.full((3, 50, 50), 40, np.uint8))
        return path

    return write


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Lets QGIS work until something is true: (condition, timeout_s=60)."""
    return wait_until
