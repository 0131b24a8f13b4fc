"""A line of text that may be a warning."""

from __future__ import annotations

from html import escape

from qgis.PyQt.QtCore import QEvent
from qgis.PyQt.QtWidgets import QLabel, QWidget

from road_extractor_plugin.gui.colours import Tone


class NoticeLabel(QLabel):
    """Wraps its text; a warning has a sign before it and a colour that fits the theme, also after this changes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self._warning = ""

    def show_text(self, text: str) -> None:
        """Something to know; the label is hidden where there is nothing."""
        self._warning = ""
        self.setText(escape(text))
        self.setVisible(bool(text))

    def show_warning(self, text: str) -> None:
        """Something to be wary of."""
        self._warning = text
        self._render()
        self.show()

    def changeEvent(self, event: QEvent) -> None:
        """Qt tells of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._warning:
            self._render()

    def _render(self) -> None:
        colour = Tone.WARNING.on(self.palette()).name()
        self.setText(f'<span style="color:{colour}">⚠ {escape(self._warning)}</span>')
