"""The plugin in German: complete, up to date, and seen."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QLocale, QTranslator
from qgis.PyQt.QtWidgets import QAbstractButton, QLabel, QTabWidget

from road_extractor_plugin import classFactory
from road_extractor_plugin.bridge.layer_file import layer_file
from road_extractor_plugin.bridge.numbers import filled
from road_extractor_plugin.contract.errors import RasterUnusableError
from tools.translations import FOLDER, PACKAGE, Text, read_translations, texts_of

TEXTS = texts_of(PACKAGE)


def names_in(text: str) -> list[str]:
    """What is put into a text, and how it is written: "{area:.2f}"."""
    return sorted(f"{name}:{form}" for _, name, form, _ in string.Formatter().parse(text) if name is not None)


@pytest.fixture
def german() -> Iterator[None]:
    """QGIS set to German, numbers too."""
    settings, before = QgsSettings(), QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    settings.setValue("locale/overrideFlag", True)
    settings.setValue("locale/userLocale", "de")
    assert QgsApplication.locale() == "de"
    yield
    QLocale.setDefault(before)
    settings.remove("locale/overrideFlag")
    settings.remove("locale/userLocale")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ts")), ids=lambda path: path.stem)
def test_every_text_is_translated(path: Any) -> None:
    translations = read_translations(path)
    assert [text for text in TEXTS if text not in translations] == [], "run make translations, and fill the gaps"
    assert [text for text in translations if text not in set(TEXTS)] == [], "run make translations"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ts")), ids=lambda path: path.stem)
def test_translations_take_the_same_values(path: Any) -> None:
    for text, translation in read_translations(path).items():
        assert names_in(text.source) == names_in(translation), text
        assert text.source.count("&") == translation.count("&"), text


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ts")), ids=lambda path: path.stem)
def test_compiled_file_is_up_to_date(path: Any) -> None:
    translator = QTranslator()
    assert translator.load(str(path.with_suffix(".qm")))
    QCoreApplication.installTranslator(translator)
    compiled = {text: QCoreApplication.translate(text.context, text.source) for text in TEXTS}
    QCoreApplication.removeTranslator(translator)
    assert compiled == read_translations(path), "run make translations"


def test_contexts_are_found() -> None:
    """One text of each way to mark one."""
    assert Text("ExtractForm", "&Layer") in TEXTS
    assert Text("layer_file", "is a broken layer") in TEXTS
    assert Text("map_area", "The map does not show the layer '{}'") in TEXTS
    assert Text("RoadAlgorithm", "Image") in TEXTS, "through a function of another module"
    assert Text("RoadAlgorithm", "Extract roads") in TEXTS, "marked, and translated later"
    assert any(text.context == "EngineTask" for text in TEXTS)


def shown(window: Any) -> list[str]:
    """Texts of labels, buttons and tabs."""
    tabs = [tab.tabText(number) for tab in window.findChildren(QTabWidget) for number in range(tab.count())]
    return [*tabs, *(widget.text() for kind in (QLabel, QAbstractButton) for widget in window.findChildren(kind))]


def test_dock_speaks_german(german: None, desktop: Any) -> None:
    plugin = classFactory(desktop)
    plugin.initGui()
    seen = [text for text in shown(desktop.window) if text]
    sources = {text.source for text in TEXTS} - set(read_translations(FOLDER / "road_extractor_de.ts").values())
    assert {"Ordner", "Ergebnisse", "&Starten", "Ausgabe&ordner", "In der &Karte anzeigen"} <= set(seen)
    assert [text for text in seen if text in sources] == [], "still English"
    assert desktop.action.text() == "Straßen extrahieren"
    tool = QgsApplication.processingRegistry().algorithmById("road_extractor:extract")
    assert tool.displayName() == "Straßen extrahieren"
    assert tool.parameterDefinition("INPUT").description() == "Bild"
    with pytest.raises(RasterUnusableError, match="ist ein defekter Layer"):
        layer_file(QgsRasterLayer("nowhere.tif", "x"))
    plugin.unload()
    assert QCoreApplication.translate("ExtractForm", "&Layer") == "&Layer"
    assert QCoreApplication.translate("ExtractForm", "&Area") == "&Area", "the language goes with the plugin"


def test_a_result_speaks_german(german: None, plugin: Any, desktop: Any, add_layer: Any) -> None:
    add_layer()
    desktop.click()
    desktop.wait_until_idle()
    (group,) = QgsProject.instance().layerTreeRoot().findGroups()
    layers = {node.name(): node.layer() for node in group.children()}
    assert list(layers) == ["Knoten", "Mittellinien", "Straßenpolygone", "Straßenmaske", "Straßenwahrscheinlichkeit"]
    classes = [kind.label() for kind in layers["Mittellinien"].renderer().ranges()]
    assert classes == ["unter 50 %", "50 bis 70 %", "70 bis 85 %", "85 bis 100 %"]
    assert [kind.label for kind in layers["Straßenmaske"].renderer().classes()] == ["Straße"]
    assert re.search(r"\d,\d\d km Straße auf 0,04 km², \d+ s auf", desktop.messages())


@pytest.mark.parametrize(
    ("text", "value", "english", "german_text"),
    [
        ("{:,.2f} km² of roads.", 1234.5, "1,234.50 km² of roads.", "1.234,50 km² of roads."),
        ("{:,} tiles, all.", 1_234_567, "1,234,567 tiles, all.", "1.234.567 tiles, all."),
        ("{:g} m/px", 0.5, "0.5 m/px", "0,5 m/px"),
        ("Road {}: {}.", 1234, "Road 1234: a.b.", "Road 1234: a.b."),
    ],
    ids=["area", "count", "short", "number of a thing"],
)
def test_numbers_in_texts(german: None, text: str, value: float, english: str, german_text: str) -> None:
    assert filled(text, value, "a.b") == german_text
    QLocale.setDefault(QLocale("en_US"))
    assert filled(text, value, "a.b") == english


def test_other_languages_are_english(desktop: Any) -> None:
    settings = QgsSettings()
    settings.setValue("locale/overrideFlag", True)
    settings.setValue("locale/userLocale", "fi")
    plugin = classFactory(desktop)
    plugin.initGui()
    assert desktop.action.text() == "Extract roads"
    plugin.unload()
    settings.remove("locale/overrideFlag")
    settings.remove("locale/userLocale")
