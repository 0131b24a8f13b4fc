"""The panel beside the map."""

from __future__ import annotations

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from road_extractor_plugin.gui.batch_page import BatchPage
from road_extractor_plugin.gui.extract_form import ExtractForm
from road_extractor_plugin.gui.results_page import ResultsPage
from road_extractor_plugin.gui.run_panel import RunPanel
from road_extractor_plugin.gui.threshold_page import ThresholdPage


class RoadExtractorDock(QgsDockWidget):
    """Pages for a layer, for a folder of images, for trying out another threshold, and for the runs of earlier."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("RoadExtractorDock")
        self.setWindowTitle(self.tr("Road Extractor"))
        self.pages = QTabWidget(self)
        self.pages.setObjectName("pages")
        page = QWidget(self.pages)
        self.form = ExtractForm(page)
        self.run_panel = RunPanel(page)
        layout = QVBoxLayout(page)
        layout.addWidget(self.form)
        layout.addWidget(self.run_panel)
        layout.addStretch()
        self.batch_page = BatchPage(self.pages)
        self.pages.addTab(page, self.tr("Layer"))
        self.pages.addTab(self.batch_page, self.tr("Folder"))
        self.threshold_page = ThresholdPage(self.pages)
        self.pages.addTab(self.threshold_page, self.tr("Threshold"))
        self.results_page = ResultsPage(self.pages)
        self.pages.addTab(self.results_page, self.tr("Results"))
        self.setWidget(self.pages)
        QWidget.setTabOrder(self.form.folder_widget, self.run_panel.run_button)
        QWidget.setTabOrder(self.run_panel.run_button, self.run_panel.cancel_button)
