"""Runs in the QGIS desktop (--code): opens an image, clicks, waits, and writes down what it sees."""

from __future__ import annotations

import json
import os
import time
import traceback
from pathlib import Path
from typing import Any, Callable

import qgis
from qgis.core import QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QLabel, QProgressBar, QToolButton
from qgis.utils import iface, plugins, unloadPlugin

TASK = json.loads(os.environ["ROAD_EXTRACTOR_TEST"])
TIMEOUT_S = 180


def look() -> dict[str, Any]:
    window = iface.mainWindow()
    window.resize(1280, 900)
    seen: dict[str, Any] = {"loaded": "road_extractor_plugin" in plugins}
    layer = QgsRasterLayer(*TASK["layer"])
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    QTest.qWait(500)  # the first layer gives the project its coordinate reference system
    if TASK["extent"]:
        iface.mapCanvas().setExtent(QgsRectangle(*TASK["extent"]))
    else:
        iface.zoomToActiveLayer()
    QTest.qWait(500)
    pulse = Pulse(window)
    button = _tool_button(window.findChild(QAction, "road_extractor_extract"))
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    progress_bar = window.findChild(QProgressBar, "progress_bar")
    seen["running"] = not progress_bar.isHidden()
    _wait_until(lambda: progress_bar.value() > 0 or progress_bar.isHidden())
    _grab(window, "running.png")
    pulse.start()
    _wait_until(progress_bar.isHidden)
    QTest.qWait(500)  # the layers come
    seen["longest_wait_s"] = pulse.stop()
    seen["programs_per_processor"] = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    seen["result"] = window.findChild(QLabel, "result_label").text()
    seen["groups"] = {
        group.name(): [node.name() for node in group.children()]
        for group in QgsProject.instance().layerTreeRoot().findGroups()
    }
    view = iface.layerTreeView()
    seen["unfolded"] = view.isExpanded(view.node2index(QgsProject.instance().layerTreeRoot().children()[0]))
    iface.mapCanvas().waitWhileRendering()
    QTest.qWait(1000)
    _grab(window, "done.png")
    menus = [action.text() for action in iface.rasterMenu().actions()]
    seen["menu"] = "Road Extractor" in menus
    unloadPlugin("road_extractor_plugin")
    QTest.qWait(200)
    seen["left_behind"] = [
        child.objectName() for child in window.findChildren(QAction) if child.objectName().startswith("road_extractor")
    ] + [action.text() for action in iface.rasterMenu().actions() if action.text() == "Road Extractor"]
    return seen


class Pulse:
    """The longest time for which the window did not answer."""

    def __init__(self, window: Any) -> None:
        self._timer = QTimer(window)
        self._timer.timeout.connect(self._beat)
        self._last_s = self._longest_s = 0.0

    def start(self) -> None:
        self._last_s = time.monotonic()
        self._timer.start(10)

    def stop(self) -> float:
        self._timer.stop()
        return self._longest_s

    def _beat(self) -> None:
        now_s = time.monotonic()
        self._longest_s, self._last_s = max(self._longest_s, now_s - self._last_s), now_s


def _tool_button(action: QAction) -> QToolButton:
    (button,) = (widget for widget in action.associatedWidgets() if isinstance(widget, QToolButton))
    return button


def _wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + TIMEOUT_S
    while not condition() and time.monotonic() < end_s:
        QTest.qWait(20)


def _grab(window: Any, name: str) -> None:
    folder = Path(TASK["screenshots"])
    folder.mkdir(parents=True, exist_ok=True)
    window.grab().save(str(folder / f"{TASK['name']}_{name}"))


def main() -> None:
    try:
        seen = look()
    except Exception:  # noqa: BLE001  (QGIS would show a dialog, and nobody is there to close it)
        seen = {"failure": traceback.format_exc()}
    seen["log"] = qgis.road_extractor_test_log
    Path(TASK["report"]).write_text(json.dumps(seen), encoding="utf-8")
    os._exit(0)


# The window is complete only when its event loop runs.
QTimer.singleShot(1000, main)
