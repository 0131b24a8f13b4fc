"""The page of the dock where another threshold is tried out."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel, QgsRasterLayer
from qgis.gui import QgsDoubleSpinBox, QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from road_extractor_plugin.contract.request import TraceOptions
from road_extractor_plugin.gui.preset_combo import PresetCombo

_STEPS = 100
"""Of the slider, from 0 to 1."""


class ThresholdPage(QWidget):
    """A probability raster, a slider, and what the roads would be; then all of it."""

    changed = pyqtSignal()
    """Something that the preview depends on."""
    apply_clicked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("threshold_page")
        self.layer_combo = QgsMapLayerComboBox(self)
        self.layer_combo.setObjectName("probability_combo")
        self.layer_combo.setFilters(QgsMapLayerProxyModel.RasterLayer)
        self.layer_combo.setToolTip(self.tr("A road probability that an earlier run has stored"))
        self._make_threshold()
        self.preset_combo = PresetCombo(self)
        self.preset_combo.setObjectName("threshold_preset_combo")
        self.show_box = QCheckBox(self.tr("&Show on the map"), self)
        self.show_box.setObjectName("preview_box")
        self.apply_button = QPushButton(self.tr("&Apply to the whole raster"), self)
        self.apply_button.setObjectName("apply_button")
        self.progress_bar = QProgressBar(self)
        self.progress_bar.setObjectName("apply_progress")
        self.progress_bar.hide()
        self.message_label = QLabel(self)
        self.message_label.setObjectName("threshold_message")
        self.message_label.setWordWrap(True)
        self._lay_out()
        self._connect()

    def _make_threshold(self) -> None:
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setObjectName("threshold_slider")
        self.slider.setRange(1, _STEPS - 1)
        self.slider.setAccessibleName(self.tr("Threshold"))
        self.slider.setToolTip(self.tr("To the left more is road, to the right only what is sure"))
        self.value_box = QgsDoubleSpinBox(self)
        self.value_box.setObjectName("threshold_value")
        self.value_box.setRange(1 / _STEPS, 1 - 1 / _STEPS)
        self.value_box.setSingleStep(1 / _STEPS)
        self.value_box.setShowClearButton(False)
        self.value_box.setAccessibleName(self.tr("Threshold"))

    def _lay_out(self) -> None:
        threshold = QHBoxLayout()
        threshold.addWidget(self.slider, 1)
        threshold.addWidget(self.value_box)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("&Probability"), self.layer_combo)
        threshold_label = QLabel(self.tr("&Threshold"), self)
        threshold_label.setBuddy(self.slider)
        form.addRow(threshold_label, threshold)
        form.addRow(self.tr("&Kind of place"), self.preset_combo)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        for widget in (self.show_box, self.apply_button, self.progress_bar, self.message_label):
            layout.addWidget(widget)
        layout.addStretch()

    def _connect(self) -> None:
        self.slider.valueChanged.connect(lambda steps: self.value_box.setValue(steps / _STEPS))
        self.value_box.valueChanged.connect(lambda value: self.slider.setValue(round(value * _STEPS)))
        self.value_box.valueChanged.connect(lambda _: self.changed.emit())
        self.preset_combo.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.layer_combo.layerChanged.connect(lambda _: self.changed.emit())
        self.show_box.toggled.connect(lambda _: self.changed.emit())
        self.apply_button.clicked.connect(self.apply_clicked)

    def layer(self) -> QgsRasterLayer | None:
        """The chosen raster; None while the project has none."""
        return self.layer_combo.currentLayer()

    def options(self) -> TraceOptions:
        """What slider and preset say."""
        return TraceOptions(preset=self.preset_combo.preset(), threshold=round(self.value_box.value(), 2))

    def show_threshold(self, value: float) -> None:
        """Move the slider, as to a model's own threshold."""
        self.value_box.setValue(value)

    def show_message(self, text: str) -> None:
        """What the preview shows, or what came of applying it."""
        self.message_label.setText(text)

    def show_applying(self, *, is_on: bool) -> None:
        """The whole raster is being traced, or no longer."""
        self.apply_button.setDisabled(is_on)
        self.progress_bar.setVisible(is_on)
        self.progress_bar.setValue(0)
