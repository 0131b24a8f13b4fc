"""The questions that a run needs answered."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsMapLayerProxyModel, QgsProject, QgsRasterLayer
from qgis.gui import QgsDoubleSpinBox, QgsFileWidget, QgsMapLayerComboBox
from qgis.PyQt.QtWidgets import QFormLayout, QWidget

from road_extractor_plugin.bridge.ground_resolution import layer_ground_resolution_m
from road_extractor_plugin.bridge.numbers import number
from road_extractor_plugin.gui.area_picker import AreaPicker
from road_extractor_plugin.gui.model_picker import ModelPicker
from road_extractor_plugin.gui.notice_label import NoticeLabel
from road_extractor_plugin.gui.preset_combo import PresetCombo
from road_extractor_plugin.settings import Settings


class ExtractForm(QWidget):
    """Layer, area, model, lines and output folder; everything but the layer is a `Settings` value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("extract_form")
        self.layer_combo = self._make_layer_combo()
        self.area_picker = AreaPicker(self)
        self.area_combo = self.area_picker.combo
        self.estimate_label = NoticeLabel(self)
        self.estimate_label.setObjectName("estimate_label")
        self.model_picker = ModelPicker(self)
        self.model_combo = self.model_picker.combo
        self.resolution_label = NoticeLabel(self)
        self.resolution_label.setObjectName("resolution_label")
        self.threshold_box = self._make_threshold_box()
        self.preset_combo = PresetCombo(self)
        self.folder_widget = self._make_folder_widget()
        self._lay_out()
        self.layer_combo.layerChanged.connect(lambda _: self._show_resolution())
        self.model_combo.currentIndexChanged.connect(lambda _: self._show_resolution())
        self._show_resolution()

    def _make_layer_combo(self) -> QgsMapLayerComboBox:
        combo = QgsMapLayerComboBox(self)
        combo.setObjectName("layer_combo")
        combo.setFilters(QgsMapLayerProxyModel.RasterLayer)
        combo.setToolTip(self.tr("The imagery in which roads are sought"))
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
            (self.tr("&Area"), self.area_picker),
            (self.tr("&Model"), self.model_picker),
            (self.tr("&Threshold"), self.threshold_box),
            (self.tr("&Kind of place"), self.preset_combo),
            (self.tr("&Output folder"), self.folder_widget),
        )
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for label, widget in rows:
            layout.addRow(label, widget)
            widget.setAccessibleName(label.replace("&", ""))
            if widget is self.model_picker:
                layout.addRow(self.resolution_label)
        layout.addRow(self.estimate_label)
        self.estimate_label.hide()

    def _show_resolution(self) -> None:
        """Say how fine the imagery is, and whether that is what the model was made for."""
        layer, card = self.layer(), self.model_combo.card()
        context = QgsProject.instance().transformContext()
        found_m = None if layer is None else layer_ground_resolution_m(layer, context)
        if found_m is None or card is None:
            self.resolution_label.show_text("")
            return
        finest_m, coarsest_m = card.input.ground_resolution_range_m
        values = {
            "found": number(found_m),
            "finest": number(finest_m),
            "coarsest": number(coarsest_m),
            "grid": number(card.input.ground_resolution_m),
        }
        if finest_m <= found_m <= coarsest_m:
            text = self.tr("Imagery of {found} m per pixel; the model takes {finest} to {coarsest} m.")
            self.resolution_label.show_text(text.format(**values))
            return
        text = self.tr("Imagery of {found} m per pixel, but the model was made for {finest} to {coarsest} m.") + " "
        if found_m < finest_m:
            text += self.tr("It is averaged to {grid} m; finer detail is lost.")
        else:
            text += self.tr("It is resampled to {grid} m; roads may be missed. Use finer imagery or another model.")
        self.resolution_label.show_warning(text.format(**values))

    def layer(self) -> QgsRasterLayer | None:
        """The chosen layer; None while the project has no raster layer."""
        return self.layer_combo.currentLayer()

    def settings(self) -> Settings:
        """What the user chose."""
        folder = self.folder_widget.filePath().strip()
        return Settings(
            area=self.area_picker.choice(),
            model=self.model_combo.model(),
            threshold=self.threshold_box.value() or None,
            preset=self.preset_combo.preset(),
            output_folder=Path(folder) if folder else None,
        )

    def show_settings(self, settings: Settings) -> None:
        """Put earlier choices into the widgets; a model that is gone is left out."""
        self.area_picker.choose(settings.area)
        if settings.model is not None and settings.model.exists():
            self.model_combo.choose(settings.model)
        self.threshold_box.setValue(settings.threshold or 0.0)
        self.preset_combo.choose(settings.preset)
        self.folder_widget.setFilePath(str(settings.output_folder or ""))
