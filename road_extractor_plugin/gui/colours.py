"""Colours of text that mean something, legible on light and dark themes."""

from __future__ import annotations

from enum import Enum

from qgis.PyQt.QtGui import QColor, QPalette

_DARK_BELOW = 128
"""Lightness of a background, 0..255."""


class Tone(Enum):
    """What a text is; its colour on a light background, and on a dark one."""

    WARNING = ("#a34700", "#ffb454")
    BAD = ("#b3261e", "#ffa8a1")
    GOOD = ("#1b6e3c", "#7fd69b")
    BUSY = ("#1f56b0", "#a3c8ff")
    LINK = ("#0b57d0", "#a8c7fa")
    """Themes of QGIS leave links as they are on light ones."""

    def on(self, palette: QPalette) -> QColor:
        """The colour on the backgrounds of a palette."""
        light, dark = self.value
        return QColor(dark if palette.color(QPalette.ColorRole.Base).lightness() < _DARK_BELOW else light)
