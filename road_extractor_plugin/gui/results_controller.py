"""What happens between the end of a run, the list of runs, and their figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsApplication, QgsProject
from qgis.PyQt.QtCore import QObject

from road_extractor_plugin.bridge.layer_group import add_result_group, open_result
from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.bridge.run_history import RunHistory, RunRecord
from road_extractor_plugin.bridge.stored_result import stored_result
from road_extractor_plugin.contract.batch import RasterOutcome
from road_extractor_plugin.contract.errors import RoadExtractorError
from road_extractor_plugin.contract.result import ExtractResult, VectorizeResult
from road_extractor_plugin.gui.dock import RoadExtractorDock
from road_extractor_plugin.settings import history_file
from road_extractor_plugin.tasks.statistics_task import RunFigures, StatisticsTask

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

MOST_OF_A_BATCH = 25
"""Rasters of one batch in the list of runs, so that others stay there; the table of a batch has all of its own."""
_STOP_TIMEOUT_S = 10.0
"""How long unloading waits for figures that are being read."""


class ResultsController(QObject):
    """Keeps the list of runs, reads the figures of the chosen one, and adds its layers again."""

    def __init__(self, iface: QgisInterface, dock: RoadExtractorDock) -> None:
        super().__init__(dock)
        self._iface = iface
        self._page = dock.results_page
        self._history = RunHistory(history_file())
        self._reading: dict[StatisticsTask, RunRecord] = {}
        self._page.chosen.connect(self._read)
        self._page.opened.connect(self._open)
        self._page.show_records(self._history.records())

    def remember(self, layer_name: str, result: ExtractResult | VectorizeResult) -> None:
        """Put a run that has just ended on top of the list."""
        self._history.add(RunRecord.of(result, layer_name, datetime.now().astimezone()))
        self._page.show_records(self._history.records())

    def remember_batch(self, outcomes: Sequence[RasterOutcome]) -> None:
        """Put what a batch has done on top of the list, the last raster first."""
        records = map(_record_of, reversed(outcomes[-MOST_OF_A_BATCH:]))
        self._history.add(*(record for record in records if record is not None))
        self._page.show_records(self._history.records())

    def close(self) -> None:
        """Stop reading, before the plugin goes."""
        tasks, self._reading = list(self._reading), {}
        for task in tasks:
            task.done.disconnect()
            task.failed.disconnect()
            task.cancel()
        for task in tasks:
            task.wait_until_stopped(_STOP_TIMEOUT_S)

    def _read(self, record: RunRecord | None) -> None:
        if record is None:
            return
        self._page.statistics.show_nothing(self.tr("Reading the figures…"))
        task = StatisticsTask(record.paths)
        task.done.connect(lambda figures: self._on_read(task, figures))
        task.failed.connect(lambda problem: self._on_failed(task, problem))
        self._reading[task] = record
        QgsApplication.taskManager().addTask(task)

    def _on_read(self, task: StatisticsTask, figures: RunFigures) -> None:
        if self._reading.pop(task) == self._page.record():
            self._page.statistics.show_figures(figures)

    def _on_failed(self, task: StatisticsTask, problem: str) -> None:
        if self._reading.pop(task) == self._page.record():
            self._page.statistics.show_problem(problem)

    def _open(self, record: RunRecord) -> None:
        try:
            add_result_group(open_result(stored_result(record.paths)), QgsProject.instance())
        except RoadExtractorError as error:
            log(str(error), Qgis.MessageLevel.Warning)
            self._iface.messageBar().pushMessage(self.tr("Road Extractor"), str(error), Qgis.MessageLevel.Warning)


def _record_of(outcome: RasterOutcome) -> RunRecord | None:
    """What is kept of a raster of a batch; None where its results were removed meanwhile."""
    try:
        result = stored_result(outcome.paths)
    except RoadExtractorError as error:
        log(str(error), Qgis.MessageLevel.Warning)
        return None
    return RunRecord.of(result, outcome.paths.stem, datetime.now().astimezone())
