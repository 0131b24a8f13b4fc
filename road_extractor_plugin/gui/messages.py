"""What the user is told in the message bar, which the log keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import Qgis
from qgis.PyQt.QtCore import QCoreApplication

from road_extractor_plugin.bridge.log import log

if TYPE_CHECKING:
    from qgis.gui import QgisInterface


class Messages:
    """The message bar of QGIS, in the name of the plugin."""

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface

    def say(self, text: str, level: Qgis.MessageLevel) -> None:
        """Tell something."""
        log(text, level)
        title = QCoreApplication.translate("Messages", "Road Extractor")
        self._iface.messageBar().pushMessage(title, text, level)

    def complain(self, text: str) -> None:
        """Tell what went wrong, in plain words."""
        self.say(text, Qgis.MessageLevel.Warning)
