"""The plugin's page in the log of QGIS."""

from __future__ import annotations

from qgis.core import Qgis, QgsMessageLog

LOG_PAGE = "Road Extractor"


def log(text: str, level: Qgis.MessageLevel = Qgis.MessageLevel.Info) -> None:
    """Write a line; any thread may."""
    QgsMessageLog.logMessage(text, LOG_PAGE, level, notifyUser=False)
