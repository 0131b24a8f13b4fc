"""A result against a reference, in the toolbox."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsMapLayer,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMapLayer,
    QgsProcessingParameterRasterLayer,
    QgsProcessingUtils,
    QgsRasterLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QT_TRANSLATE_NOOP

from road_extractor_plugin.bridge.layer_file import layer_file
from road_extractor_plugin.contract.comparison import Comparison
from road_extractor_plugin.contract.errors import Cancelled, ComparisonError, RequestError
from road_extractor_plugin.engine.worker_meter import WorkerMeter
from road_extractor_plugin.processing.algorithm import RoadAlgorithm, ToolFeedback, tr
from road_extractor_plugin.settings import load_worker_choice

_PREDICTION, _REFERENCE, _VALID, _OUTPUT = "PREDICTION", "REFERENCE", "VALID", "OUTPUT"


class EvaluateAlgorithm(RoadAlgorithm):
    """`core.compare.compare` with layers in, and figures out."""

    NAME = "evaluate"
    TITLE = QT_TRANSLATE_NOOP("RoadAlgorithm", "Compare roads with a reference")
    HELP = QT_TRANSLATE_NOOP(
        "RoadAlgorithm",
        "Says how well a result agrees with a reference. Two masks or probability rasters: precision, recall, F1, IoU, "
        "also relaxed by 3 pixels. Two layers of lines: APLS and TOPO, which tell whether routes are the same, and the "
        "length found.\n\nEach figure names its protocol.",
    )
    TAGS = ("evaluate", "accuracy", "apls", "topo", "iou", "f1", "compare")

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:  # noqa: ARG002
        """Declare what it takes and gives; QGIS calls this."""
        kinds = [QgsProcessing.TypeRaster, QgsProcessing.TypeVectorLine]
        self.add(
            QgsProcessingParameterMapLayer(_PREDICTION, tr("Result (mask, probability or lines)"), None, False, kinds),
            QgsProcessingParameterMapLayer(_REFERENCE, tr("Reference of the same kind"), None, False, kinds),
        )
        self.add(
            QgsProcessingParameterRasterLayer(_VALID, tr("Mask of where to compare rasters"), optional=True),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFileDestination(_OUTPUT, tr("Figures"), tr("JSON files (*.json)"), optional=True)
        )

    def run_engine(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """See `RoadAlgorithm.run_engine`."""
        from road_extractor_plugin.core.compare import compare  # here, because it takes time

        with tempfile.TemporaryDirectory(dir=QgsProcessingUtils.tempFolder()) as folder:
            prediction, reference = (
                _file(self._layer(parameters, name, context), Path(folder) / f"{name.lower()}.gpkg", context, feedback)
                for name in (_PREDICTION, _REFERENCE)
            )
            valid = self.parameterAsRasterLayer(parameters, _VALID, context)
            mask = None if valid is None else layer_file(valid, needs_crs=False)
            meter = WorkerMeter(self.workers, load_worker_choice())
            with contextlib.closing(meter):
                comparison = compare(prediction, reference, mask, meter, ToolFeedback(feedback))
        _tell(comparison, feedback)
        outputs: dict[str, Any] = {
            name: value for figures in comparison.figures for name, value in figures.values.items()
        }
        target = self.parameterAsFileOutput(parameters, _OUTPUT, context)
        if target:
            text = json.dumps(dataclasses.asdict(comparison), indent=2, ensure_ascii=False)
            Path(target).write_text(text, encoding="utf-8")
            outputs[_OUTPUT] = target
        return outputs

    def _layer(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> QgsMapLayer:
        layer = self.parameterAsLayer(parameters, name, context)
        if layer is None:
            raise RequestError(name.lower(), parameters.get(name), tr("a raster layer or a layer of lines"))
        return layer


def _file(layer: QgsMapLayer, copy: Path, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> Path:
    """The file of a raster layer, or a copy of the lines of a vector layer.

    Raises:
        Cancelled: The user pressed Cancel while they were copied.
        ComparisonError: The lines cannot be copied.
    """
    if isinstance(layer, QgsRasterLayer):
        return layer_file(layer, needs_crs=False)
    if not isinstance(layer, QgsVectorLayer):
        raise ComparisonError(tr("'{}' is neither a raster nor lines").format(layer.name()), tr("Choose another layer"))
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName, options.feedback = "GPKG", "centerlines", feedback
    written = QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(copy), context.transformContext(), options)
    if written[0] == QgsVectorFileWriter.WriterError.Canceled:
        raise Cancelled
    if written[0] != QgsVectorFileWriter.WriterError.NoError:
        problem = tr("The lines of '{name}' cannot be read: {reason}").format(name=layer.name(), reason=written[1])
        raise ComparisonError(problem, tr("Save the layer as a GeoPackage and choose that"))
    return copy


def _tell(comparison: Comparison, feedback: QgsProcessingFeedback) -> None:
    for name, value in comparison.amount.items():
        feedback.pushInfo(f"{name}: {value:,.10g}")
    for figures in comparison.figures:
        feedback.pushInfo(figures.protocol)
        for name, value in figures.values.items():
            feedback.pushInfo(f"    {name}: {value:.4f}")
