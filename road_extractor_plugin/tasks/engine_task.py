"""Work of the engine in the background of QGIS: what all such tasks have in common."""

from __future__ import annotations

import threading
import traceback

from qgis.core import Qgis, QgsTask
from qgis.PyQt.QtCore import QCoreApplication, pyqtSignal

from road_extractor_plugin.bridge.feedback import TaskFeedback
from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.contract.errors import Cancelled, EngineFailedError, RoadExtractorError
from road_extractor_plugin.engine.worker_compute import WorkerTracer

_INTERRUPT_AFTER_S = 0.7
"""Cancelled work stops at the next tile, and its worker stays warm; the worker of what takes longer is ended."""


class EngineTask(QgsTask):
    """Does some work. At the end one of three signals is emitted, in the thread of the widgets.

    A task knows files only, no layer and no project, so these may go away while it runs. Subclasses do the work in
    `work`.

    Args:
        title: For the list of running tasks.
        compute: What the work is done with; closed at the end. A task that opens it later keeps it in `_compute`.
    """

    LOGS_CANCEL = True
    """Whether the log tells that it was cancelled."""

    stage_changed = pyqtSignal(str)
    """What the engine does now, in a few words."""
    done = pyqtSignal(object)
    """It is done; what `work` gave."""
    failed = pyqtSignal(str)
    """It went wrong; in plain words."""
    cancelled = pyqtSignal(str)
    """The user stopped it; what that means, in plain words."""

    def __init__(self, title: str, compute: WorkerTracer | None = None) -> None:
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._compute = compute
        self._result: object = None
        self._problem: str | None = None
        self._stop_text = str(Cancelled())
        self._stopped = threading.Event()
        self._stopped.set()

    def work(self, feedback: TaskFeedback) -> object:
        """Do it, in a thread of the task manager.

        Returns:
            What `done` tells; not None.

        Raises:
            RoadExtractorError: Something that the user can put right, or `Cancelled`.
        """
        raise NotImplementedError

    def feedback(self) -> TaskFeedback:
        """Tells the task how far it is."""
        return TaskFeedback(self, self.stage_changed.emit)

    def run(self) -> bool:
        """Do the work; QGIS calls this."""
        self._stopped.clear()
        try:
            self._result = self.work(self.feedback())
        except Cancelled as stop:
            self._stop_text = str(stop)
            if self.LOGS_CANCEL:
                log(self._stop_text)
        except RoadExtractorError as error:
            if isinstance(error, EngineFailedError):
                log(error.log, Qgis.MessageLevel.Critical)
            self._problem = str(error)
        except Exception as error:  # noqa: BLE001  (an exception must not leave a thread of QGIS)
            log(traceback.format_exc(), Qgis.MessageLevel.Critical)
            # Not self.tr: the context of that would be the subclass.
            text = QCoreApplication.translate(
                "EngineTask",
                "Something unexpected happened ({}). Please report it, with what stands on the page "
                "'Road Extractor' of View > Panels > Log Messages.",
            )
            self._problem = text.format(type(error).__name__)
        finally:
            if self._compute is not None:
                self._compute.close()
            self._stopped.set()
        return self._result is not None

    def cancel(self) -> None:
        """Stop soon; QGIS calls this, and so may any thread."""
        super().cancel()
        if self._compute is not None:
            timer = threading.Timer(_INTERRUPT_AFTER_S, self._compute.interrupt)
            timer.daemon = True
            timer.start()

    def finished(self, result: bool) -> None:  # noqa: ARG002, FBT001  (as QGIS calls it)
        """Tell how it ended; QGIS calls this in the thread of the widgets."""
        if self._result is not None:
            self.done.emit(self._result)
        elif self._problem is not None:
            self.failed.emit(self._problem)
        else:
            self.cancelled.emit(self._stop_text)

    def wait_until_stopped(self, timeout_s: float) -> bool:
        """Let the thread leave `run`; false if it does not in time.

        Unlike `waitForFinished`, this leaves Python to the thread meanwhile.
        """
        return self._stopped.wait(timeout_s)
