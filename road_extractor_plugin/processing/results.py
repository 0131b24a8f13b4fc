"""From the files of a run to the destinations that the toolbox names."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from qgis.core import (
    QgsFeatureSink,
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsVectorLayer,
)

from road_extractor_plugin.contract.errors import OutputError
from road_extractor_plugin.contract.result import OutputPaths
from road_extractor_plugin.processing.algorithm import tr
from road_extractor_plugin.processing.parameters import MASK, PROBABILITY, VECTOR_LAYERS

_STYLES = Path(__file__).resolve().parents[1] / "resources" / "styles"


def deliver(
    algorithm: QgsProcessingAlgorithm,
    paths: OutputPaths,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    rasters: Iterable[str],
) -> dict[str, Any]:
    """Move the rasters and copy the features to where the parameters say.

    Raises:
        OutputError: A raster cannot be put there.
    """
    outputs = {
        **_rasters(algorithm, paths, parameters, context, rasters),
        **_vectors(algorithm, paths, parameters, context),
    }
    for name, destination in outputs.items():
        if context.willLoadLayerOnCompletion(destination):
            context.layerToLoadOnCompletionDetails(destination).setPostProcessor(_Styler.of(name))
    return outputs


def _rasters(
    algorithm: QgsProcessingAlgorithm,
    paths: OutputPaths,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    names: Iterable[str],
) -> dict[str, Any]:
    made = {PROBABILITY: paths.probability, MASK: paths.mask}
    outputs = {}
    for name in names:
        destination = algorithm.parameterAsOutputLayer(parameters, name, context)
        if not destination:
            continue
        try:
            shutil.move(str(made[name]), destination)
        except OSError as error:
            problem = tr("Cannot write '{path}': {reason}").format(path=destination, reason=error.strerror)
            raise OutputError(problem, tr("Choose another place for the result")) from error
        outputs[name] = destination
    return outputs


def _vectors(
    algorithm: QgsProcessingAlgorithm, paths: OutputPaths, parameters: dict[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    outputs = {}
    for name, table in VECTOR_LAYERS.items():
        layer = QgsVectorLayer(f"{paths.roads}|layername={table}", table, "ogr")
        fields = layer.fields()
        fields.remove(fields.indexFromName("fid"))  # the destination numbers its features itself
        sink, destination = algorithm.parameterAsSink(
            parameters, name, context, fields, layer.wkbType(), layer.sourceCrs()
        )
        if sink is None:
            continue
        for feature in layer.getFeatures():
            attributes = [feature[field.name()] for field in fields]
            feature.setFields(fields, True)
            feature.setAttributes(attributes)
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        outputs[name] = destination
    return outputs


class _Styler(QgsProcessingLayerPostProcessorInterface):
    """Gives a result its style when it comes into the project."""

    _of_output: ClassVar[dict[str, _Styler]] = {}

    def __init__(self, style: Path) -> None:
        super().__init__()
        self._style = style

    @classmethod
    def of(cls, output: str) -> _Styler:
        """The one for an output; kept here, because QGIS does not keep it."""
        name = VECTOR_LAYERS.get(output, output.lower())
        return cls._of_output.setdefault(output, cls(_STYLES / f"{name}.qml"))

    def postProcessLayer(
        self,
        layer: QgsMapLayer,
        context: QgsProcessingContext,  # noqa: ARG002  (as QGIS calls it)
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> None:
        """QGIS calls this in its main thread."""
        layer.loadNamedStyle(str(self._style))
        layer.triggerRepaint()
