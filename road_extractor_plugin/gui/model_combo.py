"""Choosing the network by what its card says."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QFileDialog, QWidget

from road_extractor_plugin.bridge.numbers import filled
from road_extractor_plugin.contract.errors import RoadExtractorError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import MODEL_PATTERNS, read_card
from road_extractor_plugin.engine.models import bundled_models

_CARD_ROLE = int(Qt.ItemDataRole.UserRole) + 1


class ModelCombo(QComboBox):
    """The bundled models, those that the user opened, and an entry that opens another.

    Only cards are read, no network is loaded, so that the list is there at once.
    """

    refused = pyqtSignal(str)
    """A file is no model that can be used; in plain words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("model_combo")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(16)
        self.addItem(self.tr("Choose a file…"))
        for path in bundled_models():
            self.choose(path)
        self.setCurrentIndex(0)
        self._chosen = 0
        self.activated.connect(self._on_activated)

    def model(self) -> Path | None:
        """The chosen file; None while there is none."""
        path = self.currentData()
        return Path(path) if path else None

    def card(self) -> ModelCard | None:
        """Its card."""
        card: ModelCard | None = self.currentData(_CARD_ROLE)
        return card

    def choose(self, path: Path) -> None:
        """Select a model, listing it first where it is new; `refused` is emitted where it is no good."""
        index = self.findData(str(path))
        if index < 0:
            try:
                card = read_card(path)
            except RoadExtractorError as error:
                self.refused.emit(str(error))
                return
            index = self.count() - 1
            self._insert(index, path, card)
        self.setCurrentIndex(index)
        self._chosen = index

    def _insert(self, index: int, path: Path, card: ModelCard) -> None:
        resolution = filled(self.tr("{:g} m/px"), card.input.ground_resolution_m)
        self.insertItem(index, f"{card.name} {card.version} · {resolution}", str(path))
        self.setItemData(index, card, _CARD_ROLE)
        self.setItemData(index, _describe(card, path), Qt.ItemDataRole.ToolTipRole)

    def _on_activated(self, index: int) -> None:
        if index < self.count() - 1:
            self._chosen = index
            return
        self.setCurrentIndex(self._chosen)
        file_name, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Choose a model"),
            "",
            self.tr("Road Extractor models ({})").format(MODEL_PATTERNS),
        )
        if file_name:
            self.choose(Path(file_name))


def _describe(card: ModelCard, path: Path) -> str:
    finest, coarsest = card.input.ground_resolution_range_m
    return "\n".join(
        (
            f"{card.name} {card.version}: {', '.join(card.input.bands)}, {finest:g} to {coarsest:g} m/px",
            f"{card.producer.architecture}, {card.producer.encoder}; {card.licence}",
            *card.attributions,
            str(path),
        )
    )
