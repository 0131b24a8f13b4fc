"""The page of the dock for a folder of rasters."""

from __future__ import annotations

from pathlib import Path

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from road_extractor_plugin.contract.batch import RASTER_PATTERNS, RasterOutcome
from road_extractor_plugin.gui.batch_table import BatchTable
from road_extractor_plugin.settings import BatchSettings


class BatchPage(QWidget):
    """Which folder, how, and a table of what became of each raster."""

    run_clicked = pyqtSignal()
    cancel_clicked = pyqtSignal()
    pause_toggled = pyqtSignal(bool)
    outcome_opened = pyqtSignal(object)
    """The user double-clicked a row that has ended; its `RasterOutcome`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("batch_page")
        self.folder_widget = self._make_folder("batch_folder", self.tr("Folder with the images"))
        self.patterns_edit = QLineEdit(self)
        self.patterns_edit.setObjectName("batch_patterns")
        self.patterns_edit.setToolTip(self.tr("Names of the images, with * for anything; more than one with blanks"))
        self.output_widget = self._make_folder("batch_output", self.tr("Folder for the results"))
        self.recursive_box = self._make_box("batch_recursive", self.tr("Search the folders &below, too"))
        self.keep_box = self._make_box("batch_keep", self.tr("&Keep results that exist"))
        self.merge_box = self._make_box("batch_merge", self.tr("Make &one network of all"))
        self._make_buttons()
        self._make_table()
        self.progress_bar = QProgressBar(self)
        self.progress_bar.setObjectName("batch_progress")
        self.message_label = QLabel(self)
        self.message_label.setObjectName("batch_message")
        self.message_label.setWordWrap(True)
        self._lay_out()
        self.show_settings(BatchSettings())
        self.show_stopped()

    def _make_folder(self, name: str, title: str) -> QgsFileWidget:
        widget = QgsFileWidget(self)
        widget.setObjectName(name)
        widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        widget.setDialogTitle(title)
        widget.setToolTip(title)
        return widget

    def _make_box(self, name: str, text: str) -> QCheckBox:
        box = QCheckBox(text, self)
        box.setObjectName(name)
        return box

    def _make_buttons(self) -> None:
        self.run_button = QPushButton(self.tr("&Run"), self)
        self.pause_button = QPushButton(self.tr("&Pause"), self)
        self.pause_button.setCheckable(True)
        self.cancel_button = QPushButton(self.tr("&Cancel"), self)
        for button, name in (
            (self.run_button, "batch_run"),
            (self.pause_button, "batch_pause"),
            (self.cancel_button, "batch_cancel"),
        ):
            button.setObjectName(name)
        self.run_button.clicked.connect(self.run_clicked)
        self.cancel_button.clicked.connect(self.cancel_clicked)
        self.pause_button.toggled.connect(self.pause_toggled)

    def _make_table(self) -> None:
        self.table = BatchTable(self)
        self.table_view = QTableView(self)
        self.table_view.setObjectName("batch_table")
        self.table_view.setAccessibleName(self.tr("Table of the images"))
        self.table_view.setModel(self.table)
        self.table_view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table_view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table_view.setToolTip(self.tr("Double-click a row that is done to see its roads on the map"))
        self.table_view.verticalHeader().hide()
        self.table_view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table_view.horizontalHeader().setStretchLastSection(True)
        self.table_view.setWordWrap(False)
        self.table_view.doubleClicked.connect(lambda index: self._open(index.row()))
        self.table_view.selectionModel().currentRowChanged.connect(lambda now, _: self._show_row(now.row()))

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for label, widget in (
            (self.tr("&Images in"), self.folder_widget),
            (self.tr("&Names"), self.patterns_edit),
            (self.tr("Re&sults in"), self.output_widget),
        ):
            form.addRow(label, widget)
            widget.setAccessibleName(label.replace("&", ""))
        buttons = QHBoxLayout()
        for button in (self.run_button, self.pause_button, self.cancel_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        for box in (self.recursive_box, self.keep_box, self.merge_box):
            layout.addWidget(box)
        hint = QLabel(self.tr("Model and threshold are those of the page 'Layer'."), self)
        hint.setWordWrap(True)
        layout.addWidget(hint)
        layout.addLayout(buttons)
        layout.addWidget(self.progress_bar)
        layout.addWidget(self.message_label)
        layout.addWidget(self.table_view, 1)

    def settings(self) -> BatchSettings:
        """What the user chose."""
        folder, output = self.folder_widget.filePath().strip(), self.output_widget.filePath().strip()
        return BatchSettings(
            folder=Path(folder) if folder else None,
            output_folder=Path(output) if output else None,
            patterns=tuple(self.patterns_edit.text().split()) or RASTER_PATTERNS,
            recursive=self.recursive_box.isChecked(),
            keep_existing=self.keep_box.isChecked(),
            merge=self.merge_box.isChecked(),
        )

    def show_settings(self, settings: BatchSettings) -> None:
        """Put earlier choices into the widgets."""
        self.folder_widget.setFilePath(str(settings.folder or ""))
        self.output_widget.setFilePath(str(settings.output_folder or ""))
        self.patterns_edit.setText(" ".join(settings.patterns))
        self.recursive_box.setChecked(settings.recursive)
        self.keep_box.setChecked(settings.keep_existing)
        self.merge_box.setChecked(settings.merge)

    def show_running(self) -> None:
        """A batch has begun."""
        self.run_button.setEnabled(False)
        self.pause_button.setEnabled(True)
        self.cancel_button.setEnabled(True)
        self.progress_bar.setValue(0)
        self.progress_bar.show()
        self.message_label.clear()

    def show_stopped(self) -> None:
        """No batch is on."""
        self.run_button.setEnabled(True)
        self.pause_button.setChecked(False)
        self.pause_button.setEnabled(False)
        self.cancel_button.setEnabled(False)
        self.progress_bar.hide()
        self.table.show_stopped()

    def show_message(self, text: str) -> None:
        """What the batch does, or what came of it."""
        self.message_label.setText(text)

    def show_rasters(self, folder: Path, rasters: tuple[Path, ...]) -> None:
        """The batch has found its rasters."""
        self.table.show_rasters(folder, rasters)
        self.table_view.resizeColumnsToContents()

    def show_started(self, raster: Path) -> None:
        """One is under way."""
        self._scroll_to(self.table.show_started(raster))

    def show_outcome(self, outcome: RasterOutcome) -> None:
        """One has ended."""
        self._scroll_to(self.table.show_outcome(outcome))

    def _scroll_to(self, row: int) -> None:
        self.table_view.scrollTo(self.table.index(row, 0))

    def _show_row(self, row: int) -> None:
        """Say all of what became of a raster, for which the table is too narrow."""
        outcome = self.table.outcome(row) if row >= 0 else None
        if outcome is not None and outcome.message:
            self.show_message(f"{outcome.raster.name}: {outcome.message}")

    def _open(self, row: int) -> None:
        outcome = self.table.outcome(row)
        if outcome is not None:
            self.outcome_opened.emit(outcome)
