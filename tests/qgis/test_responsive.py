"""The window of QGIS answers while a large run is on, when it ends, and when it is cancelled."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, Qt, QTimer
from qgis.PyQt.QtWidgets import QLabel

from road_extractor_plugin.contract.model_card import TilingSpec

SIDE_PX = 10_000
WEST, NORTH = 500_000.0, 4_600_000.0
LONGEST_WAIT_S = 0.2
LONGEST_CANCEL_S = 1.0


def crowd() -> float:
    """How many programs share a processor now, this one alone being 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Clock(QObject):
    """Asks the main thread again and again, and remembers how long the answers took."""

    def __init__(self, what_happens: Callable[[], str]) -> None:
        super().__init__()
        self.waits: list[tuple[float, float, str]] = []
        """Seconds, seconds of processor time of all our threads, and what happened then."""
        self._what_happens = what_happens
        self._last_s, self._last_used_s = time.monotonic(), time.process_time()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(10)

    def _tick(self) -> None:
        now_s, used_s = time.monotonic(), time.process_time()
        self.waits.append((now_s - self._last_s, used_s - self._last_used_s, self._what_happens()))
        self._last_s, self._last_used_s = now_s, used_s

    def longest(self) -> list[tuple[float, float, str]]:
        """The longest waits since the start; the clock stops."""
        self._timer.stop()
        return sorted(self.waits, reverse=True)[:10]


@pytest.fixture(
    params=[
        pytest.param(1500, id="imagery in a corner"),
        pytest.param(SIDE_PX, id="imagery all over", marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ]
)
def large_layer(request: pytest.FixtureRequest, desktop: Any, tmp_path: Path) -> QgsRasterLayer:
    """10,000 x 10,000 px, where there is imagery a town of streets every 200 m, 8 m wide."""
    path = tmp_path / "large.tif"
    options = ["TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "SPARSE_OK=TRUE"]
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), SIDE_PX, SIDE_PX, 3, gdal.GDT_Byte, options)
    dataset.SetGeoTransform((WEST, 1.0, 0.0, NORTH, 0.0, -1.0))
    place = osr.SpatialReference()
    place.ImportFromEPSG(32619)
    dataset.SetProjection(place.ExportToWkt())
    side_px = request.param
    block = np.full((200, side_px), 40, np.uint8)
    block[96:104] = 255
    for start in range(96, side_px, 200):
        block[:, start : start + 8] = 255
    for band in (1, 2, 3):
        dataset.GetRasterBand(band).SetNoDataValue(0)
        for row in range(0, side_px, 200):
            dataset.GetRasterBand(band).WriteArray(block[: side_px - row], 0, row)
    del dataset
    layer = QgsRasterLayer(str(path), "Large")
    desktop.show(layer)
    return layer


@pytest.fixture(autouse=True)
def large_tiles(plugin: Any, tiny_model: Path, network_file: Any, card_with: Any) -> None:
    """The small network, on tiles of a size that real ones have."""
    network_file(tiny_model, card_with(tiling=TilingSpec(tile_px=1024, multiple_of=32, margin_px=8)))


@pytest.fixture
def clock(desktop: Any) -> Clock:
    """Runs from now on, and is told the stage of the run."""
    label = desktop.child(QLabel, "stage_label")
    return Clock(lambda: "idle" if desktop.is_idle() else str(label.text()))


@pytest.mark.usefixtures("large_layer")
def test_the_main_thread_never_waits_long(desktop: Any, wait_for: Callable[..., None], clock: Clock) -> None:
    desktop.child_combo("area_combo").setCurrentText("Whole layer")
    desktop.press("run_button")
    wait_for(lambda: len(desktop_groups()) == 1 and desktop.is_idle(), 3000)
    longest = clock.longest()
    print(f"{crowd():.1f} programs per processor; longest waits:", *longest, sep="\n")
    assert longest[0][0] < LONGEST_WAIT_S * crowd(), longest


@pytest.mark.usefixtures("large_layer")
@pytest.mark.parametrize("stage", ["finding roads", "finding road lines"])
def test_cancelled_at_once(desktop: Any, wait_for: Callable[..., None], stage: str) -> None:
    desktop.child_combo("area_combo").setCurrentText("Whole layer")
    desktop.press("run_button")
    label = desktop.child(QLabel, "stage_label")
    wait_for(lambda: stage in label.text() or desktop.is_idle(), 3000)
    assert not desktop.is_idle()
    start_s = time.monotonic()
    desktop.press("cancel_button")
    wait_for(desktop.is_idle)
    took_s = time.monotonic() - start_s
    print(f"{crowd():.1f} programs per processor; cancelled after {took_s:.2f} s")
    assert "Cancelled" in desktop.child(QLabel, "result_label").text()
    assert took_s < LONGEST_CANCEL_S * crowd()
    assert not desktop_groups()


def desktop_groups() -> list[Any]:
    """Of layers, as a run adds them."""
    return QgsProject.instance().layerTreeRoot().findGroups()
