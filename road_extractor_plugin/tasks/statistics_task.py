"""Reading the figures of an earlier run in the background of QGIS."""

from __future__ import annotations

import threading
import traceback
from dataclasses import dataclass

from qgis.core import Qgis, QgsTask
from qgis.PyQt.QtCore import QCoreApplication, pyqtSignal

from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.bridge.stored_result import stored_result
from road_extractor_plugin.contract.errors import RoadExtractorError
from road_extractor_plugin.contract.result import ExtractResult, OutputPaths, VectorizeResult
from road_extractor_plugin.contract.road_statistics import RoadStatistics


@dataclass(frozen=True)
class RunFigures:
    """What a run has left, summed up."""

    result: ExtractResult | VectorizeResult
    roads: RoadStatistics


class StatisticsTask(QgsTask):
    """Reads the report and sums up the network; at the end one of two signals is emitted, in the widgets' thread."""

    done = pyqtSignal(object)
    """The `RunFigures`."""
    failed = pyqtSignal(str)
    """In plain words."""

    def __init__(self, paths: OutputPaths) -> None:
        super().__init__("Road Extractor: statistics", QgsTask.Flag.CanCancel)
        self._paths = paths
        self._figures: RunFigures | None = None
        self._problem = ""
        self._stopped = threading.Event()
        self._stopped.set()

    def run(self) -> bool:
        """Do the work; QGIS calls this in a thread of the task manager."""
        self._stopped.clear()
        try:
            self._figures = self._read()
        except RoadExtractorError as error:
            self._problem = str(error)
        except Exception as error:  # noqa: BLE001  (an exception must not leave a thread of QGIS)
            log(traceback.format_exc(), Qgis.MessageLevel.Critical)
            text = QCoreApplication.translate("StatisticsTask", "The figures cannot be read ({}).")
            self._problem = text.format(type(error).__name__)
        finally:
            self._stopped.set()
        return self._figures is not None

    def finished(self, result: bool) -> None:  # noqa: ARG002, FBT001  (as QGIS calls it)
        """Tell how it ended; QGIS calls this in the thread of the widgets."""
        if self._figures is not None:
            self.done.emit(self._figures)
        else:
            self.failed.emit(self._problem)

    def wait_until_stopped(self, timeout_s: float) -> bool:
        """Let the thread leave `run`; false if it does not in time."""
        return self._stopped.wait(timeout_s)

    def _read(self) -> RunFigures:
        from road_extractor_plugin.core.road_statistics import read_statistics  # here, because it takes time

        return RunFigures(stored_result(self._paths), read_statistics(self._paths.roads))
