"""From the user's choices to a request, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsGeometry, QgsMapSettings, QgsPointXY, QgsRasterLayer

from road_extractor_plugin.bridge.imagery import Imagery, imagery_of
from road_extractor_plugin.bridge.map_area import area_of, ground_area_m2, in_crs, visible_part
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import ExtractRequest, TraceOptions
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.settings import AreaChoice, Settings


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


def plan_job(
    layer: QgsRasterLayer,
    settings: Settings,
    card: ModelCard,
    view: QgsMapSettings,
    output_folder: Path,
) -> Job:
    """Turn choices into a job; nothing is read but the layer's description.

    Args:
        layer: The imagery.
        settings: The choices of the dock; their output folder is not used.
        card: The card of the chosen model.
        view: What the map shows.
        output_folder: The folder of this one run.

    Raises:
        RasterUnusableError: The layer is broken, or no roads can be sought in it.
        AreaError: The layer is out of view.
        ImageryTooLargeError: The area needs too many tiles of a basemap.
        ModelUnreadableError: No model is chosen and none is installed.
    """
    whole = settings.area is AreaChoice.LAYER
    # A map without a coordinate reference system shows layers in their own coordinates.
    crs = view.destinationCrs() if not whole and view.destinationCrs().isValid() else layer.crs()
    polygon = QgsGeometry.fromRect(layer.extent()) if whole else visible_part(layer, view)
    on_layer = in_crs(polygon, crs, layer.crs(), view.transformContext())
    centre: QgsPointXY = on_layer.boundingBox().center()
    wanted_m = card.input.ground_resolution_m
    imagery = imagery_of(layer, centre, wanted_m, view.transformContext())
    tiles = imagery.tiles_around(on_layer)
    request = ExtractRequest(
        raster=imagery.raster,
        output_folder=output_folder,
        model=settings.model or default_model(),
        area=None if whole else area_of(polygon, crs),
        trace=TraceOptions(preset=settings.preset, threshold=settings.threshold),
    )
    area_km2 = ground_area_m2(polygon, crs, view.transformContext()) / 1e6
    return Job(request, imagery, area_km2, wanted_m, tiles)
