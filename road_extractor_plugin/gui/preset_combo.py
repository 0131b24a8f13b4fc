"""Choosing the settings of the lines by the kind of place."""

from __future__ import annotations

from qgis.PyQt.QtWidgets import QComboBox, QWidget

from road_extractor_plugin.contract.trace_settings import PRESETS


class PresetCombo(QComboBox):
    """The presets of the tracer, behind "any", which changes nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("preset_combo")
        names = {
            "rural": self.tr("rural: villages, farms, fields"),
            "track": self.tr("track: unpaved, also in forests"),
            "urban": self.tr("urban: dense streets"),
        }
        self.addItem(self.tr("any"), None)
        for preset in sorted(PRESETS):
            self.addItem(names[preset], preset)
        self.setToolTip(
            self.tr("Settings of the lines for a kind of place: gaps that are bridged, pieces that are kept")
        )

    def preset(self) -> str | None:
        """A name in `PRESETS`, or None."""
        name: str | None = self.currentData()
        return name

    def choose(self, preset: str | None) -> None:
        """Select one."""
        self.setCurrentIndex(self.findData(preset))
