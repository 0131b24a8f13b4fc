"""A run that was stopped is gone on with, by the button of the dock."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProject
from qgis.PyQt.QtWidgets import QPushButton

from road_extractor_plugin.plugin import RoadExtractorPlugin

SIDE_PX = 1500
"""Thirteen rows of tiles of the small network."""


def button(desktop: Any) -> QPushButton:
    return desktop.child(QPushButton, "resume_button")


def is_offered(desktop: Any) -> bool:
    return bool(button(desktop).isVisibleTo(desktop.window))


def report(folder: Path) -> Any:
    (path,) = folder.rglob("*_report.json")
    return json.loads(path.read_text(encoding="utf-8"))


def probabilities(folder: Path) -> np.ndarray:
    (path,) = folder.rglob("*_probability.tif")
    return gdal.Open(str(path)).ReadAsArray()


def kill_workers(plugin: RoadExtractorPlugin) -> None:
    """All programs that this one has started."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[1]) == os.getpid():
            os.kill(int(stat.parent.name), signal.SIGKILL)


@pytest.mark.parametrize("end", ["cancelled", "killed"])
def test_a_stopped_run_goes_on(
    plugin: RoadExtractorPlugin, desktop: Any, add_layer: Any, output_folder: Path, end: str
) -> None:
    add_layer(size_px=SIDE_PX)
    desktop.click()
    desktop.wait_for_progress(40)
    assert not is_offered(desktop)
    if end == "cancelled":
        desktop.press("cancel_button")
    else:
        kill_workers(plugin)
    desktop.wait_until_idle()
    assert is_offered(desktop)
    share = int("".join(filter(str.isdigit, button(desktop).text())))
    assert 20 < share < 100
    assert not QgsProject.instance().layerTreeRoot().findGroups()
    desktop.press("resume_button")
    assert not is_offered(desktop)
    desktop.wait_until_idle()
    assert len(QgsProject.instance().layerTreeRoot().findGroups()) == 1, desktop.messages()
    assert any("Goes on where an earlier run was stopped" in text for text in report(output_folder)["warnings"])
    (folder,) = output_folder.iterdir()
    assert not list(folder.glob(".*"))
    desktop.click()
    desktop.wait_until_idle()
    (at_once,) = set(output_folder.iterdir()) - {folder}
    np.testing.assert_array_equal(probabilities(folder), probabilities(at_once))


def test_nothing_stays_of_what_nobody_goes_on_with(
    plugin: RoadExtractorPlugin, desktop: Any, add_layer: Any, output_folder: Path
) -> None:
    add_layer(size_px=SIDE_PX)
    desktop.click()
    desktop.wait_for_progress(40)
    desktop.press("cancel_button")
    desktop.wait_until_idle()
    assert list(output_folder.rglob("ledger.jsonl"))
    plugin.unload()
    assert not output_folder.exists() or not list(output_folder.iterdir())


def test_the_latest_is_offered(
    desktop: Any, plugin: RoadExtractorPlugin, add_layer: Any, output_folder: Path, wait_a_second: Callable[[], None]
) -> None:
    layer = add_layer(size_px=SIDE_PX)
    for _ in range(2):
        desktop.active = layer
        desktop.click()
        desktop.wait_for_progress(40)
        desktop.press("cancel_button")
        desktop.wait_until_idle()
        wait_a_second()
    assert len(list(output_folder.rglob("ledger.jsonl"))) == 1, "of the second"
    assert is_offered(desktop)
