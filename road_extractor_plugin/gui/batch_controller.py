"""What happens between the batch page and a batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsApplication, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal

from road_extractor_plugin.bridge.layer_group import add_result_group, open_result
from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.bridge.numbers import filled
from road_extractor_plugin.bridge.stored_result import stored_result
from road_extractor_plugin.contract.batch import DONE, FAILED, SKIPPED, BatchRequest, BatchResult, RasterOutcome
from road_extractor_plugin.contract.errors import RoadExtractorError
from road_extractor_plugin.contract.request import ExtractRequest, TraceOptions
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.engine.worker_pool import WorkerPool
from road_extractor_plugin.gui.dock import RoadExtractorDock
from road_extractor_plugin.gui.messages import Messages
from road_extractor_plugin.settings import (
    BatchSettings,
    Settings,
    load_batch_settings,
    load_worker_choice,
    save_batch_settings,
)
from road_extractor_plugin.tasks.batch_task import BatchTask

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

_STOP_TIMEOUT_S = 10.0
"""How long unloading waits for a running batch."""


class BatchController(QObject):
    """Runs one batch at a time."""

    ended = pyqtSignal(object)
    """However it ended: the outcomes of the rasters that it has done; a list of `RasterOutcome`."""

    def __init__(self, iface: QgisInterface, dock: RoadExtractorDock, workers: WorkerPool) -> None:
        super().__init__(dock)
        self._messages = Messages(iface)
        self._dock = dock
        self._workers = workers
        self._page = dock.batch_page
        self._task: BatchTask | None = None
        self._done_here: list[RasterOutcome] = []
        self._page.show_settings(load_batch_settings())
        self._page.run_clicked.connect(self.run)
        self._page.cancel_clicked.connect(self.cancel)
        self._page.pause_toggled.connect(self._on_pause)
        self._page.outcome_opened.connect(self._show)

    def run(self) -> None:
        """Start what the page says, unless a batch is on."""
        if self._task is not None:
            return
        settings = self._page.settings()
        folder, output_folder = settings.folder, settings.output_folder
        if folder is None or output_folder is None:
            self._messages.complain(self.tr("Choose the folder with the images, and one for the results."))
            return
        try:
            request = _request(folder, output_folder, settings, self._dock.form.settings())
        except RoadExtractorError as error:
            self._messages.complain(str(error))
            return
        save_batch_settings(settings)
        self._start(request)

    def cancel(self) -> None:
        """Ask the batch to stop; it does at the next tile."""
        if self._task is not None:
            self._page.show_message(self.tr("Stopping"))
            self._task.cancel()

    def close(self) -> None:
        """Stop everything, before the plugin goes."""
        task, self._task = self._task, None
        if task is not None:
            for signal in (task.done, task.failed, task.cancelled, task.found, task.started, task.finished_raster):
                signal.disconnect()
            task.cancel()
            task.wait_until_stopped(_STOP_TIMEOUT_S)

    def _start(self, request: BatchRequest) -> None:
        task, page = BatchTask(request, self._workers, load_worker_choice()), self._page
        task.progressChanged.connect(lambda percent: page.progress_bar.setValue(int(percent)))
        task.stage_changed.connect(page.show_message)
        task.found.connect(lambda rasters: page.show_rasters(request.folder, rasters))
        task.started.connect(page.show_started)
        task.finished_raster.connect(self._on_raster)
        task.done.connect(self._on_done)
        task.failed.connect(self._on_failed)
        task.cancelled.connect(self._on_cancelled)
        self._task = task
        page.show_running()
        log(f"Roads in the images of '{request.folder}', results in '{request.output_folder}'.")
        QgsApplication.taskManager().addTask(task)

    def _on_raster(self, outcome: RasterOutcome) -> None:
        self._page.show_outcome(outcome)
        if outcome.status == DONE:
            self._done_here.append(outcome)

    def _on_pause(self, paused: bool) -> None:  # noqa: FBT001  (a signal)
        if self._task is not None:
            self._task.pause(paused)
            self._page.show_message(self.tr("Paused") if paused else "")

    def _on_done(self, result: BatchResult) -> None:
        self._end()
        failed = result.count(FAILED)
        length_km = sum(outcome.length_km or 0.0 for outcome in result.outcomes)
        text = self.tr("{done} images done, {kept} kept, {failed} failed; {length:.2f} km of road. Table: {table}")
        text = filled(
            text,
            done=result.count(DONE),
            kept=result.count(SKIPPED),
            failed=failed,
            length=length_km,
            table=result.table,
        )
        self._page.show_message(text)
        self._messages.say(text, Qgis.MessageLevel.Warning if failed else Qgis.MessageLevel.Success)
        if result.merged_roads is not None:
            layer = QgsVectorLayer(f"{result.merged_roads}|layername=centerlines", self.tr("Merged roads"), "ogr")
            QgsProject.instance().addMapLayer(layer)

    def _on_failed(self, problem: str) -> None:
        self._end()
        self._page.show_message(problem)
        self._messages.complain(problem)

    def _on_cancelled(self, text: str) -> None:
        self._end()
        self._page.show_message(text)

    def _end(self) -> None:
        self._task = None
        self._page.show_stopped()
        done, self._done_here = self._done_here, []
        if done:
            self.ended.emit(done)

    def _show(self, outcome: RasterOutcome) -> None:
        """Put the layers of a finished raster on the map."""
        if outcome.status == FAILED:
            self._messages.complain(f"{outcome.raster.name}: {outcome.message}")
            return
        try:
            add_result_group(open_result(stored_result(outcome.paths)), QgsProject.instance())
        except RoadExtractorError as error:
            self._messages.complain(str(error))


def _request(folder: Path, output_folder: Path, batch: BatchSettings, settings: Settings) -> BatchRequest:
    """A request of what both pages say.

    Raises:
        ModelUnreadableError: No model is chosen and none is installed.
    """
    each = ExtractRequest(
        raster=folder,
        output_folder=output_folder,
        model=settings.model or default_model(),
        trace=TraceOptions(preset=settings.preset, threshold=settings.threshold),
        overwrite=not batch.keep_existing,
    )
    return BatchRequest(
        folder=folder,
        output_folder=output_folder,
        each=each,
        patterns=batch.patterns,
        recursive=batch.recursive,
        skip_existing=batch.keep_existing,
        merge=batch.merge,
    )
