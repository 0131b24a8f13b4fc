"""Runs in the QGIS desktop (--code, see guide_pictures.py): does what the guide tells, and takes pictures."""

from __future__ import annotations

import json
import os
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Callable

import processing
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QApplication, QDialog, QProgressBar, QTabWidget, QWidget
from qgis.utils import iface

from road_extractor_plugin.gui.batch_page import BatchPage
from road_extractor_plugin.gui.dock import RoadExtractorDock
from road_extractor_plugin.gui.results_page import ResultsPage
from road_extractor_plugin.gui.setup_dialog import SetupDialog
from road_extractor_plugin.gui.threshold_page import ThresholdPage

TASK = json.loads(os.environ["ROAD_EXTRACTOR_GUIDE"])
ROOT, FOLDER, PICTURES = (Path(TASK[name]) for name in ("root", "folder", "pictures"))
TIMEOUT_S = 600
HALF_WORLD = 20037508.342789244
MISSING_LEVEL = 17
"""Where a tile is missing: the level of the run, not that of the map behind it."""
MID_RUN = 30
"""Percent."""
DOCK_PX = 400
QUALITY = 82


def take_all() -> None:
    """One after the other."""
    window = iface.mainWindow()
    window.resize(1380, 900)
    for name in ("Browser", "LayerOrder"):
        panel = window.findChild(QWidget, name)
        if panel is not None:
            panel.hide()
    dock = window.findChild(RoadExtractorDock)
    dock.setUserVisible(True)
    window.resizeDocks([dock], [DOCK_PX], Qt.Orientation.Horizontal)
    _open_example()
    if TASK["language"] == "de":
        _extract(window)
        dock.findChild(QTabWidget).setCurrentWidget(dock.findChild(ResultsPage))
        _grab(window, "guide_german")
        return
    _grab(dock, "guide_dock")
    _extract(window, "guide_running")
    _grab(window, "guide_result")
    _thresholds(window, dock)
    _batch(window, dock)
    _results(dock)
    _processing()
    _setup(window)
    _basemap(window, dock)
    QgsApplication.setUITheme("Night Mapping")
    _extract(window)
    _grab(window, "guide_dark")


def _open_example() -> None:
    layer = QgsRasterLayer(str(ROOT / "examples" / "csk_01.tif"), "Example")
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    QTest.qWait(500)
    iface.zoomToActiveLayer()
    _settle()


def _extract(window: QWidget, picture: str = "") -> None:
    """With a picture of it in mid-run, where it is given a name."""
    window.findChild(QAction, "road_extractor_extract").trigger()
    QTest.qWait(300)
    progress_bar = window.findChild(QProgressBar, "progress_bar")
    if picture:
        _wait_until(lambda: progress_bar.value() >= MID_RUN or progress_bar.isHidden())
        _grab(window, picture)
    _wait_until(progress_bar.isHidden)
    _settle()


def _thresholds(window: QWidget, dock: QWidget) -> None:
    """On a quarter of the scene, so that the lines can be told apart."""
    page = dock.findChild(ThresholdPage)
    dock.findChild(QTabWidget).setCurrentWidget(page)
    (probability,) = (layer for layer in QgsProject.instance().mapLayers().values() if "probability" in layer.name())
    for node in QgsProject.instance().layerTreeRoot().findGroups():
        node.setItemVisibilityChecked(False)
    page.layer_combo.setLayer(probability)
    iface.mapCanvas().zoomScale(iface.mapCanvas().scale() / 2)
    page.show_box.setChecked(True)
    for threshold in (20, 70):
        page.show_message("")
        page.slider.setValue(threshold)
        _wait_until(lambda: "km of road" in page.message_label.text())
        _settle()
        _grab(window, f"guide_threshold_{threshold}")
    page.show_box.setChecked(False)


def _batch(window: QWidget, dock: QWidget) -> None:
    """Two overlapping halves, one raster that is none, and one without coordinate reference system."""
    images, example = FOLDER / "images", str(ROOT / "examples" / "csk_01.tif")
    images.mkdir()
    gdal.Translate(str(images / "east.tif"), example, srcWin=[500, 0, 1000, 1500])
    gdal.Translate(str(images / "west.tif"), example, srcWin=[0, 0, 1000, 1500])
    gdal.Translate(str(images / "scan.png"), example, srcWin=[0, 0, 300, 300], format="PNG")
    (images / "scan.png.aux.xml").unlink()
    (images / "download.tif").write_text("<html>404</html>")
    page = dock.findChild(BatchPage)
    dock.findChild(QTabWidget).setCurrentWidget(page)
    page.folder_widget.setFilePath(str(images))
    page.output_widget.setFilePath(str(FOLDER / "batch"))
    page.run_button.click()
    QTest.qWait(300)
    _wait_until(page.run_button.isEnabled)
    _settle()
    _grab(window, "guide_folder")


