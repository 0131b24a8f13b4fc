"""The figures of one run, with a plot."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QFormLayout, QGroupBox, QLabel, QVBoxLayout, QWidget

from road_extractor_plugin.gui.confidence_plot import ConfidencePlot
from road_extractor_plugin.gui.notice_label import NoticeLabel
from road_extractor_plugin.gui.statistics_rows import statistics_rows
from road_extractor_plugin.tasks.statistics_task import RunFigures


class StatisticsPanel(QGroupBox):
    """Kilometres by confidence as bars, the rest as a list; all of it as plain text too."""

    has_text = pyqtSignal(bool)
    """Whether there are figures to copy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statistics_panel")
        self.setTitle(self.tr("Road statistics"))
        self.message_label = NoticeLabel(self)
        self.message_label.setObjectName("statistics_message")
        self._content = QWidget(self)
        self._plot_title = QLabel(self.tr("Road by confidence"), self._content)
        self.plot = ConfidencePlot(self._content)
        self.plot.setAccessibleName(self.tr("Road by confidence"))
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        content = QVBoxLayout(self._content)
        content.setContentsMargins(0, 0, 0, 0)
        content.addWidget(self._plot_title)
        content.addWidget(self.plot)
        content.addLayout(self._form)
        layout = QVBoxLayout(self)
        layout.addWidget(self.message_label)
        layout.addWidget(self._content)
        layout.addStretch()
        self._rows: list[tuple[str, str]] = []
        self.show_nothing(self.tr("Choose a run above."))

    def show_nothing(self, text: str) -> None:
        """No run, or its figures are being read."""
        self._clear()
        self.message_label.show_text(text)

    def show_problem(self, text: str) -> None:
        """They cannot be read; in plain words."""
        self._clear()
        self.message_label.show_warning(text)

    def show_figures(self, figures: RunFigures) -> None:
        """What the run has left."""
        self._clear()
        self.message_label.show_text("")
        self.plot.show_classes(figures.roads.class_km)
        self._rows = statistics_rows(figures)
        for name, value in self._rows:
            label = QLabel(value, self._content)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._form.addRow(name, label)
        self._content.show()
        self.has_text.emit(True)

    def text(self) -> str:
        """What is shown, one figure a line with a tab before its value; empty where there are none."""
        if not self._rows:
            return ""
        classes = [(f"{self._plot_title.text()}, {name}", length) for name, length in self.plot.rows()]
        return "\n".join(f"{name}\t{value}" for name, value in [self._rows[0], *classes, *self._rows[1:]])

    def _clear(self) -> None:
        self._rows = []
        self._content.hide()
        while self._form.rowCount():
            self._form.removeRow(0)
        self.has_text.emit(False)
