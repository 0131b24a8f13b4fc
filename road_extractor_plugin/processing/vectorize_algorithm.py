"""Lines anew from a stored probability raster or a mask, in the toolbox."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingUtils,
)
from qgis.PyQt.QtCore import QT_TRANSLATE_NOOP

from road_extractor_plugin.bridge.layer_file import layer_file
from road_extractor_plugin.bridge.numbers import filled
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import ModelOptions, VectorizeRequest
from road_extractor_plugin.contract.result import VectorizeResult
from road_extractor_plugin.engine.worker_compute import WorkerTracer
from road_extractor_plugin.engine.worker_pool import WorkerPool
from road_extractor_plugin.processing.algorithm import RoadAlgorithm, ToolFeedback, tr
from road_extractor_plugin.processing.parameters import (
    MASK,
    RESOLUTION,
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
from road_extractor_plugin.settings import load_worker_choice

_INPUT, _LENGTH = "INPUT", "LENGTH_KM"


class VectorizeAlgorithm(RoadAlgorithm):
    """`core.vectorize.vectorize` with a layer in, and layers out."""

    NAME = "vectorize"
    TITLE = QT_TRANSLATE_NOOP("RoadAlgorithm", "Road network from probability")
    HELP = QT_TRANSLATE_NOOP(
        "RoadAlgorithm",
        "Makes mask, polygons and a network of centre-lines from a raster of road probability, without the neural "
        "network and in seconds: try other thresholds and other settings of the lines.\n\n"
        "Any mask of 0 and 1, or of 0 and 255, will do as well.",
    )
    TAGS = ("vectorize", "skeleton", "mask", "roads")

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:  # noqa: ARG002
        """Declare what it takes and gives; QGIS calls this."""
        self.add(
            QgsProcessingParameterRasterLayer(_INPUT, tr("Road probability or mask")),
            threshold_parameter(),
            preset_parameter(),
        )
        self.add(model_parameter(), resolution_parameter(), *line_parameters(), advanced=True)
        self.add(*vector_sinks(), *raster_destinations(MASK))
        self.addOutput(QgsProcessingOutputNumber(_LENGTH, tr("Length of road, in kilometres")))

    def run_engine(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """See `RoadAlgorithm.run_engine`."""
        with tempfile.TemporaryDirectory(dir=QgsProcessingUtils.tempFolder()) as folder:
            result = _vectorize(self._request(parameters, context, Path(folder)), self.workers, feedback)
            outputs = deliver(self, result.paths, parameters, context, (MASK,))
        roads = result.report.roads
        feedback.pushInfo(
            filled(tr("{km:.2f} km of road in {lines} lines."), km=roads.length_km, lines=roads.centerlines)
        )
        return {**outputs, _LENGTH: roads.length_km}

    def _request(self, parameters: dict[str, Any], context: QgsProcessingContext, folder: Path) -> VectorizeRequest:
        layer = self.parameterAsRasterLayer(parameters, _INPUT, context)
        if layer is None:
            raise RequestError(tr("The raster"), parameters.get(_INPUT), tr("a raster layer or a raster file"))
        resolution_m = optional_number(self, parameters, RESOLUTION, context)
        card = read_card(model_path(self, parameters, context), ModelOptions())
        return VectorizeRequest(
            probability=layer_file(layer, needs_crs=resolution_m is None),
            output_folder=folder,
            model_thresholds=card.thresholds,
            raster_ground_resolution_m=resolution_m,
            trace=trace_options(self, parameters, context),
        )


def _vectorize(request: VectorizeRequest, workers: WorkerPool, feedback: QgsProcessingFeedback) -> VectorizeResult:
    from road_extractor_plugin.core.vectorize import vectorize  # here, because it takes time

    tracer = WorkerTracer(workers, load_worker_choice())
    try:
        return vectorize(request, tracer, ToolFeedback(feedback))
    finally:
        tracer.close()