def _results(dock: QWidget) -> None:
    """The newest run but those of the folder: all of the example."""
    page = dock.findChild(ResultsPage)
    dock.findChild(QTabWidget).setCurrentWidget(page)
    page.run_list.setCurrentItem(page.run_list.topLevelItem(page.run_list.topLevelItemCount() - 1))
    _wait_until(lambda: bool(page.statistics.text()))
    _settle()
    _grab(dock, "guide_results")


def _processing() -> None:
    dialog = processing.createAlgorithmDialog("road_extractor:extract")
    dialog.resize(900, 640)
    dialog.show()
    _settle()
    _grab(dialog, "guide_processing")
    dialog.close()


def _setup(window: QWidget) -> None:
    window.findChild(QAction, "road_extractor_setup").trigger()
    dialog: QDialog = window.findChild(SetupDialog)
    _wait_until(dialog.close_button.isEnabled)
    _settle()
    _grab(dialog, "guide_setup")
    dialog.close()


def _basemap(window: QWidget, dock: QWidget) -> None:
    """The example as a web service of tiles, one of which is always missing."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tiles)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    QgsProject.instance().clear()
    address = f"http://127.0.0.1:{server.server_port}/%7Bz%7D/%7Bx%7D/%7By%7D.png"
    layer = QgsRasterLayer(f"type=xyz&url={address}&zmin=0&zmax=18", "Basemap", "wms")
    QgsProject.instance().addMapLayer(layer)
    QgsProject.instance().setCrs(layer.crs())
    iface.setActiveLayer(layer)
    dock.findChild(QTabWidget).setCurrentIndex(0)
    to_web = QgsCoordinateTransform(QgsCoordinateReferenceSystem("EPSG:26986"), layer.crs(), QgsProject.instance())
    iface.mapCanvas().setExtent(to_web.transformBoundingBox(QgsRectangle(102500, 869200, 103500, 870000)))
    _settle()
    _extract(window)
    _grab(window, "guide_basemap")


class _Tiles(BaseHTTPRequestHandler):
    """Answers /z/x/y.png with a part of the example in Web Mercator."""

    def do_GET(self) -> None:
        zoom, column, row = (int(part) for part in self.path.split(".")[0].split("/")[1:])
        if zoom == MISSING_LEVEL and (column % 4, row % 4) == (1, 2):
            self.send_error(404)
            return
        side = 2 * HALF_WORLD / 2**zoom
        west, north = column * side - HALF_WORLD, HALF_WORLD - row * side
        name = f"/vsimem/{zoom}_{column}_{row}.png"
        image = gdal.Warp(
            "", str(ROOT / "examples" / "csk_01.tif"), format="MEM", dstSRS="EPSG:3857", width=256, height=256,
            outputBounds=(west, north - side, west + side, north), resampleAlg="bilinear", dstAlpha=True,
        )  # fmt: skip
        gdal.Translate(name, image, format="PNG")
        file = gdal.VSIFOpenL(name, "rb")
        content = bytes(gdal.VSIFReadL(1, gdal.VSIStatL(name).size, file))
        gdal.VSIFCloseL(file)
        gdal.Unlink(name)
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _settle() -> None:
    iface.mapCanvas().waitWhileRendering()
    QTest.qWait(1500)


def _wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + TIMEOUT_S
    while not condition() and time.monotonic() < end_s:
        QTest.qWait(20)


def _grab(widget: QWidget, name: str) -> None:
    if name == "guide_running":
        iface.messageBar().clearWidgets()  # what QGIS says of grids that this machine has not
    QApplication.processEvents()
    widget.grab().save(str(PICTURES / f"{name}.jpg"), "JPG", QUALITY)


def main() -> None:
    """Take them and end QGIS, whatever happens."""
    status = 0
    try:
        take_all()
    except Exception:  # noqa: BLE001  (QGIS would show a dialog, and nobody is there to close it)
        traceback.print_exc()
        status = 1
    os._exit(status)


# The window is complete only when its event loop runs.
QTimer.singleShot(1500, main)
