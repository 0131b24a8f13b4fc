"""A run of the engine in the background of QGIS."""

from __future__ import annotations

import threading
import traceback
from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from road_extractor_plugin.bridge.feedback import TaskFeedback
from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.contract.errors import Cancelled, EngineFailedError, RoadExtractorError
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import ExtractResult
from road_extractor_plugin.engine.worker_compute import WorkerCompute
from road_extractor_plugin.tasks.interruption import interrupt_soon

if TYPE_CHECKING:
    from road_extractor_plugin.core.mosaic import Mosaic


class ExtractTask(QgsTask):
    """One request. At the end one of three signals is emitted, in the thread of the widgets.

    The task knows no layer and no project, so these may go away while it runs.

    Args:
        request: What to do.
        compute: What it is done with: not loaded yet, and closed at the end.
        mosaic: The imagery of a basemap.
    """

    stage_changed = pyqtSignal(str)
    """What the engine does now, in a few words."""
    extracted = pyqtSignal(object)
    """It is done; the `ExtractResult`."""
    failed = pyqtSignal(str)
    """It went wrong; in plain words."""
    cancelled = pyqtSignal()
    """The user stopped it."""

    def __init__(self, request: ExtractRequest, compute: WorkerCompute, mosaic: Mosaic | None = None) -> None:
        super().__init__(f"Road Extractor: {request.raster.name}", QgsTask.Flag.CanCancel)
        self._request = request
        self._compute = compute
        self._mosaic = mosaic
        self._result: ExtractResult | None = None
        self._problem: str | None = None
        self._stopped = threading.Event()
        self._stopped.set()

    def run(self) -> bool:
        """Do the work, in a thread of the task manager; QGIS calls this."""
        self._stopped.clear()
        try:
            self._result = self._extract()
        except Cancelled:
            log("Cancelled.")
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
        interrupt_soon(self._compute)

    def finished(self, result: bool) -> None:  # noqa: ARG002, FBT001  (as QGIS calls it)
        """Tell how it ended; QGIS calls this in the thread of the widgets."""
        if self._result is not None:
            self.extracted.emit(self._result)
        elif self._problem is not None:
            self.failed.emit(self._problem)
        else:
            self.cancelled.emit()

    def _extract(self) -> ExtractResult:
        from road_extractor_plugin.core.pipeline import extract  # here, because it takes time

        feedback = TaskFeedback(self, self.stage_changed.emit)
        try:
            feedback.progress(0.0, self.tr("loading the model"))
            self._compute.load(self._request)
            if self._mosaic is not None:
                self._mosaic.tell = feedback.imagery
            return extract(self._request, self._compute, feedback, self._mosaic)
        finally:
            self._compute.close()

    def wait_until_stopped(self, timeout_s: float) -> bool:
        """Let the thread leave `run`; false if it does not in time.

        Unlike `waitForFinished`, this leaves Python to the thread meanwhile.
        """
        return self._stopped.wait(timeout_s)
