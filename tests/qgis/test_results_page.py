"""The list of runs and their figures, used as a user does."""

from __future__ import annotations

import dataclasses
import re
import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtGui import QColor, QGuiApplication, QImage
from qgis.PyQt.QtWidgets import QPushButton

from road_extractor_plugin.bridge.run_history import MAX_RECORDS, RunHistory, RunRecord
from road_extractor_plugin.contract.road_statistics import CONFIDENCE_LIMITS
from road_extractor_plugin.gui.confidence_plot import ConfidencePlot
from road_extractor_plugin.gui.results_page import ResultsPage
from road_extractor_plugin.gui.threshold_page import ThresholdPage
from road_extractor_plugin.plugin import RoadExtractorPlugin

STYLE = Path(__file__).resolve().parents[2] / "road_extractor_plugin" / "resources" / "styles" / "centerlines.qml"


def record(**changes: Any) -> RunRecord:
    plain = RunRecord(
        finished=datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc).isoformat(),
        layer="scene",
        folder="/results/scene",
        stem="scene",
        length_km=1.0,
        area_km2=2.0,
        seconds=3.0,
        device="CPU",
        model="starter 1",
        threshold=0.4,
        preset=None,
    )
    return dataclasses.replace(plain, **changes)


def groups() -> list[str]:
    return [group.name() for group in QgsProject.instance().layerTreeRoot().findGroups()]


class Page:
    """The page, and what a user sees on it."""

    def __init__(self, desktop: Any, wait: Any) -> None:
        self.desktop = desktop
        self._wait = wait
        self.widget: ResultsPage = desktop.child(ResultsPage, "results_page")

    def rows(self) -> list[list[str]]:
        runs = self.widget.run_list
        return [
            [runs.topLevelItem(row).text(column) for column in range(runs.columnCount())]
            for row in range(runs.topLevelItemCount())
        ]

    def figures(self) -> dict[str, str]:
        self._wait(lambda: bool(self.widget.statistics.text()))
        return dict(line.split("\t") for line in self.widget.statistics.text().splitlines())

    def message(self) -> str:
        return str(self.widget.statistics.message_label.text())


@pytest.fixture
def page(plugin: RoadExtractorPlugin, desktop: Any, wait: Any) -> Page:
    return Page(desktop, wait)


@pytest.fixture
def after_a_run(page: Page, desktop: Any, add_layer: Any) -> Page:
    add_layer()
    desktop.click()
    desktop.wait_until_idle()
    return page


def test_before_the_first_run(page: Page) -> None:
    assert page.rows() == []
    assert "No runs yet" in page.message()
    assert not page.desktop.child(QPushButton, "results_open").isEnabled()
    assert not page.desktop.child(QPushButton, "results_copy").isEnabled()


def test_a_run_is_listed_with_its_figures(after_a_run: Page) -> None:
    (row,) = after_a_run.rows()
    assert row[1:4] == ["My scene", "0.20", "0.04"]
    assert row[5] == "CPU"
    assert row[6] == "threshold 0.50, test network 1"
    figures = after_a_run.figures()
    assert figures["Road in all"] == "0.20 km"
    classes = [value for name, value in figures.items() if name.startswith("Road by confidence")]
    assert len(classes) == len(CONFIDENCE_LIMITS) - 1
    assert sum(float(value.split()[0]) for value in classes) == pytest.approx(0.2, abs=0.011)
    assert figures["Bridged gaps"] == "0.00 km, 0.0 %"
    assert float(figures["Mean width"].split()[0]) == pytest.approx(8, abs=2)
    assert figures["Separate networks"] == "1"
    assert figures["Missing imagery"] == "none"
    assert "onnxruntime" in figures["Device"]
    assert figures["Model"] == "test network 1"


def test_layers_come_back(after_a_run: Page, desktop: Any) -> None:
    QgsProject.instance().clear()
    runs = after_a_run.widget.run_list
    runs.itemDoubleClicked.emit(runs.topLevelItem(0), 0)
    assert groups() == ["Roads: scene"]
    desktop.press("results_open")
    assert groups() == ["Roads: scene"] * 2


