"""A run of the engine in the background of QGIS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from road_extractor_plugin.bridge.feedback import TaskFeedback
from road_extractor_plugin.bridge.layer_group import ResultLayers, open_result
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import ExtractResult
from road_extractor_plugin.engine.worker_compute import WorkerCompute
from road_extractor_plugin.tasks.engine_task import EngineTask

if TYPE_CHECKING:
    from road_extractor_plugin.core.mosaic import Mosaic


class ExtractTask(EngineTask):
    """One request; `done` gives the `ResultLayers` of an `ExtractResult`.

    Args:
        request: What to do.
        compute: What it is done with: not loaded yet, and closed at the end.
        mosaic: The imagery of a basemap.
    """

    def __init__(self, request: ExtractRequest, compute: WorkerCompute, mosaic: Mosaic | None = None) -> None:
        super().__init__(f"Road Extractor: {request.raster.name}", compute)
        self._request = request
        self._worker = compute
        self._mosaic = mosaic

    def work(self, feedback: TaskFeedback) -> ResultLayers[ExtractResult]:
        """See `EngineTask.work`."""
        from road_extractor_plugin.core.pipeline import extract  # here, because it takes time

        feedback.progress(0.0, self.tr("loading the model"))
        self._worker.load(self._request)
        if self._mosaic is not None:
            self._mosaic.tell = feedback.imagery
        return open_result(extract(self._request, self._worker, feedback, self._mosaic))
