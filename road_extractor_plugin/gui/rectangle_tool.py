"""Drawing a rectangle on the map."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsRectangle, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapTool, QgsMapToolExtent, QgsRubberBand
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtGui import QColor

_LINE, _FILL = QColor(230, 80, 0), QColor(230, 80, 0, 25)


class RectangleTool(QObject):
    """Lets the user drag a rectangle, and shows it until it is hidden; the map tool of before comes back at once."""

    drawn = pyqtSignal(QgsRectangle)
    """In the map's coordinates."""

    def __init__(self, canvas: QgsMapCanvas, parent: QObject) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._tool = QgsMapToolExtent(canvas)
        self._tool.extentChanged.connect(self._on_drawn)
        self._former: QgsMapTool | None = None
        self._band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        self._band.setStrokeColor(_LINE)
        self._band.setFillColor(_FILL)
        self._band.setWidth(2)

    def start(self) -> None:
        """Let the user draw."""
        if self._canvas.mapTool() is not self._tool:
            self._former = self._canvas.mapTool()
        self._canvas.setMapTool(self._tool)

    def show(self, *, shown: bool) -> None:
        """Show or hide what was drawn."""
        self._band.setVisible(shown)

    def close(self) -> None:
        """Leave nothing on the map."""
        self._stop()
        self._canvas.scene().removeItem(self._band)
        sip.delete(self._tool)

    def _on_drawn(self, rectangle: QgsRectangle) -> None:
        if rectangle.isEmpty():
            return
        self._stop()
        self._band.setToGeometry(QgsGeometry.fromRect(rectangle), None)
        self.drawn.emit(rectangle)

    def _stop(self) -> None:
        """Give the map its former tool back."""
        if self._canvas.mapTool() is self._tool:
            self._canvas.unsetMapTool(self._tool)
            if self._former is not None and not sip.isdeleted(self._former):
                self._canvas.setMapTool(self._former)
        self._former = None