def test_files_that_are_gone(after_a_run: Page, desktop: Any, output_folder: Path, wait: Any) -> None:
    after_a_run.figures()
    QgsProject.instance().clear()
    shutil.rmtree(output_folder)
    desktop.press("results_open")
    assert groups() == []
    assert "cannot be read" in desktop.messages()
    after_a_run.widget.show_records([record()])
    wait(lambda: "⚠" in after_a_run.message())
    assert "cannot be read" in after_a_run.message()
    assert not desktop.child(QPushButton, "results_copy").isEnabled()


def test_copy(after_a_run: Page, desktop: Any) -> None:
    figures = after_a_run.figures()
    desktop.press("results_copy")
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].startswith("My scene\t")
    assert dict(line.split("\t") for line in lines[2:]) == figures


def test_another_threshold_is_a_run_too(after_a_run: Page, desktop: Any, wait: Any) -> None:
    threshold = desktop.child(ThresholdPage, "threshold_page")
    (layer,) = QgsProject.instance().mapLayersByName("Road probability")
    assert isinstance(layer, QgsRasterLayer)
    threshold.layer_combo.setLayer(layer)
    desktop.press("apply_button")
    wait(lambda: len(after_a_run.rows()) == 2)
    row = after_a_run.rows()[0]
    assert (row[1], row[5]) == ("Road probability", "no network")
    assert after_a_run.figures()["Computed from"] == "a stored road probability, without the network"


def test_only_the_run_looked_at_is_shown(after_a_run: Page, wait: Any) -> None:
    page = after_a_run.widget
    real = after_a_run.widget.record()
    assert real is not None
    page.show_records([real, record(layer="gone")])
    for row in (1, 0, 1, 0, 1):
        page.run_list.setCurrentItem(page.run_list.topLevelItem(row))
    wait(lambda: "⚠" in after_a_run.message())
    page.run_list.setCurrentItem(page.run_list.topLevelItem(0))
    assert after_a_run.figures()["Road in all"] == "0.20 km"


def test_unload_while_figures_are_read(
    plugin: RoadExtractorPlugin, after_a_run: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = after_a_run.widget.record()
    assert real is not None
    after_a_run.widget.show_records([real])
    plugin.unload()


def test_history_is_bounded_and_survives(tmp_path: Path) -> None:
    history = RunHistory(tmp_path / "profile" / "history.json")
    assert history.records() == ()
    for number in range(MAX_RECORDS + 5):
        history.add(record(layer=f"Straße {number}", preset="rural" if number % 2 else None))
    again = RunHistory(tmp_path / "profile" / "history.json").records()
    assert len(again) == MAX_RECORDS
    assert [each.layer for each in again[:2]] == ["Straße 54", "Straße 53"]
    assert again[1] == record(layer="Straße 53", preset="rural")


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "7", '[{"layer": "half"}]'], ids=["empty", "cut", "object", "7", "half"]
)
def test_damaged_history_is_left_out(text: str, tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(text)
    history = RunHistory(path)
    assert history.records() == ()
    history.add(record())
    assert history.records() == (record(),)


def test_history_that_cannot_be_written(tmp_path: Path, logged: list[str]) -> None:
    (tmp_path / "profile").write_text("a file where the folder should be")
    RunHistory(tmp_path / "profile" / "history.json").add(record())
    assert "cannot be written" in logged[0]


def test_classes_and_colours_are_those_on_the_map() -> None:
    style = STYLE.read_text(encoding="utf-8")
    limits = re.findall(r'<range lower="([\d.]+)" upper="([\d.]+)"', style)
    assert [(float(low), float(high)) for low, high in limits] == list(zip(CONFIDENCE_LIMITS, CONFIDENCE_LIMITS[1:]))
    plot = ConfidencePlot()
    plot.show_classes((1.0, 1.0, 1.0, 1.0))
    plot.resize(plot.sizeHint())
    image: QImage = plot.grab().toImage()
    painted = {image.pixelColor(image.width() // 2, y).name() for y in range(image.height())}
    lines = re.findall(r'value="(\d+),(\d+),(\d+),255" name="line_color"', style)
    assert {QColor(*map(int, rgb)).name() for rgb in lines} <= painted


def test_plot_of_nothing() -> None:
    plot = ConfidencePlot()
    plot.resize(plot.sizeHint())
    assert not plot.grab().isNull()
    assert [length for _, length in plot.rows()] == ["0.00 km"] * 4
