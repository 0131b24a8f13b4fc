"""Every page without a mouse, and for those who do not see it; in every language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.PyQt.QtCore import QCoreApplication, QPoint, Qt, QTranslator
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QScrollBar,
    QTextEdit,
    QWidget,
)

from road_extractor_plugin.gui.dock import RoadExtractorDock
from road_extractor_plugin.gui.setup_dialog import SetupDialog
from tools.translations import FOLDER

INPUTS = (QComboBox, QAbstractSpinBox, QAbstractSlider, QLineEdit, QAbstractItemView, QTextEdit)
LANGUAGES = ["en", *(path.stem.rpartition("_")[2] for path in FOLDER.glob("*.ts"))]
PAGES = ["layer", "folder", "threshold", "results"]


@pytest.fixture(params=LANGUAGES)
def language(request: Any) -> Iterator[str]:
    translator = QTranslator()
    if request.param != "en":
        assert translator.load(str(FOLDER / f"road_extractor_{request.param}.qm"))
        QCoreApplication.installTranslator(translator)
    yield request.param
    QCoreApplication.removeTranslator(translator)


@pytest.fixture
def pages(language: str) -> Iterator[dict[str, QWidget]]:
    dock, dialog = RoadExtractorDock(), SetupDialog()
    dock.resize(500, 900)
    dock.show()
    dialog.show()
    yield {**{name: dock.pages.widget(number) for number, name in enumerate(PAGES)}, "setup": dialog}
    dialog.deleteLater()
    dock.deleteLater()


def own(page: QWidget, kinds: Any) -> list[Any]:
    """Widgets that the page has made, without the parts that Qt and QGIS make of some."""
    found = [widget for kind in kinds for widget in page.findChildren(kind)]
    return [
        widget
        for widget in found
        if not widget.objectName().startswith("qt_")
        and not isinstance(widget, QScrollBar)
        and not isinstance(widget.parentWidget(), (QAbstractSpinBox, QComboBox, QAbstractItemView))
    ]


def test_mnemonics_are_unique(pages: dict[str, QWidget]) -> None:
    for name, page in pages.items():
        texts = [widget.text() for widget in page.findChildren(QLabel) + page.findChildren(QAbstractButton)]
        texts += [box.title() for box in page.findChildren(QGroupBox)]
        letters = Counter(letter.lower() for text in texts for letter in re.findall("&(\\w)", text))
        assert len(letters) >= 3, name
        assert [letter for letter, count in letters.items() if count > 1] == [], name


def test_mnemonics_lead_somewhere(pages: dict[str, QWidget]) -> None:
    for name, page in pages.items():
        labels = [label for label in page.findChildren(QLabel) if re.search("&\\w", label.text())]
        assert [label.text() for label in labels if label.buddy() is None] == [], name


def is_named(widget: QWidget, page: QWidget) -> bool:
    """By itself, by a label that leads to it, or as a part of something that is."""
    labels = [label.buddy() for label in page.findChildren(QLabel) if label.text()]
    while widget is not page:
        if widget.accessibleName() or widget in labels or (isinstance(widget, QAbstractButton) and widget.text()):
            return True
        widget = widget.parentWidget()
    return False


def test_inputs_have_names(pages: dict[str, QWidget]) -> None:
    for name, page in pages.items():
        inputs = own(page, INPUTS) + own(page, (QAbstractButton,))
        assert len(inputs) >= 3, name
        assert [widget.objectName() or widget for widget in inputs if not is_named(widget, page)] == [], name


def test_tab_order_is_that_of_the_eye(pages: dict[str, QWidget]) -> None:
    for name, page in pages.items():
        page.window().resize(500, 900)
        if name in PAGES:
            page.parentWidget().parentWidget().setCurrentWidget(page)
        QCoreApplication.processEvents()
        order: list[QWidget] = []
        widget = page
        while (widget := widget.nextInFocusChain()) is not page:
            takes_tab = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.focusProxy() is None
            if page.isAncestorOf(widget) and takes_tab and widget.isVisibleTo(page):
                order.append(widget)
        assert len(order) >= 3, name
        places = [widget.mapTo(page, QPoint(0, widget.height() // 2)) for widget in order]
        steps_up = [
            (order[i].objectName(), order[i + 1].objectName())
            for i in range(len(places) - 1)
            if places[i + 1].y() < places[i].y() - 10
        ]
        assert steps_up == [], name


def test_scan_finds_a_missing_name(tmp_path: Path) -> None:
    page = QWidget()
    box = QComboBox(page)
    assert not is_named(box, page)
    label = QLabel("&Name", page)
    label.setBuddy(box)
    assert is_named(box, page)
