"""A batch in the background of QGIS."""

from __future__ import annotations

import threading
import traceback
from pathlib import Path

from qgis.core import Qgis, QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from road_extractor_plugin.bridge.feedback import TaskFeedback
from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.contract.batch import BatchRequest, BatchResult, RasterOutcome
from road_extractor_plugin.contract.errors import Cancelled, EngineFailedError, RoadExtractorError
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.engine.worker_compute import WorkerCompute
from road_extractor_plugin.engine.worker_pool import WorkerChoice, WorkerPool
from road_extractor_plugin.tasks.interruption import interrupt_soon

_LOOK_FOR_CANCEL_S = 0.1


class BatchTask(QgsTask):
    """One batch. It tells of each raster; at its end one of three signals is emitted. All arrive in the main thread."""

    stage_changed = pyqtSignal(str)
    """What the engine does now, in a few words."""
    found = pyqtSignal(object)
    """The rasters, in their order; a tuple of `Path`."""
    started = pyqtSignal(object)
    """A raster is under way; its `Path`."""
    finished_raster = pyqtSignal(object)
    """What became of one; a `RasterOutcome`."""
    done = pyqtSignal(object)
    """The batch is done; the `BatchResult`."""
    failed = pyqtSignal(str)
    """It went wrong as a whole; in plain words."""
    cancelled = pyqtSignal(str)
    """The user stopped it; what that means, in plain words."""

    def __init__(self, request: BatchRequest, workers: WorkerPool, choice: WorkerChoice) -> None:
        super().__init__(f"Road Extractor: {request.folder.name}", QgsTask.Flag.CanCancel)
        self._request = request
        self._workers = workers
        self._choice = choice
        self._compute: WorkerCompute | None = None
        self._result: BatchResult | None = None
        self._problem: str | None = None
        self._stopped = threading.Event()
        self._stopped.set()
        self._may_go_on = threading.Event()
        self._may_go_on.set()

    def pause(self, paused: bool) -> None:  # noqa: FBT001  (as a checkable button calls it)
        """Stand still at the next tile, or go on."""
        if paused:
            self._may_go_on.clear()
        else:
            self._may_go_on.set()

    def run(self) -> bool:
        """Do the work, in a thread of the task manager; QGIS calls this."""
        self._stopped.clear()
        try:
            self._result = self._run()
        except Cancelled as stop:
            self._problem = str(stop)
        except RoadExtractorError as error:
            if isinstance(error, EngineFailedError):
                log(error.log, Qgis.MessageLevel.Critical)
            self._problem = str(error)
        except Exception as error:  # noqa: BLE001  (an exception must not leave a thread of QGIS)
            log(traceback.format_exc(), Qgis.MessageLevel.Critical)
            self._problem = self.tr(
                "Something unexpected happened ({}). Please report it, with what stands on the page "
                "'Road Extractor' of View > Panels > Log Messages."
            ).format(type(error).__name__)
        finally:
            self._stopped.set()
        return self._result is not None

    def cancel(self) -> None:
        """Stop at the next tile, or soon; QGIS calls this, and so may any thread."""
        super().cancel()
        if self._compute is not None:
            interrupt_soon(self._compute)

    def finished(self, result: bool) -> None:  # noqa: ARG002, FBT001  (as QGIS calls it)
        """Tell how it ended; QGIS calls this in the thread of the widgets."""
        if self._result is not None:
            self.done.emit(self._result)
        elif self.isCanceled():
            self.cancelled.emit(self._problem or str(Cancelled()))
        else:
            self.failed.emit(self._problem or "")

    def wait_until_stopped(self, timeout_s: float) -> bool:
        """Let the thread leave `run`; false if it does not in time."""
        return self._stopped.wait(timeout_s)

    def _run(self) -> BatchResult:
        from road_extractor_plugin.core.batch import run_batch  # here, because it takes time
        from road_extractor_plugin.core.batch_runner import OneAfterAnother

        feedback, runner = (
            _PausingFeedback(self, self._may_go_on),
            OneAfterAnother(self._request.each, self._open_compute),
        )
        return run_batch(self._request, runner, _Watcher(self), feedback)

    def _open_compute(self, request: ExtractRequest) -> WorkerCompute:
        self._compute = WorkerCompute(self._workers, self._choice)
        self._compute.load(request)
        return self._compute


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
