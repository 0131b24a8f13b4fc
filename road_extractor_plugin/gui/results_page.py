"""The page of the dock for the runs of earlier."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qgis.PyQt.QtCore import QDateTime, QLocale, Qt, pyqtSignal
from qgis.PyQt.QtGui import QGuiApplication
from qgis.PyQt.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from road_extractor_plugin.bridge.numbers import number
from road_extractor_plugin.bridge.run_history import RunRecord
from road_extractor_plugin.gui.statistics_panel import StatisticsPanel

_LENGTH, _AREA, _SECONDS = 2, 3, 4
_RUNS_SHOWN = 8
"""Rows that the list has room for; more scroll."""


class ResultsPage(QWidget):
    """A list of runs, the newest first, and the figures of the chosen one."""

    chosen = pyqtSignal(object)
    """The `RunRecord` that the user went to, or None."""
    opened = pyqtSignal(object)
    """The `RunRecord` whose layers the user wants."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("results_page")
        self._records: tuple[RunRecord, ...] = ()
        self.run_list = self._make_list()
        list_label = QLabel(self.tr("&Runs, the newest first"), self)
        list_label.setBuddy(self.run_list)
        self.open_button = QPushButton(self.tr("&Add to the map"), self)
        self.open_button.setObjectName("results_open")
        self.open_button.clicked.connect(self._open)
        self.copy_button = QPushButton(self.tr("&Copy as text"), self)
        self.copy_button.setObjectName("results_copy")
        self.copy_button.clicked.connect(self._copy)
        self.statistics = StatisticsPanel(self)
        self.statistics.has_text.connect(self.copy_button.setEnabled)
        self.copy_button.setEnabled(False)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.copy_button)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        scroll.setAccessibleName(self.tr("Road statistics"))
        scroll.setWidget(self.statistics)
        layout = QVBoxLayout(self)
        layout.addWidget(list_label)
        layout.addWidget(self.run_list)
        layout.addLayout(buttons)
        layout.addWidget(scroll, 1)
        self.show_records(())

    def _make_list(self) -> QTreeWidget:
        runs = QTreeWidget(self)
        runs.setObjectName("run_list")
        runs.setAccessibleName(self.tr("Runs"))
        runs.setRootIsDecorated(False)
        runs.setUniformRowHeights(True)
        runs.setAlternatingRowColors(True)
        runs.setToolTip(self.tr("Double-click a run to add its layers to the project again"))
        runs.setHeaderLabels(
            [
                self.tr("Finished"),
                self.tr("Layer"),
                self.tr("Road (km)"),
                self.tr("Area (km²)"),
                self.tr("Time (s)"),
                self.tr("Device"),
                self.tr("Settings"),
            ]
        )
        runs.setFixedHeight((_RUNS_SHOWN + 2) * int(1.4 * self.fontMetrics().height()))
        runs.currentItemChanged.connect(lambda *_: self._choose())
        runs.itemDoubleClicked.connect(lambda *_: self._open())
        return runs

    def show_records(self, records: Sequence[RunRecord]) -> None:
        """List these and choose the first."""
        self._records = tuple(records)
        self.run_list.blockSignals(True)
        self.run_list.clear()
        for record in self._records:
            self.run_list.addTopLevelItem(self._item(record))
        for column in range(self.run_list.columnCount()):
            self.run_list.resizeColumnToContents(column)
        self.run_list.setCurrentItem(self.run_list.topLevelItem(0))
        self.run_list.blockSignals(False)
        self._choose()

    def record(self) -> RunRecord | None:
        """The chosen run."""
        row = self.run_list.indexOfTopLevelItem(self.run_list.currentItem()) if self.run_list.currentItem() else -1
        return self._records[row] if row >= 0 else None

    def _item(self, record: RunRecord) -> QTreeWidgetItem:
        item = QTreeWidgetItem(
            [
                _when(record.finished),
                record.layer,
                number(record.length_km, 2),
                number(record.area_km2, 2),
                number(record.seconds, 1),
                record.device or self.tr("no network"),
                self._settings(record),
            ]
        )
        for column in (_LENGTH, _AREA, _SECONDS):
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(1, record.folder)
        return item

    def _settings(self, record: RunRecord) -> str:
        threshold = self.tr("threshold {}").format(number(record.threshold, 2))
        return ", ".join(part for part in (threshold, record.preset, record.model) if part)

    def _choose(self) -> None:
        record = self.record()
        self.open_button.setEnabled(record is not None)
        if record is None:
            self.statistics.show_nothing(self.tr("No runs yet: extract roads on the page 'Layer'."))
        self.chosen.emit(record)

    def _open(self) -> None:
        record = self.record()
        if record is not None:
            self.opened.emit(record)

    def _copy(self) -> None:
        record = self.record()
        if record is not None:
            head = f"{record.layer}\t{_when(record.finished)}\n{self._settings(record)}\n"
            QGuiApplication.clipboard().setText(head + self.statistics.text())


def _when(finished: str) -> str:
    """Date and time in the way of the place, and of this computer's time zone."""
    try:
        moment = datetime.fromisoformat(finished)
    except ValueError:
        return finished
    local = QDateTime.fromSecsSinceEpoch(int(moment.timestamp()))
    return str(QLocale().toString(local, QLocale.FormatType.ShortFormat))
