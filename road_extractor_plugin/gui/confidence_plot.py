"""Kilometres of road per class of confidence, as bars."""

from __future__ import annotations

from qgis.PyQt.QtCore import QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent, QPalette
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from road_extractor_plugin.bridge.numbers import number
from road_extractor_plugin.contract.road_statistics import CONFIDENCE_LIMITS

_COLOURS = ("#ff5a4f", "#ffb02e", "#fff352", "#4ff3ff")
"""Those of the style `centerlines`."""
_GAP_EM = 0.5
_NARROWEST_BAR_EM = 4.0


class ConfidencePlot(QWidget):
    """A row per class, the surest on top: its name, a bar, and its kilometres. Sizes follow the font."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("confidence_plot")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._class_km: tuple[float, ...] = (0.0,) * len(_COLOURS)

    def show_classes(self, class_km: tuple[float, ...]) -> None:
        """Draw these, the least sure class first."""
        self._class_km = class_km
        self.setAccessibleDescription("; ".join(f"{name}: {length}" for name, length in self.rows()))
        self.update()

    def rows(self) -> list[tuple[str, str]]:
        """Name and kilometres of each class, the surest first."""
        return [(name, self.tr("{} km").format(number(km, 2))) for name, km in self._classes()]

    def _classes(self) -> list[tuple[str, float]]:
        limits = [number(100 * limit, 0) for limit in CONFIDENCE_LIMITS]
        names = [self.tr("below {} %").format(limits[1])]
        names += [self.tr("{} to {} %").format(low, high) for low, high in zip(limits[1:], limits[2:])]
        return list(zip(names, self._class_km))[::-1]

    def sizeHint(self) -> QSize:
        """As high as its rows, and wide enough for a bar."""
        texts = sum(self._text_widths())
        return QSize(int(texts + 2 * _NARROWEST_BAR_EM * self._em()), self._row_height() * len(_COLOURS))

    def minimumSizeHint(self) -> QSize:
        """Qt asks; a narrow dock makes the bars short."""
        texts = sum(self._text_widths())
        return QSize(int(texts + _NARROWEST_BAR_EM * self._em()), self._row_height() * len(_COLOURS))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002  (as Qt calls it)
        """Draw the rows; colours of text come from the theme."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text_colour = self.palette().color(QPalette.ColorRole.WindowText)
        edge = QColor(text_colour)
        edge.setAlphaF(0.5)
        gap, height = _GAP_EM * self._em(), float(self._row_height())
        name_width, length_width = self._text_widths()
        room = max(0.0, self.width() - name_width - length_width - 2 * gap)
        most = max(self._class_km) or 1.0
        rows = zip(self.rows(), self._class_km[::-1], _COLOURS[::-1])
        for place, ((name, length), km, colour) in enumerate(rows):
            top = place * height
            painter.setPen(text_colour)
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, name_width, height), int(Qt.AlignmentFlag.AlignRight | middle), name)
            bar = QRectF(name_width + gap, top + 0.15 * height, room * km / most, 0.7 * height)
            painter.setPen(edge)
            painter.setBrush(QColor(colour))
            if km > 0:
                painter.drawRect(bar)
            painter.setPen(text_colour)
            place_of_text = QRectF(bar.right() + gap, top, length_width, height)
            painter.drawText(place_of_text, int(Qt.AlignmentFlag.AlignLeft | middle), length)
        painter.end()

    def _em(self) -> int:
        return int(self.fontMetrics().height())

    def _row_height(self) -> int:
        return int(1.4 * self._em())

    def _text_widths(self) -> tuple[float, float]:
        """Of the names and of the lengths."""
        metrics, rows = self.fontMetrics(), self.rows()
        names, lengths = ([row[column] for row in rows] for column in (0, 1))
        widest = [float(max(metrics.horizontalAdvance(text) for text in texts)) for texts in (names, lengths)]
        return widest[0], widest[1]
