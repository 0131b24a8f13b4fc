"""A batch in the background of QGIS."""

from __future__ import annotations

import threading
from pathlib import Path

from qgis.PyQt.QtCore import pyqtSignal

from road_extractor_plugin.bridge.feedback import TaskFeedback
from road_extractor_plugin.contract.batch import BatchRequest, BatchResult, RasterOutcome
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.engine.worker_compute import WorkerCompute
from road_extractor_plugin.engine.worker_pool import WorkerChoice, WorkerPool
from road_extractor_plugin.tasks.engine_task import EngineTask

_LOOK_FOR_CANCEL_S = 0.1


class BatchTask(EngineTask):
    """One batch, which tells of each raster; `done` gives a `BatchResult`. All signals arrive in the main thread."""

    found = pyqtSignal(object)
    """The rasters, in their order; a tuple of `Path`."""
    started = pyqtSignal(object)
    """A raster is under way; its `Path`."""
    finished_raster = pyqtSignal(object)
    """What became of one; a `RasterOutcome`."""

    def __init__(self, request: BatchRequest, workers: WorkerPool, choice: WorkerChoice) -> None:
        super().__init__(f"Road Extractor: {request.folder.name}")
        self._request = request
        self._workers = workers
        self._choice = choice
        self._may_go_on = threading.Event()
        self._may_go_on.set()

    def pause(self, paused: bool) -> None:  # noqa: FBT001  (as a checkable button calls it)
        """Stand still at the next tile, or go on."""
        if paused:
            self._may_go_on.clear()
        else:
            self._may_go_on.set()

    def feedback(self) -> TaskFeedback:
        """Stands still while the task is paused."""
        return _PausingFeedback(self, self._may_go_on)

    def work(self, feedback: TaskFeedback) -> BatchResult:
        """See `EngineTask.work`."""
        from road_extractor_plugin.core.batch import run_batch  # here, because it takes time
        from road_extractor_plugin.core.batch_runner import OneAfterAnother

        runner = OneAfterAnother(self._request.each, self._open_compute)
        return run_batch(self._request, runner, _Watcher(self), feedback)

    def _open_compute(self, request: ExtractRequest) -> WorkerCompute:
        compute = WorkerCompute(self._workers, self._choice)
        self._compute = compute
        compute.load(request)
        return compute


class _PausingFeedback(TaskFeedback):
    """Stands still while the task is paused: the engine asks often whether to stop."""

    def __init__(self, task: BatchTask, may_go_on: threading.Event) -> None:
        super().__init__(task, task.stage_changed.emit)
        self._may_go_on = may_go_on

    def is_cancelled(self) -> bool:
        """Whether to stop, answered as soon as the task may go on."""
        while not super().is_cancelled():
            if self._may_go_on.wait(_LOOK_FOR_CANCEL_S):
                return False
        return True


class _Watcher:
    """Passes on what becomes of each raster."""

    def __init__(self, task: BatchTask) -> None:
        self._task = task

    def found(self, rasters: tuple[Path, ...]) -> None:
        """See `BatchWatcher.found`."""
        self._task.found.emit(rasters)

    def started(self, raster: Path) -> None:
        """See `BatchWatcher.started`."""
        self._task.started.emit(raster)

    def finished(self, outcome: RasterOutcome) -> None:
        """See `BatchWatcher.finished`."""
        self._task.finished_raster.emit(outcome)
