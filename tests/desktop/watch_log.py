"""Runs in QGIS before any plugin is loaded (PYQGIS_STARTUP): keeps what is written to the log."""

import qgis
from qgis.core import QgsApplication

if not hasattr(qgis, "road_extractor_test_log"):  # QGIS runs this more than once
    qgis.road_extractor_test_log = []
    QgsApplication.messageLog().messageReceived.connect(
        lambda text, page, level: qgis.road_extractor_test_log.append((text, page, int(level)))
    )
