"""A folder of rasters, in the toolbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import QT_TRANSLATE_NOOP

from road_extractor_plugin.bridge.numbers import filled
from road_extractor_plugin.contract.batch import DONE, FAILED, RASTER_PATTERNS, SKIPPED, BatchRequest, RasterOutcome
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.processing.algorithm import RoadAlgorithm, ToolFeedback, tr
from road_extractor_plugin.processing.parameters import (
    DEVICE,
    RESOLUTION,
    device_parameter,
    line_parameters,
    model_parameter,
    model_path,
    optional_number,
    preset_parameter,
    resolution_parameter,
    threshold_parameter,
    trace_options,
)

_FOLDER, _OUTPUT, _PATTERNS = "FOLDER", "OUTPUT_FOLDER", "PATTERNS"
_RECURSIVE, _SKIP, _OVERWRITE, _MERGE = "RECURSIVE", "SKIP_EXISTING", "OVERWRITE", "MERGE"
_TABLE, _MERGED, _DONE, _FAILED = "TABLE", "MERGED_ROADS", "DONE", "FAILED"


class BatchAlgorithm(RoadAlgorithm):
    """`core.batch.run_batch`."""

    NAME = "batch"
    TITLE = QT_TRANSLATE_NOOP("RoadAlgorithm", "Extract roads from a folder of images")
    HELP = QT_TRANSLATE_NOOP(
        "RoadAlgorithm",
        "Finds the roads in every raster of a folder and writes the results of each into the output folder, in the "
        "same tree of folders, with a table of what became of each. What is wrong with one raster does not stop the "
        "others.\n\n"
        "At the end all are traced once more as one network: roads of overlapping images are not doubled, and those of "
        "neighbouring ones join.\n\n"
        "A batch that was stopped goes on when the results that exist are kept.",
    )
    TAGS = ("batch", "folder", "deep learning", "roads")

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:  # noqa: ARG002
        """Declare what it takes and gives; QGIS calls this."""
        self.add(
            QgsProcessingParameterFile(_FOLDER, tr("Folder of images"), QgsProcessingParameterFile.Behavior.Folder),
            QgsProcessingParameterBoolean(_RECURSIVE, tr("Search the folders below, too"), True),
            QgsProcessingParameterBoolean(_SKIP, tr("Keep results that exist"), True),
            QgsProcessingParameterBoolean(_MERGE, tr("Make one network of all"), True),
            threshold_parameter(),
            preset_parameter(),
        )
        self.add(
            QgsProcessingParameterString(_PATTERNS, tr("Names of the images"), " ".join(RASTER_PATTERNS)),
            QgsProcessingParameterBoolean(_OVERWRITE, tr("Replace results that exist"), False),
            model_parameter(),
            device_parameter(),
            resolution_parameter(),
            *line_parameters(),
            advanced=True,
        )
        self.add(QgsProcessingParameterFolderDestination(_OUTPUT, tr("Folder for the results")))
        self.addOutput(QgsProcessingOutputFile(_TABLE, tr("Table of the images")))
        self.addOutput(QgsProcessingOutputVectorLayer(_MERGED, tr("Network of all")))
        self.addOutput(QgsProcessingOutputNumber(_DONE, tr("Images with results")))
        self.addOutput(QgsProcessingOutputNumber(_FAILED, tr("Images that failed")))

    def run_engine(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """See `RoadAlgorithm.run_engine`."""
        from road_extractor_plugin.core.batch import run_batch  # here, because it takes time
        from road_extractor_plugin.core.batch_runner import OneAfterAnother

        request = self._request(parameters, context)
        runner = OneAfterAnother(request.each, self.open_compute)
        result = run_batch(request, runner, _Log(feedback), ToolFeedback(feedback))
        outputs: dict[str, Any] = {_OUTPUT: str(request.output_folder), _TABLE: str(result.table)}
        if result.merged_roads is not None:
            outputs[_MERGED] = f"{result.merged_roads}|layername=centerlines"
        done = result.count(DONE) + result.count(SKIPPED)
        return {**outputs, _DONE: done, _FAILED: result.count(FAILED)}

    def _request(self, parameters: dict[str, Any], context: QgsProcessingContext) -> BatchRequest:
        folder = Path(self.parameterAsFile(parameters, _FOLDER, context))
        output = Path(self.parameterAsString(parameters, _OUTPUT, context))
        each = ExtractRequest(
            raster=folder,
            output_folder=output,
            model=model_path(self, parameters, context),
            raster_ground_resolution_m=optional_number(self, parameters, RESOLUTION, context),
            trace=trace_options(self, parameters, context),
            device=self.parameterAsString(parameters, DEVICE, context),
            overwrite=self.parameterAsBool(parameters, _OVERWRITE, context),
        )
        return BatchRequest(
            folder=folder,
            output_folder=output,
            each=each,
            patterns=tuple(self.parameterAsString(parameters, _PATTERNS, context).split()),
            recursive=self.parameterAsBool(parameters, _RECURSIVE, context),
            skip_existing=self.parameterAsBool(parameters, _SKIP, context),
            merge=self.parameterAsBool(parameters, _MERGE, context),
        )


class _Log:
    """A line in the algorithm's log for each raster."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback

    def found(self, rasters: tuple[Path, ...]) -> None:
        """See `BatchWatcher.found`."""
        self._feedback.pushInfo(tr("{} images").format(len(rasters)))

    def started(self, raster: Path) -> None:
        """See `BatchWatcher.started`."""

    def finished(self, outcome: RasterOutcome) -> None:
        """See `BatchWatcher.finished`."""
        length = "" if outcome.length_km is None else filled(tr("{:.2f} km of road. "), outcome.length_km)
        line = f"{outcome.raster.name}: {outcome.status}. {length}{outcome.message}"
        if outcome.status == FAILED:
            self._feedback.reportError(line)
        else:
            self._feedback.pushInfo(line)
