"""Roads drawn over the map that are in no layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsCsException, QgsPointXY, QgsProject
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from road_extractor_plugin.contract.grid import Geotransform

if TYPE_CHECKING:
    from qgis.PyQt.QtWidgets import QStyleOptionGraphicsItem, QWidget

_MASK_COLOUR = (255, 140, 0, 130)
"""Orange, half transparent: red, green, blue, alpha."""
_LINE_COLOUR = QColor(0, 60, 200)
_BRIDGE_COLOUR = QColor(200, 0, 160)
_LINE_WIDTH_PX = 2.0


class PreviewItem(QgsMapCanvasItem):
    """A mask and lines in pixels of a raster, drawn where they lie, whatever the map's coordinate reference system.

    Within one view a raster's pixels are mapped by a projective transformation through its four corners.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._crs = QgsCoordinateReferenceSystem()
        self._geotransform: Geotransform = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
        self._image = QImage()
        self._lines = QPainterPath()
        self._bridges = QPainterPath()
        self.setZValue(50)

    def show_mask(
        self, mask: npt.NDArray[np.bool_], geotransform: Geotransform, crs: QgsCoordinateReferenceSystem
    ) -> None:
        """Draw a mask (height, width), and no lines."""
        self._geotransform, self._crs = geotransform, crs
        red, green, blue, alpha = _MASK_COLOUR
        # QImage wants rows of whole 32-bit words; 0xAARRGGBB, premultiplied.
        colour = np.uint32(
            (alpha << 24) | (red * alpha // 255 << 16) | (green * alpha // 255 << 8) | blue * alpha // 255
        )
        pixels = np.ascontiguousarray(np.where(mask, colour, np.uint32(0)))
        height, width = mask.shape
        image = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
        self._image = image.copy()  # its own memory, which Python's bytes are not
        self._lines, self._bridges = QPainterPath(), QPainterPath()
        self.update()

    def show_lines(self, lines: Sequence[npt.NDArray[np.float64]], bridges: Sequence[npt.NDArray[np.float64]]) -> None:
        """Draw lines of points (n, 2), x and y in pixels of the mask; bridges are drawn dashed."""
        self._lines, self._bridges = _path(lines), _path(bridges)
        self.update()

    def clear(self) -> None:
        """Draw nothing."""
        self._image, self._lines, self._bridges = QImage(), QPainterPath(), QPainterPath()
        self.update()

    def boundingRect(self) -> QRectF:
        """All of the canvas: what lies outside is cut off there."""
        return QRectF(self._canvas.rect())

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem | None = None,  # noqa: ARG002  (as Qt calls it)
        widget: QWidget | None = None,  # noqa: ARG002
    ) -> None:
        """Qt calls this."""
        if self._image.isNull():
            return
        to_canvas = self._pixels_to_canvas()
        if to_canvas is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setTransform(to_canvas, True)
        painter.drawImage(QPointF(0, 0), self._image)
        for path, colour, style in (
            (self._lines, _LINE_COLOUR, Qt.PenStyle.SolidLine),
            (self._bridges, _BRIDGE_COLOUR, Qt.PenStyle.DashLine),
        ):
            pen = QPen(colour, _LINE_WIDTH_PX, style)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(path)
        painter.restore()

    def _pixels_to_canvas(self) -> QTransform | None:
        width, height = self._image.width(), self._image.height()
        corners = [(0, 0), (width, 0), (width, height), (0, height)]
        x0, x_size, _, y0, _, y_size = self._geotransform
        transform = QgsCoordinateTransform(
            self._crs, self._canvas.mapSettings().destinationCrs(), QgsProject.instance().transformContext()
        )
        try:
            points = [transform.transform(QgsPointXY(x0 + x * x_size, y0 + y * y_size)) for x, y in corners]
        except QgsCsException:
            return None
        target = QPolygonF([self.toCanvasCoordinates(point) for point in points])
        source = QPolygonF([QPointF(x, y) for x, y in corners])
        found = QTransform()
        return found if QTransform.quadToQuad(source, target, found) else None


def _path(lines: Sequence[npt.NDArray[np.float64]]) -> QPainterPath:
    path = QPainterPath()
    for line in lines:
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in line.tolist()]))
    return path
