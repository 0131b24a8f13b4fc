"""From the user's choices to a request, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsGeometry, QgsMapSettings, QgsRasterLayer

from road_extractor_plugin.bridge.layer_file import layer_file
from road_extractor_plugin.bridge.map_area import area_of, ground_area_m2, visible_part
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import ExtractRequest, TraceOptions
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.settings import AreaChoice, Settings


@dataclass(frozen=True)
class Job:
    """A request, and what it means in figures."""

    request: ExtractRequest
    ground_area_km2: float
    ground_resolution_m: float
    """Metres on the ground per pixel at which the model works."""

    @property
    def megapixels(self) -> float:
        """Pixels that the network will see, without the overlap of tiles."""
        return self.ground_area_km2 / self.ground_resolution_m**2


def plan_job(
    layer: QgsRasterLayer, settings: Settings, card: ModelCard, view: QgsMapSettings, output_folder: Path
) -> Job:
    """Turn choices into a job; nothing is read but the layer's description.

    Args:
        layer: The imagery.
        settings: The choices of the dock; their output folder is not used.
        card: The card of the chosen model.
        view: What the map shows.
        output_folder: The folder of this one run.

    Raises:
        RasterUnusableError: The layer is not a file that the engine can read.
        AreaError: The layer is out of view.
        ModelUnreadableError: No model is chosen and none is installed.
    """
    raster = layer_file(layer)
    whole = settings.area is AreaChoice.LAYER
    # A map without a coordinate reference system shows layers in their own coordinates.
    crs = view.destinationCrs() if not whole and view.destinationCrs().isValid() else layer.crs()
    polygon = QgsGeometry.fromRect(layer.extent()) if whole else visible_part(layer, view)
    request = ExtractRequest(
        raster=raster,
        output_folder=output_folder,
        model=settings.model or default_model(),
        area=None if whole else area_of(polygon, crs),
        trace=TraceOptions(preset=settings.preset, threshold=settings.threshold),
    )
    area_m2 = ground_area_m2(polygon, crs, view.transformContext())
    return Job(request, area_m2 / 1e6, card.input.ground_resolution_m)
