"""What the page for a layer says of the imagery and of the model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal, osr
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtGui import QColor, QPalette

from road_extractor_plugin.bridge.ground_resolution import layer_ground_resolution_m
from road_extractor_plugin.gui.card_text import card_html
from road_extractor_plugin.gui.colours import Tone
from road_extractor_plugin.gui.dock import RoadExtractorDock
from road_extractor_plugin.gui.notice_label import NoticeLabel

DARK, LIGHT = "#2b2b2b", "#ffffff"


def layer_of(path: Path, pixel: float, epsg: int, centre: tuple[float, float]) -> QgsRasterLayer:
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 200, 200, 3)
    dataset.SetGeoTransform((centre[0] - 100 * pixel, pixel, 0, centre[1] + 100 * pixel, 0, -pixel))
    place = osr.SpatialReference()
    place.ImportFromEPSG(epsg)
    dataset.SetProjection(place.ExportToWkt())
    del dataset
    return QgsRasterLayer(str(path), path.stem)


@pytest.fixture
def dock(tiny_model: Path) -> Iterator[RoadExtractorDock]:
    """A dock with a model for 0.5 to 2 m chosen."""
    dock = RoadExtractorDock()
    dock.form.model_combo.choose(tiny_model)
    yield dock
    dock.deleteLater()


@pytest.mark.parametrize(
    ("epsg", "pixel", "centre", "ground_m"),
    [
        (32619, 0.5, (500_000, 4_600_000), 0.5),
        (3857, 1.0, (0, 8_399_737.89), 0.5),  # 60 degrees north
        (4326, 1e-5, (10, 0), 1.1095),
        (2263, 1.0, (987_000, 200_000), 0.3048),  # feet
    ],
    ids=["UTM", "Web Mercator", "degrees", "US feet"],
)
def test_ground_resolution(
    epsg: int, pixel: float, centre: tuple[float, float], ground_m: float, tmp_path: Path
) -> None:
    layer = layer_of(tmp_path / "scene.tif", pixel, epsg, centre)
    found = layer_ground_resolution_m(layer, QgsProject.instance().transformContext())
    assert found == pytest.approx(ground_m, rel=0.005)


def test_services_have_no_resolution() -> None:
    layer = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png", "basemap", "wms")
    assert layer_ground_resolution_m(layer, QgsProject.instance().transformContext()) is None


@pytest.mark.parametrize(
    ("pixel_m", "words", "is_warning"),
    [
        (1.0, "Imagery of 1 m per pixel; the model takes 0.5 to 2 m", False),
        (0.1, "Imagery of 0.1 m per pixel, but the model was made for 0.5 to 2 m. It is averaged to 1 m", True),
        (10.0, "Imagery of 10 m per pixel, but the model was made for 0.5 to 2 m. It is resampled to 1 m", True),
    ],
    ids=["right", "too fine", "too coarse"],
)
def test_resolution_in_words(
    pixel_m: float, words: str, is_warning: bool, dock: RoadExtractorDock, tmp_path: Path
) -> None:
    layer = layer_of(tmp_path / "scene.tif", pixel_m, 32619, (500_000, 4_600_000))
    QgsProject.instance().addMapLayer(layer)
    dock.form.layer_combo.setLayer(layer)
    text = dock.form.resolution_label.text()
    assert words in text
    assert ("⚠" in text) == is_warning
    QgsProject.instance().removeMapLayer(layer.id())
    assert not dock.form.resolution_label.text()


def contrast(text: QColor, background: QColor) -> float:
    """WCAG 2.1, 1.4.3."""

    def luminance(colour: QColor) -> float:
        parts = [channel / 255 for channel in (colour.red(), colour.green(), colour.blue())]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(text), luminance(background)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("background", ["#ffffff", "#efefef", "#2b2b2b", "#494949", "#000000"])
@pytest.mark.parametrize("tone", Tone)
def test_colours_are_legible(tone: Tone, background: str) -> None:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Base, QColor(background))
    assert contrast(tone.on(palette), QColor(background)) >= 4.5


def test_warning_follows_the_theme() -> None:
    label, seen = NoticeLabel(), []
    label.show_warning("<care>")
    for background in (LIGHT, DARK):
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Base, QColor(background))
        label.setPalette(palette)
        seen.append(label.text())
    assert seen[0] != seen[1]
    assert all("&lt;care&gt;" in text for text in seen)


def test_card_to_read(dock: RoadExtractorDock) -> None:
    picker = dock.form.model_picker
    assert picker.card_view.isHidden()
    picker.card_button.click()
    assert not picker.card_view.isHidden()
    text = picker.card_view.toPlainText()
    for words in ("test network 1", "red, green, blue; 0.5 to 2 m", "CC0-1.0", "Drawn by the tests.", "drawn, test"):
        assert words in text
    picker.card_button.click()
    assert picker.card_view.isHidden()


def test_card_without_figures(card_with: Any) -> None:
    html = card_html(card_with(evaluation=(), attributions=()), Path("m.onnx"))
    assert "no figures" in html
