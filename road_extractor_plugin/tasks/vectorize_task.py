"""Tracing a stored probability raster in the background of QGIS: all of it, or what is on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from road_extractor_plugin.bridge.feedback import TaskFeedback
from road_extractor_plugin.bridge.layer_group import ResultLayers, open_result
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.traced import Traced
from road_extractor_plugin.contract.request import VectorizeRequest
from road_extractor_plugin.contract.result import VectorizeResult
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.engine.worker_compute import WorkerTracer
from road_extractor_plugin.tasks.engine_task import EngineTask

if TYPE_CHECKING:
    from road_extractor_plugin.core.probability_view import ProbabilityPart


class VectorizeTask(EngineTask):
    """All of a raster, into files; `done` gives the `ResultLayers` of a `VectorizeResult`."""

    def __init__(self, request: VectorizeRequest, tracer: WorkerTracer) -> None:
        super().__init__(f"Road Extractor: {request.probability.name}", tracer)
        self._request = request
        self._tracer = tracer

    def work(self, feedback: TaskFeedback) -> ResultLayers[VectorizeResult]:
        """See `EngineTask.work`."""
        from road_extractor_plugin.core.vectorize import vectorize  # here, because it takes time

        return open_result(vectorize(self._request, self._tracer, feedback))


@dataclass(frozen=True, eq=False)
class PartTraced:
    """What is on the screen, traced."""

    part: ProbabilityPart
    traced: Traced


class TracePartTask(EngineTask):
    """A part of a raster, for the eye; `done` gives a `PartTraced`."""

    LOGS_CANCEL = False  # each move of a slider may cancel one

    def __init__(self, part: ProbabilityPart, settings: TraceSettings, tracer: WorkerTracer) -> None:
        super().__init__("Road Extractor: preview", tracer)
        self._part = part
        self._settings = settings
        self._tracer = tracer

    def work(self, feedback: TaskFeedback) -> PartTraced:
        """See `EngineTask.work`."""
        rows = ArrayRows(self._part.values)
        return PartTraced(self._part, self._tracer.trace(rows, self._settings, self._part.pixel_size_m, feedback))
