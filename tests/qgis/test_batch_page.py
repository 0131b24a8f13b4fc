"""The batch page of the dock, used as a user does."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QPushButton

from road_extractor_plugin.contract.feedback import stop_if_cancelled
from road_extractor_plugin.core import batch_runner
from road_extractor_plugin.gui.batch_page import BatchPage
from road_extractor_plugin.gui.results_page import ResultsPage
from road_extractor_plugin.plugin import RoadExtractorPlugin
from road_extractor_plugin.settings import load_batch_settings


class Page:
    """The page, and what a user does with it."""

    def __init__(self, desktop: Any, folder: Path, output: Path) -> None:
        self.desktop = desktop
        self.widget: BatchPage = desktop.child(BatchPage, "batch_page")
        self.widget.folder_widget.setFilePath(str(folder))
        self.widget.output_widget.setFilePath(str(output))
        self.output = output

    def press(self, name: str) -> None:
        QTest.mouseClick(self.desktop.child(QPushButton, name), Qt.MouseButton.LeftButton)

    def run(self) -> None:
        self.press("batch_run")

    def is_idle(self) -> bool:
        return bool(self.widget.run_button.isEnabled())

    def cells(self) -> list[list[str]]:
        table = self.widget.table
        return [
            [str(table.data(table.index(row, column))) for column in range(table.columnCount())]
            for row in range(table.rowCount())
        ]

    def history(self) -> list[str]:
        """The runs on the page Results, the newest first."""
        runs = self.desktop.child(ResultsPage, "results_page").run_list
        return [runs.topLevelItem(row).text(1) for row in range(runs.topLevelItemCount())]

    def statuses(self) -> dict[str, str]:
        return {row[0]: row[1] for row in self.cells()}


@pytest.fixture
def images(tmp_path: Path, add_layer: Callable[..., Any]) -> Path:
    """Four images: the halves of a road, one broken, one in a folder below."""
    folder = tmp_path / "images"
    (folder / "below").mkdir(parents=True)
    source = add_layer().source()
    QgsProject.instance().clear()
    gdal.Translate(str(folder / "a.tif"), source, srcWin=[0, 0, 120, 200])
    gdal.Translate(str(folder / "b.tif"), source, srcWin=[80, 0, 120, 200])
    gdal.Translate(str(folder / "below" / "d.tif"), source, srcWin=[0, 0, 64, 64])
    (folder / "c.tif").write_text("no raster")
    return folder


@pytest.fixture
def page(plugin: RoadExtractorPlugin, desktop: Any, images: Path, tmp_path: Path) -> Page:
    return Page(desktop, images, tmp_path / "out")


def test_a_folder(page: Page, wait: Any) -> None:
    page.run()
    assert not page.is_idle()
    wait(page.is_idle)
    assert page.statuses() == {"a.tif": "done", "b.tif": "done", "below/d.tif": "done", "c.tif": "failed"}
    assert "no raster format" in next(row[4] for row in page.cells() if row[0] == "c.tif")
    assert "3 images done, 0 kept, 1 failed" in page.widget.message_label.text()
    (merged,) = QgsProject.instance().mapLayers().values()
    assert sum(road["length_m"] for road in merged.getFeatures()) == pytest.approx(200, rel=0.02)
    with (page.output / "batch_report.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 4


def test_a_double_click_shows_the_layers(page: Page, wait: Any) -> None:
    page.run()
    wait(page.is_idle)
    QgsProject.instance().clear()
    view = page.widget.table_view
    page.widget.outcome_opened.emit(page.widget.table.outcome(0))
    (group,) = QgsProject.instance().layerTreeRoot().children()
    assert group.name() == "Roads: a"
    assert "Centre-lines" in [layer.name() for layer in group.children()]
    view.doubleClicked.emit(page.widget.table.index(3, 0))
    assert "c.tif" in page.desktop.messages()


def test_a_selected_row_says_all_of_it(page: Page, wait: Any) -> None:
    page.run()
    wait(page.is_idle)
    page.widget.table_view.selectRow(3)
    assert page.widget.message_label.text().startswith("c.tif: Cannot read")


def test_settings_are_kept(page: Page, wait: Any) -> None:
    page.widget.merge_box.setChecked(False)
    page.widget.patterns_edit.setText("a*.tif")
    page.run()
    wait(page.is_idle)
    kept = load_batch_settings()
    assert (kept.merge, kept.recursive, kept.patterns) == (False, True, ("a*.tif",))
    assert kept.output_folder == page.output
    assert page.statuses() == {"a.tif": "done"}
    assert not QgsProject.instance().mapLayers()


class HeldAtSecond:
    """Lets the second raster wait until it is cancelled or released."""

    def __init__(self, extract: Callable[..., Any]) -> None:
        self._extract = extract
        self.calls = 0
        self.polls = 0
        self.released = False

    def extract(self, job: Any, compute: Any, feedback: Any) -> Any:
        self.calls += 1
        while self.calls == 2 and not self.released:
            stop_if_cancelled(feedback)
            self.polls += 1
            time.sleep(0.01)
        return self._extract(job, compute, feedback)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> HeldAtSecond:
    held = HeldAtSecond(batch_runner.extract)
    monkeypatch.setattr(batch_runner, "extract", held.extract)
    return held


def test_cancelled_and_gone_on_with(page: Page, held: HeldAtSecond, wait: Any) -> None:
    page.run()
    wait(lambda: held.polls > 0 and page.statuses()["b.tif"] == "running")
    page.press("batch_cancel")
    wait(page.is_idle)
    assert page.statuses() == {"a.tif": "done", "b.tif": "waiting", "below/d.tif": "waiting", "c.tif": "waiting"}
    assert page.history() == ["a"]
    assert "stay" in page.widget.message_label.text()
    held.released = True
    page.run()
    wait(page.is_idle)
    assert page.statuses() == {"a.tif": "kept", "b.tif": "done", "below/d.tif": "done", "c.tif": "failed"}
    assert page.history() == ["d", "b", "a"]


def test_paused(page: Page, held: HeldAtSecond, wait: Any) -> None:
    page.run()
    wait(lambda: held.polls > 0)
    page.press("batch_pause")
    time.sleep(0.2)
    polls = held.polls
    time.sleep(0.3)
    assert held.polls == polls
    assert page.widget.message_label.text() == "Paused"
    held.released = True
    page.press("batch_pause")
    wait(page.is_idle)
    assert page.statuses()["b.tif"] == "done"


def test_cancelled_while_paused(page: Page, held: HeldAtSecond, wait: Any) -> None:
    page.run()
    wait(lambda: held.polls > 0)
    page.press("batch_pause")
    page.press("batch_cancel")
    wait(page.is_idle)
    assert page.statuses()["b.tif"] == "waiting"


def test_without_a_folder(page: Page) -> None:
    page.widget.folder_widget.setFilePath("")
    page.run()
    assert page.is_idle()
    assert "Choose the folder" in page.desktop.messages()


def test_a_folder_without_images(page: Page, wait: Any, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    page.widget.folder_widget.setFilePath(str(empty))
    page.run()
    wait(page.is_idle)
    assert "no file is named" in page.widget.message_label.text()


def test_unloaded_in_mid_run(plugin: RoadExtractorPlugin, page: Page, held: HeldAtSecond, wait: Any) -> None:
    page.run()
    wait(lambda: held.polls > 0)
    plugin.unload()
    assert held.calls == 2
