"""The list of models, and the card of the chosen one to read."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QTextBrowser, QToolButton, QVBoxLayout, QWidget

from road_extractor_plugin.gui.card_text import card_html
from road_extractor_plugin.gui.model_combo import ModelCombo

_CARD_LINES = 14
"""Height of the card; longer ones scroll."""


class ModelPicker(QWidget):
    """A combo box, a button beside it, and what that unfolds below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.combo = ModelCombo(self)
        self.card_button = QToolButton(self)
        self.card_button.setObjectName("card_button")
        self.card_button.setCheckable(True)
        self.card_button.setIcon(QgsApplication.getThemeIcon("/mActionPropertiesWidget.svg"))
        self.card_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.card_button.setToolTip(self.tr("What this model is, what it was made of, and how good it is"))
        self.card_button.setAccessibleName(self.tr("Card of the model"))
        self.card_view = QTextBrowser(self)
        self.card_view.setObjectName("card_view")
        self.card_view.setAccessibleName(self.tr("Card of the model"))
        self.card_view.setOpenExternalLinks(True)
        self.card_view.setFixedHeight(_CARD_LINES * self.fontMetrics().lineSpacing())
        self.card_view.hide()
        self._lay_out()
        self.setFocusProxy(self.combo)
        self.card_button.toggled.connect(lambda _: self._show_card())
        self.combo.currentIndexChanged.connect(lambda _: self._show_card())
        self._show_card()

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.combo, 1)
        line.addWidget(self.card_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        layout.addWidget(self.card_view)

    def setAccessibleName(self, name: str) -> None:
        """The name is that of the list."""
        self.combo.setAccessibleName(name)

    def _show_card(self) -> None:
        card, path = self.combo.card(), self.combo.model()
        has_card = card is not None and path is not None
        self.card_button.setEnabled(has_card)
        self.card_view.setVisible(has_card and self.card_button.isChecked())
        if card is not None and path is not None:
            self.card_view.setHtml(card_html(card, path))
