"""Choosing where roads are sought."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsMapLayerProxyModel,
    QgsMapSettings,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QPushButton, QVBoxLayout, QWidget

from road_extractor_plugin.bridge.map_area import ChosenArea, curved, polygons_of, visible_part
from road_extractor_plugin.contract.errors import AreaError
from road_extractor_plugin.settings import AreaChoice


class AreaPicker(QWidget):
    """What the map shows, a rectangle drawn on it, the polygons of a layer, or the whole raster layer."""

    draw_clicked = pyqtSignal()
    """The user wants to draw a rectangle."""
    changed = pyqtSignal()
    """Another area is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.combo = self._make_combo()
        self.draw_button = QPushButton(self.tr("&Draw on the map"), self)
        self.draw_button.setObjectName("draw_button")
        self.draw_button.setToolTip(self.tr("Then drag a rectangle over the place"))
        self.polygon_combo = QgsMapLayerComboBox(self)
        self.polygon_combo.setObjectName("polygon_combo")
        self.polygon_combo.setFilters(QgsMapLayerProxyModel.PolygonLayer)
        self.polygon_combo.setAccessibleName(self.tr("Layer of polygons"))
        self.polygon_combo.setToolTip(self.tr("Roads are sought in its polygons only"))
        self.selected_box = QCheckBox(self.tr("&Selected features only"), self)
        self.selected_box.setObjectName("selected_box")
        self._rectangle: ChosenArea | None = None
        self._lay_out()
        self.draw_button.clicked.connect(self.draw_clicked)
        self.combo.currentIndexChanged.connect(lambda _: self._on_changed())
        self.polygon_combo.layerChanged.connect(lambda _: self._on_changed())
        self.selected_box.toggled.connect(lambda _: self._on_changed())
        self._on_changed()

    def _make_combo(self) -> QComboBox:
        combo = QComboBox(self)
        combo.setObjectName("area_combo")
        combo.addItem(self.tr("Visible extent"), AreaChoice.VISIBLE)
        combo.addItem(self.tr("Drawn rectangle"), AreaChoice.RECTANGLE)
        combo.addItem(self.tr("Polygons of a layer"), AreaChoice.POLYGONS)
        combo.addItem(self.tr("Whole layer"), AreaChoice.LAYER)
        combo.setAccessibleName(self.tr("Area"))
        combo.setToolTip(self.tr("The part of the layer that is searched"))
        return combo

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.combo, self.draw_button, self.polygon_combo, self.selected_box):
            layout.addWidget(widget)

    def choice(self) -> AreaChoice:
        """What is chosen."""
        return AreaChoice(self.combo.currentData())

    def choose(self, choice: AreaChoice) -> None:
        """Choose it."""
        self.combo.setCurrentIndex(self.combo.findData(choice))

    def show_rectangle(self, rectangle: QgsRectangle, view: QgsMapSettings) -> None:
        """Take a rectangle that was drawn on the map."""
        crs = view.destinationCrs()
        self._rectangle = ChosenArea(curved(QgsGeometry.fromRect(rectangle)), crs, view.transformContext())
        self.changed.emit()

    def area(self, layer: QgsRasterLayer, view: QgsMapSettings) -> ChosenArea:
        """Where roads are sought.

        Args:
            layer: In which.
            view: What the map shows.

        Raises:
            AreaError: The layer is out of view, nothing is drawn, or there is no polygon.
        """
        context, choice = view.transformContext(), self.choice()
        if choice is AreaChoice.LAYER:
            return ChosenArea(QgsGeometry.fromRect(layer.extent()), layer.crs(), context, is_whole_layer=True)
        if choice is AreaChoice.POLYGONS:
            return self._polygons(view)
        if choice is AreaChoice.VISIBLE:
            return ChosenArea(visible_part(layer, view), _crs_of(view, layer), context)
        if self._rectangle is None:
            raise AreaError(self.tr("No rectangle is drawn"), self.tr("Click 'Draw on the map' and drag one"))
        return self._rectangle

    def _polygons(self, view: QgsMapSettings) -> ChosenArea:
        layer = self.polygon_combo.currentLayer()
        if layer is None:
            raise AreaError(self.tr("The project has no layer of polygons"), self.tr("Add one, or draw a rectangle"))
        only_selected = self.selected_box.isChecked()
        return ChosenArea(polygons_of(layer, only_selected=only_selected), layer.crs(), view.transformContext())

    def _on_changed(self) -> None:
        choice = self.choice()
        self.draw_button.setVisible(choice is AreaChoice.RECTANGLE)
        self.polygon_combo.setVisible(choice is AreaChoice.POLYGONS)
        self.selected_box.setVisible(choice is AreaChoice.POLYGONS)
        self.changed.emit()


def _crs_of(view: QgsMapSettings, layer: QgsRasterLayer) -> QgsCoordinateReferenceSystem:
    """A map without a coordinate reference system shows layers in their own coordinates."""
    return view.destinationCrs() if view.destinationCrs().isValid() else layer.crs()
