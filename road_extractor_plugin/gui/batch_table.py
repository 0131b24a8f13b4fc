"""What became of each raster of a batch, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from qgis.PyQt.QtGui import QGuiApplication

from road_extractor_plugin.contract.batch import DONE, FAILED, SKIPPED, RasterOutcome
from road_extractor_plugin.gui.colours import Tone

_WAITING, _RUNNING = "waiting", "running"
_RASTER, _STATUS, _LENGTH, _TIME, _MESSAGE = range(5)
_TONES = {FAILED: Tone.BAD, DONE: Tone.GOOD, _RUNNING: Tone.BUSY}


@dataclass
class _Row:
    """A raster, and how far it is."""

    raster: Path
    status: str = _WAITING
    outcome: RasterOutcome | None = None


class BatchTable(QAbstractTableModel):
    """A row per raster: its name, status, kilometres of road, seconds, and what is to be said of it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = Path()
        self._rows: list[_Row] = []
        self._number: dict[Path, int] = {}
        self._headers = (
            self.tr("Image"),
            self.tr("Status"),
            self.tr("Road (km)"),
            self.tr("Time (s)"),
            self.tr("Message"),
        )
        self._status_names = {
            _WAITING: self.tr("waiting"),
            _RUNNING: self.tr("running"),
            DONE: self.tr("done"),
            SKIPPED: self.tr("kept"),
            FAILED: self.tr("failed"),
        }

    def show_rasters(self, folder: Path, rasters: tuple[Path, ...]) -> None:
        """Begin anew, with rasters that wait."""
        self.beginResetModel()
        self._folder = folder
        self._rows = [_Row(raster) for raster in rasters]
        self._number = {raster: number for number, raster in enumerate(rasters)}
        self.endResetModel()

    def show_started(self, raster: Path) -> int:
        """A raster is under way; gives the number of its row."""
        return self._change(raster, _RUNNING, None)

    def show_outcome(self, outcome: RasterOutcome) -> int:
        """A raster has ended; gives the number of its row."""
        return self._change(outcome.raster, outcome.status, outcome)

    def show_stopped(self) -> None:
        """Nothing is under way any more."""
        for row in self._rows:
            if row.status == _RUNNING:
                self._change(row.raster, _WAITING, None)

    def outcome(self, number: int) -> RasterOutcome | None:
        """What became of the raster in a row; None while that is not known."""
        return self._rows[number].outcome

    def _change(self, raster: Path, status: str, outcome: RasterOutcome | None) -> int:
        number = self._number[raster]
        self._rows[number] = _Row(raster, status, outcome)
        self.dataChanged.emit(self.index(number, 0), self.index(number, len(self._headers) - 1))
        return number

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """QGIS asks."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """QGIS asks."""
        return 0 if parent is not None and parent.isValid() else len(self._headers)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Names of the columns."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self._headers[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Text, colour, alignment and tool tip of a cell."""
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._text(row, column) if column in {_RASTER, _MESSAGE} else None
        if role == Qt.ItemDataRole.ForegroundRole:
            tone = _TONES.get(row.status) if column == _STATUS else None
            return None if tone is None else tone.on(QGuiApplication.palette())
        if role == Qt.ItemDataRole.TextAlignmentRole and column in {_LENGTH, _TIME}:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def _text(self, row: _Row, column: int) -> str:
        if column == _RASTER:
            return row.raster.relative_to(self._folder).as_posix()
        if column == _STATUS:
            return self._status_names[row.status]
        outcome = row.outcome
        if outcome is None:
            return ""
        if column == _LENGTH:
            return "" if outcome.length_km is None else f"{outcome.length_km:.2f}"
        return f"{outcome.seconds:.1f}" if column == _TIME else outcome.message
