"""The questions that a run needs answered."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsMapLayerProxyModel, QgsRasterLayer
from qgis.gui import QgsDoubleSpinBox, QgsFileWidget, QgsMapLayerComboBox
from qgis.PyQt.QtWidgets import QComboBox, QFormLayout, QWidget

from road_extractor_plugin.gui.model_combo import ModelCombo
from road_extractor_plugin.settings import AreaChoice, Settings


class ExtractForm(QWidget):
    """Layer, area, model, threshold and output folder; everything but the layer is a `Settings` value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("extract_form")
        self.layer_combo = self._make_layer_combo()
        self.area_combo = self._make_area_combo()
        self.model_combo = ModelCombo(self)
        self.threshold_box = self._make_threshold_box()
        self.folder_widget = self._make_folder_widget()
        self._lay_out()

    def _make_layer_combo(self) -> QgsMapLayerComboBox:
        combo = QgsMapLayerComboBox(self)
        combo.setObjectName("layer_combo")
        combo.setFilters(QgsMapLayerProxyModel.RasterLayer)
        combo.setToolTip(self.tr("The imagery in which roads are sought"))
        return combo

    def _make_area_combo(self) -> QComboBox:
        combo = QComboBox(self)
        combo.setObjectName("area_combo")
        combo.addItem(self.tr("Visible extent"), AreaChoice.VISIBLE)
        combo.addItem(self.tr("Whole layer"), AreaChoice.LAYER)
        combo.setToolTip(self.tr("The part of the layer that is searched"))
        return combo

    def _make_threshold_box(self) -> QgsDoubleSpinBox:
        box = QgsDoubleSpinBox(self)
        box.setObjectName("threshold_box")
        # The lowest value stands for the model's own threshold: zero would call everything road.
        box.setRange(0.0, 1.0)
        box.setSingleStep(0.05)
        box.setDecimals(2)
        box.setSpecialValueText(self.tr("Model's default"))
        box.setClearValue(0.0)
        box.setToolTip(self.tr("Road probability from which on something is road, between 0 and 1"))
        return box

    def _make_folder_widget(self) -> QgsFileWidget:
        widget = QgsFileWidget(self)
        widget.setObjectName("folder_widget")
        widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        widget.setDialogTitle(self.tr("Folder for the results"))
        widget.setToolTip(
            self.tr(
                "Each run makes a folder of its own in it. Left empty, it is 'road_extractor' beside the project, "
                "or among your documents while the project is not saved."
            )
        )
        widget.lineEdit().setPlaceholderText(self.tr("Beside the project"))
        return widget

    def _lay_out(self) -> None:
        rows = (
            (self.tr("&Layer"), self.layer_combo),
            (self.tr("&Area"), self.area_combo),
            (self.tr("&Model"), self.model_combo),
            (self.tr("&Threshold"), self.threshold_box),
            (self.tr("&Output folder"), self.folder_widget),
        )
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for label, widget in rows:
            layout.addRow(label, widget)
            widget.setAccessibleName(label.replace("&", ""))
        for (_, before), (_, after) in zip(rows, rows[1:]):
            QWidget.setTabOrder(before, after)

    def layer(self) -> QgsRasterLayer | None:
        """The chosen layer; None while the project has no raster layer."""
        return self.layer_combo.currentLayer()

    def settings(self) -> Settings:
        """What the user chose."""
        folder = self.folder_widget.filePath().strip()
        return Settings(
            area=AreaChoice(self.area_combo.currentData()),
            model=self.model_combo.model(),
            threshold=self.threshold_box.value() or None,
            output_folder=Path(folder) if folder else None,
        )

    def show_settings(self, settings: Settings) -> None:
        """Put earlier choices into the widgets; a model that is gone is left out."""
        self.area_combo.setCurrentIndex(self.area_combo.findData(settings.area))
        if settings.model is not None and settings.model.exists():
            self.model_combo.choose(settings.model)
        self.threshold_box.setValue(settings.threshold or 0.0)
        self.folder_widget.setFilePath(str(settings.output_folder or ""))
