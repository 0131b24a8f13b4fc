"""The page where another threshold is tried out, used as a user does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QImage, QPainter
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QPushButton

from road_extractor_plugin.gui.preview_item import PreviewItem
from road_extractor_plugin.gui.threshold_page import ThresholdPage
from road_extractor_plugin.plugin import RoadExtractorPlugin

WEST, NORTH = 500_000.0, 4_600_000.0
SURE, UNSURE = 230, 60


def store(path: Path, values: np.ndarray, scale: float = 1 / 254) -> Path:
    """A probability raster as a run leaves it."""
    height, width = values.shape
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, 1)
    dataset.SetGeoTransform((WEST, 1.0, 0.0, NORTH, 0.0, -1.0))
    place = osr.SpatialReference()
    place.ImportFromEPSG(32619)
    dataset.SetProjection(place.ExportToWkt())
    band = dataset.GetRasterBand(1)
    band.SetScale(scale)
    band.SetNoDataValue(255)
    band.WriteArray(values)
    return path


def town(side_px: int) -> np.ndarray:
    """Sure roads from west to east and unsure ones from north to south, 8 px wide, every 200 px."""
    values = np.zeros((side_px, side_px), np.uint8)
    for start in range(96, side_px, 200):
        values[:, start : start + 8] = UNSURE
    for start in range(96, side_px, 200):
        values[start : start + 8] = SURE
    return values


class Page:
    """The page, the item that it draws, and what a user does."""

    def __init__(self, desktop: Any) -> None:
        self.desktop = desktop
        self.widget: ThresholdPage = desktop.child(ThresholdPage, "threshold_page")
        canvas = desktop.mapCanvas()
        (self.item,) = [item for item in canvas.scene().items() if isinstance(item, PreviewItem)]

    def choose(self, layer: QgsRasterLayer) -> None:
        QgsProject.instance().addMapLayer(layer)
        canvas = self.desktop.mapCanvas()
        canvas.setDestinationCrs(layer.crs())
        canvas.setExtent(layer.extent())
        self.widget.layer_combo.setLayer(layer)

    def drawn(self) -> QImage:
        """What the item paints on an empty canvas."""
        image = QImage(self.desktop.mapCanvas().size(), QImage.Format.Format_ARGB32)
        image.fill(0)
        painter = QPainter(image)
        self.item.paint(painter)
        painter.end()
        return image

    def is_traced(self) -> bool:
        return "km of road in the visible part" in self.widget.message_label.text()

    def length_km(self) -> float:
        return float(self.widget.message_label.text().split()[0])

    def move(self, threshold: float) -> None:
        self.widget.show_message("")
        self.widget.slider.setValue(round(100 * threshold))


@pytest.fixture
def page(plugin: RoadExtractorPlugin, desktop: Any, tmp_path: Path) -> Page:
    page = Page(desktop)
    page.choose(QgsRasterLayer(str(store(tmp_path / "town_probability.tif", town(400))), "town"))
    return page


def test_lower_thresholds_show_more(page: Page, wait: Callable[..., None]) -> None:
    page.move(0.6)
    page.widget.show_box.setChecked(True)
    wait(page.is_traced)
    sure_km = page.length_km()
    assert sure_km == pytest.approx(0.8, rel=0.03)
    page.move(0.2)
    wait(page.is_traced)
    assert page.length_km() == pytest.approx(1.6, rel=0.05)


def test_what_is_drawn_lies_where_the_roads_are(page: Page, wait: Callable[..., None]) -> None:
    canvas = page.desktop.mapCanvas()
    page.move(0.6)
    page.widget.show_box.setChecked(True)
    wait(page.is_traced)
    for crs in ("EPSG:32619", "EPSG:3857"):
        canvas.setDestinationCrs(QgsCoordinateReferenceSystem(crs))
        there = QgsCoordinateTransform(
            QgsCoordinateReferenceSystem("EPSG:32619"), QgsCoordinateReferenceSystem(crs), QgsProject.instance()
        )
        canvas.setExtent(there.transformBoundingBox(QgsRectangle(WEST, NORTH - 400, WEST + 400, NORTH)))
        wait(page.is_traced)
        image = page.drawn()
        for column, row, is_road in ((200, 100, True), (300, 300, True), (50, 200, False), (200, 30, False)):
            place = page.item.toCanvasCoordinates(there.transform(WEST + column, NORTH - row))
            assert (image.pixelColor(place.toPoint()).alpha() > 0) == is_road, (crs, column, row)


def test_hidden_when_unticked_and_elsewhere(page: Page, wait: Callable[..., None]) -> None:
    page.widget.show_box.setChecked(True)
    wait(page.is_traced)
    page.desktop.mapCanvas().setExtent(QgsRectangle(0, 0, 10, 10))
    wait(lambda: "does not show" in page.widget.message_label.text())
    empty = QImage(page.drawn())
    empty.fill(0)
    assert page.drawn() == empty
    page.widget.show_box.setChecked(False)
    wait(lambda: page.drawn() == empty)


def test_another_raster_is_refused(page: Page, tmp_path: Path, wait: Callable[..., None]) -> None:
    page.choose(QgsRasterLayer(str(store(tmp_path / "other.tif", town(200), scale=1.0)), "other"))
    page.widget.show_box.setChecked(True)
    wait(lambda: "no stored road probability" in page.widget.message_label.text())


def processor_s() -> float:
    """Used so far by this process and by those that it has started."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if os.getpid() in (int(fields[1]), int(stat.parent.name)):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def test_redrawn_in_time(page: Page, tmp_path: Path, wait: Callable[..., None], monkeypatch: Any) -> None:
    """Mask and lines of 2000 x 2000 visible pixels are drawn anew within 0.3 s; full detail follows."""
    page.desktop.mapCanvas().resize(1200, 900)
    drawn: list[int] = []
    show_lines = page.item.show_lines
    monkeypatch.setattr(page.item, "show_lines", lambda *lines: (show_lines(*lines), drawn.append(len(lines[0]))))
    page.choose(QgsRasterLayer(str(store(tmp_path / "large_probability.tif", town(2000))), "large"))
    page.widget.show_box.setChecked(True)
    wait(page.is_traced)
    before = page.drawn()
    used_s = []
    for threshold in (0.2, 0.6, 0.2):
        drawn.clear()
        start_s = processor_s()
        page.move(threshold)
        wait(lambda: bool(drawn))
        assert page.drawn() != before
        used_s.append(processor_s() - start_s)
        before = page.drawn()
        wait(page.is_traced)
        assert len(drawn) == 2, "at the resolution of the screen, then with all that there is"
    print("seconds of processor time per redraw:", used_s)
    assert min(used_s) < 0.3


