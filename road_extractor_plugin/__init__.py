"""Road Extractor: roads from aerial and satellite imagery. Importing it needs nothing, not even QGIS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from road_extractor_plugin.plugin import RoadExtractorPlugin


def classFactory(iface: QgisInterface) -> RoadExtractorPlugin:
    """Make the plugin; QGIS calls this."""
    from road_extractor_plugin.plugin import RoadExtractorPlugin

    return RoadExtractorPlugin(iface)
