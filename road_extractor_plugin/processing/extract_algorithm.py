"""Roads from a raster layer, in the toolbox."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterLayer,
    QgsProcessingUtils,
)
from qgis.PyQt.QtCore import QT_TRANSLATE_NOOP

from road_extractor_plugin.bridge.imagery import Imagery, imagery_of
from road_extractor_plugin.bridge.map_area import area_of, in_crs
from road_extractor_plugin.bridge.numbers import filled
from road_extractor_plugin.contract.errors import AreaError, RequestError, RoadExtractorError
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import ExtractResult
from road_extractor_plugin.processing.algorithm import RoadAlgorithm, ToolFeedback, tr
from road_extractor_plugin.processing.parameters import (
    DEVICE,
    MASK,
    PROBABILITY,
    RESOLUTION,
    device_parameter,
    line_parameters,
    model_parameter,
    model_path,
    optional_number,
    preset_parameter,
    raster_destinations,
    resolution_parameter,
    threshold_parameter,
    trace_options,
    vector_sinks,
)
from road_extractor_plugin.processing.results import deliver

_INPUT, _EXTENT, _AREA = "INPUT", "EXTENT", "AREA"
_LENGTH, _COMPONENTS = "LENGTH_KM", "COMPONENTS"


class ExtractAlgorithm(RoadAlgorithm):
    """`core.pipeline.extract` with a layer in, and layers out."""

    NAME = "extract"
    TITLE = QT_TRANSLATE_NOOP("RoadAlgorithm", "Extract roads")
    HELP = QT_TRANSLATE_NOOP(
        "RoadAlgorithm",
        "Finds the roads in an aerial or satellite image with a neural network: a raster of road probability, a mask, "
        "road polygons, and a network of centre-lines whose lines meet in nodes and carry length, width and "
        "confidence.\n\n"
        "Give an extent, or a layer of polygons (its selected features, if you tick that), to look only there. "
        "Imagery of any coordinate reference system is brought to the ground resolution that the model wants.\n\n"
        "A lower threshold finds more roads and more that are none.",
    )
    TAGS = ("extract", "deep learning", "segmentation", "mask", "vectorize", "roads")

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:  # noqa: ARG002
        """Declare what it takes and gives; QGIS calls this."""
        self.add(
            QgsProcessingParameterRasterLayer(_INPUT, tr("Image")),
            QgsProcessingParameterExtent(_EXTENT, tr("Extent"), optional=True),
            QgsProcessingParameterFeatureSource(
                _AREA, tr("Area (polygons)"), [QgsProcessing.TypeVectorPolygon], optional=True
            ),
            threshold_parameter(),
            preset_parameter(),
        )
        self.add(model_parameter(), device_parameter(), resolution_parameter(), *line_parameters(), advanced=True)
        self.add(*vector_sinks(), *raster_destinations(PROBABILITY, MASK))
        self.addOutput(QgsProcessingOutputNumber(_LENGTH, tr("Length of road, in kilometres")))
        self.addOutput(QgsProcessingOutputNumber(_COMPONENTS, tr("Number of separate networks")))

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002  (as QGIS calls it)
    ) -> bool:
        """Look at the layer while that is allowed; QGIS calls this in the thread of the layer."""
        self._problem: Optional[RoadExtractorError] = None
        try:
            self._area = self._area_of(parameters, context)
            self._imagery = self._imagery_of(parameters, context)
            self._mosaic = self._imagery.mosaic()
        except RoadExtractorError as error:
            self._problem = error  # raised here, only the log would tell it
        return True

    def run_engine(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """See `RoadAlgorithm.run_engine`."""
        if self._problem is not None:
            raise self._problem
        with tempfile.TemporaryDirectory(dir=QgsProcessingUtils.tempFolder()) as folder:
            result = self._extract(self._request(parameters, context, Path(folder)), feedback)
            outputs = deliver(self, result.paths, parameters, context, (PROBABILITY, MASK))
        roads = result.report.roads
        feedback.pushInfo(
            filled(
                tr("{km:.2f} km of road in {lines} lines; {area:.2f} km2 on {device}."),
                km=roads.length_km,
                lines=roads.centerlines,
                area=result.report.area_km2,
                device=result.report.device.name,
            )
        )
        return {**outputs, _LENGTH: roads.length_km, _COMPONENTS: roads.components}

    def _extract(self, request: ExtractRequest, feedback: QgsProcessingFeedback) -> ExtractResult:
        from road_extractor_plugin.core.pipeline import extract  # here, because it takes time

        compute = self.open_compute(request)
        try:
            return extract(request, compute, ToolFeedback(feedback), self._mosaic)
        finally:
            compute.close()
            if self._mosaic is not None:
                self._mosaic.remove()

    def _request(self, parameters: dict[str, Any], context: QgsProcessingContext, folder: Path) -> ExtractRequest:
        return ExtractRequest(
            raster=self._imagery.raster,
            output_folder=folder,
            model=model_path(self, parameters, context),
            area=None if self._area is None else area_of(*self._area),
            raster_ground_resolution_m=optional_number(self, parameters, RESOLUTION, context),
            trace=trace_options(self, parameters, context),
            device=self.parameterAsString(parameters, DEVICE, context),
        )

    def _imagery_of(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Imagery:
        layer = self.parameterAsRasterLayer(parameters, _INPUT, context)
        if layer is None:
            raise RequestError(tr("The image"), parameters.get(_INPUT), tr("a raster layer or a raster file"))
        needs_crs = optional_number(self, parameters, RESOLUTION, context) is None
        outline = QgsGeometry.fromRect(layer.extent())
        if self._area is not None and layer.crs().isValid():
            outline = in_crs(*self._area, layer.crs(), context.transformContext())
        wanted_m = read_card(model_path(self, parameters, context)).input.ground_resolution_m
        place = outline.boundingBox().center()
        imagery = imagery_of(layer, place, wanted_m, context.transformContext(), needs_crs=needs_crs)
        imagery.tiles_around(outline)
        return imagery

    def _area_of(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> Optional[tuple[QgsGeometry, QgsCoordinateReferenceSystem]]:
        """The polygons; else the extent; else everything."""
        source = self.parameterAsSource(parameters, _AREA, context)
        if source is not None:
            request = QgsFeatureRequest().setNoAttributes()
            union = QgsGeometry.unaryUnion([feature.geometry() for feature in source.getFeatures(request)])
            if union.isEmpty():
                raise AreaError(tr("The layer of the area has no polygon"), tr("Draw one, or leave the area empty"))
            return union, source.sourceCrs()
        if not parameters.get(_EXTENT):
            return None
        crs = self.parameterAsExtentCrs(parameters, _EXTENT, context)
        return self.parameterAsExtentGeometry(parameters, _EXTENT, context, crs), crs
