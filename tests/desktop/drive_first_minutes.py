"""Runs in the QGIS desktop (--code): the first minutes of a user whose QGIS lacks what the network needs."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Callable

import numpy as np
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QLabel, QProgressBar
from qgis.utils import iface, plugins

from road_extractor_plugin.engine.engine_kind import CPU
from road_extractor_plugin.engine.interpreter import environment_python
from road_extractor_plugin.gui.setup_dialog import SetupDialog
from road_extractor_plugin.settings import environment_folder

TASK = json.loads(os.environ["ROAD_EXTRACTOR_TEST"])
TIMEOUT_S = 600


def look() -> dict[str, Any]:
    window = iface.mainWindow()
    layer = QgsRasterLayer(TASK["image"], "Example")
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    QTest.qWait(500)
    iface.zoomToActiveLayer()
    seen: dict[str, Any] = {"python_before": python_of_qgis()}
    window.findChild(QAction, "road_extractor_extract").trigger()
    dialog = window.findChild(SetupDialog)
    seen["asked"] = dialog.isVisible()
    wait_until(dialog.close_button.isEnabled)
    seen["state_before"] = dialog.state_label.text()
    dialog.kind_combo.setCurrentIndex(dialog.kind_combo.findData(CPU))
    if TASK["wheels"]:
        dialog.wheels_radio.click()
        dialog.wheels_widget.setFilePath(TASK["wheels"])
    dialog.install_button.click()
    QTest.qWait(200)
    wait_until(dialog.close_button.isEnabled)
    seen["state"], seen["installed"] = dialog.state_label.text(), dialog.log_box.toPlainText()
    dialog.close_button.click()
    seen["first"] = extract(window)
    break_environment()
    seen["broken"] = extract(window)
    window.findChild(QAction, "road_extractor_setup").trigger()
    QTest.qWait(200)
    wait_until(dialog.close_button.isEnabled)
    seen["explained"] = dialog.state_label.text()
    dialog.install_button.click()
    QTest.qWait(200)
    wait_until(dialog.close_button.isEnabled)
    dialog.close_button.click()
    seen["repaired"] = extract(window)
    seen["python_after"] = python_of_qgis()
    return seen


def python_of_qgis() -> dict[str, Any]:
    return {"path": list(sys.path), "numpy": [np.__version__, np.__file__], "onnxruntime": "onnxruntime" in sys.modules}


def extract(window: Any) -> str:
    window.findChild(QAction, "road_extractor_extract").trigger()
    QTest.qWait(300)
    wait_until(window.findChild(QProgressBar, "progress_bar").isHidden)
    return str(window.findChild(QLabel, "result_label").text())


def break_environment() -> None:
    """As a clean-up tool might."""
    (package,) = environment_python(environment_folder()).parents[1].rglob("site-packages/onnxruntime")
    package.rename(package.with_name("gone"))
    plugins["road_extractor_plugin"]._workers.end_idle()  # noqa: SLF001  (it has the library loaded)


def wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + TIMEOUT_S
    while not condition() and time.monotonic() < end_s:
        QTest.qWait(20)


def main() -> None:
    try:
        seen = look()
    except Exception:  # noqa: BLE001  (QGIS would show a dialog, and nobody is there to close it)
        seen = {"failure": traceback.format_exc()}
    Path(TASK["report"]).write_text(json.dumps(seen), encoding="utf-8")
    os._exit(0)


QTimer.singleShot(1000, main)
