"""The panel beside the map."""

from __future__ import annotations

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtWidgets import QVBoxLayout, QWidget

from road_extractor_plugin.gui.extract_form import ExtractForm
from road_extractor_plugin.gui.run_panel import RunPanel


class RoadExtractorDock(QgsDockWidget):
    """What to do above, how it goes below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("RoadExtractorDock")
        self.setWindowTitle(self.tr("Road Extractor"))
        page = QWidget(self)
        self.form = ExtractForm(page)
        self.run_panel = RunPanel(page)
        layout = QVBoxLayout(page)
        layout.addWidget(self.form)
        layout.addWidget(self.run_panel)
        layout.addStretch()
        self.setWidget(page)
        QWidget.setTabOrder(self.form.folder_widget, self.run_panel.run_button)
        QWidget.setTabOrder(self.run_panel.run_button, self.run_panel.cancel_button)
