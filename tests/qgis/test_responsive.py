"""The window of QGIS answers while a large run is on, and while it ends."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, Qt, QTimer

SIDE_PX = 10_000
WEST, NORTH = 500_000.0, 4_600_000.0


class Clock(QObject):
    """Asks the main thread again and again, and remembers how long the answers took."""

    def __init__(self) -> None:
        super().__init__()
        self.waits_s: list[float] = []
        self._last_s = time.monotonic()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        self.waits_s.clear()
        self._last_s = time.monotonic()
        self._timer.start(10)

    def _tick(self) -> None:
        now_s = time.monotonic()
        self.waits_s.append(now_s - self._last_s)
        self._last_s = now_s

    def longest_s(self) -> float:
        """Of all waits since the start."""
        self._timer.stop()
        return max(self.waits_s)


@pytest.fixture
def large_layer(desktop: Any, tmp_path: Path) -> QgsRasterLayer:
    """A town of streets every 200 m, 8 m wide, on 10 km x 10 km."""
    path = tmp_path / "large.tif"
    options = ["TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1"]
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), SIDE_PX, SIDE_PX, 3, gdal.GDT_Byte, options)
    dataset.SetGeoTransform((WEST, 1.0, 0.0, NORTH, 0.0, -1.0))
    place = osr.SpatialReference()
    place.ImportFromEPSG(32619)
    dataset.SetProjection(place.ExportToWkt())
    block = np.full((200, SIDE_PX), 40, np.uint8)
    block[96:104] = 255
    for start in range(96, SIDE_PX, 200):
        block[:, start : start + 8] = 255
    for band in (1, 2, 3):
        for row in range(0, SIDE_PX, 200):
            dataset.GetRasterBand(band).WriteArray(block, 0, row)
    del dataset
    layer = QgsRasterLayer(str(path), "Large")
    QgsProject.instance().addMapLayer(layer)
    desktop.active = layer
    canvas = desktop.mapCanvas()
    canvas.setDestinationCrs(layer.crs())
    canvas.setExtent(layer.extent())
    return layer


@pytest.mark.usefixtures("plugin")
def test_the_main_thread_never_waits(desktop: Any, large_layer: QgsRasterLayer, wait_for: Callable[..., None]) -> None:
    desktop.child_combo("area_combo").setCurrentText("Whole layer")
    clock = Clock()
    clock.start()
    started_s = time.monotonic()
    desktop.press("run_button")
    wait_for(desktop.is_idle, 600)
    longest_s = clock.longest_s()
    print(f"{time.monotonic() - started_s:.1f} s, longest wait {longest_s:.3f} s", sorted(clock.waits_s)[-10:])
    assert len(QgsProject.instance().layerTreeRoot().findGroups()) == 1, desktop.messages()
    assert longest_s < 0.2