def test_a_moving_slider_does_not_wait_for_full_detail(
    page: Page, tmp_path: Path, wait: Callable[..., None], monkeypatch: Any
) -> None:
    shown: list[float] = []
    show_mask = page.item.show_mask
    monkeypatch.setattr(page.item, "show_mask", lambda *mask: (show_mask(*mask), shown.append(mask[0].mean())))
    page.choose(QgsRasterLayer(str(store(tmp_path / "large_probability.tif", town(2000))), "large"))
    page.widget.show_box.setChecked(True)
    wait(page.is_traced)
    full = shown[-1]
    for threshold in (0.2, 0.6, 0.2):
        page.move(threshold)
        shown.clear()
        wait(lambda: len(shown) >= 2)
    wait(page.is_traced)
    assert shown[-1] > 1.5 * full, "the last threshold has won"
    assert page.length_km() == pytest.approx(40, rel=0.05)


def test_apply(page: Page, wait: Callable[..., None], output_folder: Path) -> None:
    page.move(0.2)
    QTest.mouseClick(page.desktop.child(QPushButton, "apply_button"), Qt.MouseButton.LeftButton)
    wait(page.widget.apply_button.isEnabled)
    (folder,) = output_folder.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["town_mask.tif", "town_report.json", "town_roads.gpkg"]
    lines = QgsVectorLayer(f"{folder / 'town_roads.gpkg'}|layername=centerlines", "lines", "ogr")
    assert sum(line["length_m"] for line in lines.getFeatures()) == pytest.approx(1600, rel=0.05)
    group = QgsProject.instance().layerTreeRoot().children()[0]
    assert group.name() == "Roads: town"
    assert [node.name() for node in group.children()] == ["Nodes", "Centre-lines", "Road polygons", "Road mask"]
