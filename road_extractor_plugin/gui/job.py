"""From the user's choices to a request, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from road_extractor_plugin.bridge.imagery import Imagery, imagery_of
from road_extractor_plugin.bridge.map_area import ChosenArea, area_of, ground_area_m2
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import ExtractRequest, TraceOptions
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.settings import Settings

if TYPE_CHECKING:
    from qgis.core import QgsPointXY, QgsRasterLayer


@dataclass(frozen=True)
class Job:
    """A request, and what it means in figures."""

    request: ExtractRequest
    imagery: Imagery
    ground_area_km2: float
    ground_resolution_m: float
    """Metres on the ground per pixel at which the model works."""
    tiles: int
    """About as many are fetched; 0 for a file."""

    @property
    def megapixels(self) -> float:
        """Pixels that the network will see, without the overlap of tiles."""
        return self.ground_area_km2 / self.ground_resolution_m**2


def plan_job(layer: QgsRasterLayer, area: ChosenArea, settings: Settings, card: ModelCard, output_folder: Path) -> Job:
    """Turn choices into a job; nothing is read but the layer's description.

    Args:
        layer: The imagery.
        area: Where roads are sought in it.
        settings: The choices of the dock; their area and output folder are not used.
        card: The card of the chosen model.
        output_folder: The folder of this one run.

    Raises:
        RasterUnusableError: The layer is broken, or no roads can be sought in it.
        AreaError: The area does not meet the layer.
        ImageryTooLargeError: The area needs too many tiles of a basemap.
        ModelUnreadableError: No model is chosen and none is installed.
    """
    on_layer = area.on_layer(layer)
    centre: QgsPointXY = on_layer.boundingBox().center()
    wanted_m = card.input.ground_resolution_m
    imagery = imagery_of(layer, centre, wanted_m, area.context)
    tiles = imagery.tiles_around(on_layer)
    request = ExtractRequest(
        raster=imagery.raster,
        output_folder=output_folder,
        model=settings.model or default_model(),
        area=None if area.is_whole_layer else area_of(area.polygon, area.crs),
        trace=TraceOptions(preset=settings.preset, threshold=settings.threshold),
    )
    area_km2 = ground_area_m2(on_layer, layer.crs(), area.context) / 1e6
    return Job(request, imagery, area_km2, wanted_m, tiles)
