"""What happens between a click and the layers on the map."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsApplication, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QMessageBox

from road_extractor_plugin.bridge.layer_group import ResultLayers, add_result_group
from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.bridge.output_folder import default_output_folder, run_folder
from road_extractor_plugin.contract.errors import RoadExtractorError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import Basemap, ExtractRequest
from road_extractor_plugin.contract.result import ExtractResult
from road_extractor_plugin.engine.worker_compute import WorkerCompute
from road_extractor_plugin.engine.worker_pool import WorkerPool
from road_extractor_plugin.gui.dock import RoadExtractorDock
from road_extractor_plugin.gui.estimate import describe, is_large
from road_extractor_plugin.gui.job import Job, plan_job
from road_extractor_plugin.gui.messages import Messages
from road_extractor_plugin.gui.setup_controller import is_engine_there
from road_extractor_plugin.settings import (
    AreaChoice,
    load_settings,
    load_speed_mpx_s,
    load_worker_choice,
    save_settings,
    save_speed_mpx_s,
)
from road_extractor_plugin.tasks.extract_task import ExtractTask

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from road_extractor_plugin.core.mosaic import Mosaic

_STOP_TIMEOUT_S = 10.0
"""How long unloading waits for a running task; the engine looks for a cancel between tiles."""


@dataclass(frozen=True)
class _Run:
    """What a task works on."""

    layer_name: str
    request: ExtractRequest
    mosaic: Mosaic | None
    project_number: int
    """Counts the projects of a session: the results belong to the one that was open."""

    def finished_share(self) -> float | None:
        """How much of it is there to go on from, 0..1; None where it would begin anew."""
        from road_extractor_plugin.core.unfinished import find_unfinished  # here, because it takes time

        try:
            found = find_unfinished(self.request, self.mosaic)
        except RoadExtractorError:  # the next run tells
            return None
        return None if found is None or found.changes else found.fraction

    def forget(self) -> None:
        """Remove the imagery that was fetched, and what is finished of a run that was stopped."""
        from road_extractor_plugin.core.unfinished import forget_unfinished

        if self.mosaic is not None:
            self.mosaic.remove()
        if forget_unfinished(self.request):
            with suppress(OSError):  # there is something else
                self.request.output_folder.rmdir()


class ExtractController(QObject):
    """Runs one job at a time, others wait: from the dock's choices to a task, from its end to layers and messages."""

    extracted = pyqtSignal(str, object)
    """Name of the layer, and the `ExtractResult`."""
    engine_missing = pyqtSignal()
    """A run was asked for, and there is nothing to compute it with."""

    def __init__(self, iface: QgisInterface, dock: RoadExtractorDock, workers: WorkerPool) -> None:
        super().__init__(dock)
        self._iface = iface
        self._messages = Messages(iface)
        self._dock = dock
        self._workers = workers
        self._task: ExtractTask | None = None
        self._run_now: _Run | None = None
        self._waiting: deque[_Run] = deque()
        self._incomplete: _Run | None = None
        """The last run, where imagery is missing."""
        self._stopped: _Run | None = None
        """The last run that was stopped and can be gone on with."""
        self._project_number = 0
        dock.form.model_combo.refused.connect(self._messages.complain)
        dock.form.show_settings(load_settings())
        dock.run_panel.run_clicked.connect(self.run)
        dock.run_panel.cancel_clicked.connect(self.cancel)
        dock.run_panel.fetch_missing_clicked.connect(self.fetch_missing)
        dock.run_panel.resume_clicked.connect(self.resume)
        QgsProject.instance().cleared.connect(self._on_project_closed)

    def run_active_layer(self) -> None:
        """The one click: the active raster layer, the visible extent, everything else as last time."""
        layer = self._iface.activeLayer()
        if not isinstance(layer, QgsRasterLayer):
            self._messages.say(
                self.tr("Select a raster layer in the Layers panel first, then click Extract roads."),
                Qgis.MessageLevel.Warning,
            )
            return
        form = self._dock.form
        form.layer_combo.setLayer(layer)
        form.area_picker.choose(AreaChoice.VISIBLE)
        self._dock.setUserVisible(True)
        self.run()

    def run(self) -> None:
        """What the dock says, once the runs before it are done, unless the user thinks better of a large one."""
        if not is_engine_there():
            self.engine_missing.emit()
            return
        form = self._dock.form
        layer, card = form.layer(), form.model_combo.card()
        if layer is None:
            self._messages.complain(self.tr("Add a raster layer to the project and choose it in the panel."))
        elif card is None:
            self._messages.complain(self.tr("Choose a model file in the panel; none came with this installation."))
        else:
            self._run(layer, card)

    def _run(self, layer: QgsRasterLayer, card: ModelCard) -> None:
        settings, view = self._dock.form.settings(), self._iface.mapCanvas().mapSettings()
        results = settings.output_folder or default_output_folder(QgsProject.instance())
        folder = self._new_folder(results, layer.name())
        try:
            area = self._dock.form.area_picker.area(layer, view)
            job = plan_job(layer, area, settings, card, folder)
        except RoadExtractorError as error:
            self._messages.complain(str(error))
            return
        if any(_question(run.request) == _question(job.request) for run in self._runs()):
            self._messages.say(self.tr("This is being done already."), Qgis.MessageLevel.Info)
        elif not is_large(job) or self._confirm(job):
            save_settings(settings)
            self._enqueue(_Run(layer.name(), job.request, job.imagery.mosaic(), self._project_number))

    def fetch_missing(self) -> None:
        """Run once more what imagery was missing for: what came is still there, only the rest is fetched."""
        run, self._incomplete = self._incomplete, None
        if run is None or not isinstance(run.request.raster, Basemap):
            return
        name, results = run.request.raster.name, run.request.output_folder.parent
        folder = self._new_folder(results, name)
        basemap = replace(run.request.raster, stem=folder.name)
        request = replace(run.request, output_folder=folder, raster=basemap)
        self._enqueue(replace(run, request=request, project_number=self._project_number))

    def resume(self) -> None:
        """Go on with the run that was stopped, once those before it are done."""
        run, self._stopped = self._stopped, None
        self._dock.run_panel.show_resumable(None)
        if run is not None:
            self._enqueue(replace(run, project_number=self._project_number))

    def cancel(self) -> None:
        """Ask the running task to stop; it does at the next tile."""
        if self._task is not None:
            self._dock.run_panel.show_cancelling()
            self._task.cancel()

    def close(self) -> None:
        """Stop everything, before the plugin goes."""
        QgsProject.instance().cleared.disconnect(self._on_project_closed)
        task, self._task = self._task, None
        if task is not None:
            for signal in (task.done, task.failed, task.cancelled):
                signal.disconnect()
            task.cancel()
            task.wait_until_stopped(_STOP_TIMEOUT_S)
        for run in (self._run_now, self._incomplete, self._stopped, *self._waiting):
            if run is not None:
                run.forget()

    def _enqueue(self, run: _Run) -> None:
        self._waiting.append(run)
        if self._task is None:
            self._start_next()
        self._dock.run_panel.show_waiting(len(self._waiting))

    def _runs(self) -> list[_Run]:
        """The one that is on, and those that wait."""
        return [*([] if self._run_now is None else [self._run_now]), *self._waiting]

    def _new_folder(self, results: Path, layer_name: str) -> Path:
        taken = {run.request.output_folder for run in self._runs()}
        return run_folder(results, layer_name, datetime.now().astimezone(), taken)

    def _start_next(self) -> None:
        if self._waiting:
            self._start(self._waiting.popleft())

    def _confirm(self, job: Job) -> bool:
        text = f"{job.request.raster.name}: {describe(job, load_speed_mpx_s())}\n\n" + self.tr("Start it?")
        answer = QMessageBox.question(self._dock, self.tr("Road Extractor"), text)
        return bool(answer == QMessageBox.StandardButton.Yes)

    def _start(self, run: _Run) -> None:
        compute, panel = WorkerCompute(self._workers, load_worker_choice()), self._dock.run_panel
        task = ExtractTask(run.request, compute, run.mosaic)
        task.progressChanged.connect(panel.show_progress)
        task.stage_changed.connect(panel.show_stage)
        task.done.connect(self._on_extracted)
        task.failed.connect(self._on_failed)
        task.cancelled.connect(self._on_cancelled)
        incomplete, self._incomplete = self._incomplete, None
        if incomplete is not None:
            incomplete.forget()
        self._task, self._run_now = task, run
        panel.show_started()
        panel.show_waiting(len(self._waiting))
        log(f"Roads in '{run.request.raster}', results in '{run.request.output_folder}'.")
        QgsApplication.taskManager().addTask(task)

    def _on_extracted(self, layers: ResultLayers[ExtractResult]) -> None:
        result, run = layers.result, self._run_now
        imagery = result.report.imagery
        self._end(keeps_imagery=imagery is not None and imagery.missing > 0)
        save_speed_mpx_s(result.report.megapixels_per_s)
        self._dock.run_panel.show_result(result)
        if run is not None:
            self.extracted.emit(run.layer_name, result)
            self._show(layers, is_project_there=run.project_number == self._project_number)
        self._start_next()

    def _show(self, layers: ResultLayers[ExtractResult], *, is_project_there: bool) -> None:
        panel, result = self._dock.run_panel, layers.result
        if not is_project_there:
            text = self.tr("{summary}. The project was closed meanwhile; the results are in '{folder}'.")
            self._messages.say(
                text.format(summary=panel.summary(result), folder=result.paths.folder), Qgis.MessageLevel.Info
            )
            return
        try:
            add_result_group(layers, QgsProject.instance())
        except RoadExtractorError as error:
            self._messages.complain(str(error))
        else:
            self._messages.say(f"{panel.summary(result)}.", Qgis.MessageLevel.Success)

    def _on_failed(self, problem: str) -> None:
        self._end(was_stopped=True)
        self._dock.run_panel.show_message(problem)
        self._messages.complain(problem)
        self._start_next()

    def _on_cancelled(self, text: str) -> None:
        self._end(was_stopped=True)
        self._dock.run_panel.show_message(text)
        self._start_next()

    def _end(self, *, keeps_imagery: bool = False, was_stopped: bool = False) -> None:
        run, self._run_now, self._task = self._run_now, None, None
        self._dock.run_panel.show_stopped()
        if keeps_imagery:
            self._incomplete = run
        elif run is not None:
            finished = run.finished_share() if was_stopped else None
            if finished is None:
                run.forget()
            else:
                self._keep_stopped(run, finished)

    def _keep_stopped(self, run: _Run, finished: float) -> None:
        """Offer to go on with a run; with one at a time."""
        before, self._stopped = self._stopped, run
        if before is not None:
            before.forget()
        self._dock.run_panel.show_resumable(finished)

    def _on_project_closed(self) -> None:
        self._project_number += 1


def _question(request: ExtractRequest) -> ExtractRequest:
    """A request without the names of its outputs, which carry the time."""
    raster = replace(request.raster, stem="") if isinstance(request.raster, Basemap) else request.raster
    return replace(request, raster=raster, output_folder=Path())
