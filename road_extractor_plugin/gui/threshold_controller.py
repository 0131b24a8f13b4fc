"""What happens between the slider and the roads drawn over the map."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import Qgis, QgsApplication, QgsCoordinateTransform, QgsCsException, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from road_extractor_plugin.bridge.layer_file import layer_file
from road_extractor_plugin.bridge.layer_group import ResultLayers, add_result_group
from road_extractor_plugin.bridge.numbers import filled
from road_extractor_plugin.bridge.output_folder import default_output_folder, run_folder
from road_extractor_plugin.contract.errors import RoadExtractorError
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.request import VectorizeRequest
from road_extractor_plugin.contract.result import VectorizeResult
from road_extractor_plugin.contract.road_graph import BRIDGED
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.engine.worker_compute import WorkerTracer
from road_extractor_plugin.engine.worker_pool import WorkerPool
from road_extractor_plugin.gui.dock import RoadExtractorDock
from road_extractor_plugin.gui.messages import Messages
from road_extractor_plugin.gui.preview_item import PreviewItem
from road_extractor_plugin.settings import load_worker_choice
from road_extractor_plugin.tasks.vectorize_task import PartTraced, TracePartTask, VectorizeTask

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from road_extractor_plugin.core.probability_view import ProbabilityPart, ProbabilityView

_ROAD = 1
"""In the tracer's mask."""
_MAX_SIDE_PX = 2000
"""More of a raster than this is shown averaged."""
_QUICK_SIDE_PX = 800
"""Of what is shown first: hardly less than a map has on most screens, and traced within the blink of an eye."""
_SETTLE_MS = 40
"""A slider that is being moved gives one preview for so many milliseconds."""
_EQUAL = Thresholds(0.5, 0.5)
"""Where no model says how far the lower threshold lies below the upper."""
_STOP_TIMEOUT_S = 10.0
"""How long unloading waits for running work."""


class ThresholdController(QObject):
    """Shows at once what another threshold would give in the visible extent, and applies it to the whole."""

    applied = pyqtSignal(str, object)
    """Name of the layer, and the `VectorizeResult`."""

    def __init__(self, iface: QgisInterface, dock: RoadExtractorDock, workers: WorkerPool) -> None:
        super().__init__(dock)
        self._iface = iface
        self._messages = Messages(iface)
        self._dock = dock
        self._workers = workers
        self._page = dock.threshold_page
        self._item = PreviewItem(iface.mapCanvas())
        self._view: tuple[Path, ProbabilityView] | None = None
        self._preview: TracePartTask | None = None
        self._is_outdated = False
        self._is_refining = False
        self._applying: VectorizeTask | None = None
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(_SETTLE_MS)
        self._settling.timeout.connect(self.redraw)
        self._page.changed.connect(self._settling.start)
        self._page.apply_clicked.connect(self.apply)
        iface.mapCanvas().extentsChanged.connect(self._settling.start)
        card = dock.form.model_combo.card()
        if card is not None:
            self._page.show_threshold(card.thresholds.high)

    def close(self) -> None:
        """Stop everything, before the plugin goes."""
        self._iface.mapCanvas().extentsChanged.disconnect(self._settling.start)
        self._settling.stop()
        self._iface.mapCanvas().scene().removeItem(self._item)
        tasks = [task for task in (self._preview, self._applying) if task is not None]
        self._preview = self._applying = None
        for task in tasks:
            for signal in (task.done, task.failed, task.cancelled):
                signal.disconnect()
            task.cancel()
        for task in tasks:
            task.wait_until_stopped(_STOP_TIMEOUT_S)

    def redraw(self) -> None:
        """Draw mask and lines of the visible part.

        1. At the resolution of the screen the mask at once, and its lines a moment later.
        2. Then, where the raster has more to show, mask and lines at that resolution, unless something has changed
           meanwhile.
        """
        layer = self._page.layer()
        if layer is None or not self._page.show_box.isChecked():
            self._item.clear()
            return
        canvas = self._iface.mapCanvas()
        found = self._part_and_settings(layer, min(_QUICK_SIDE_PX, max(canvas.width(), canvas.height())))
        if found is None:
            self._item.clear()
            return
        from road_extractor_plugin.core.probability_view import quick_mask

        part, settings = found
        self._item.show_mask(quick_mask(part, settings.thresholds.high), part.geotransform, layer.crs())
        self._trace(part, settings, is_refining=False)

    def _part_and_settings(
        self, layer: QgsRasterLayer, max_side_px: int
    ) -> tuple[ProbabilityPart, TraceSettings] | None:
        """What is to be traced, and how; None with a message where that is nothing."""
        try:
            part = self._visible_part(layer, max_side_px)
            settings = self._page.options().settings(self._model_thresholds())
        except RoadExtractorError as error:
            self._page.show_message(str(error))
            return None
        if part is None:
            self._page.show_message(self.tr("The map does not show this raster."))
            return None
        return part, settings

    def _visible_part(self, layer: QgsRasterLayer, max_side_px: int) -> ProbabilityPart | None:
        # Imported here: it changes how GDAL tells its errors in the whole process.
        from road_extractor_plugin.core.probability_view import ProbabilityView
        from road_extractor_plugin.core.raster_grid import Bounds

        path = layer_file(layer)
        if self._view is None or self._view[0] != path:
            self._view = path, ProbabilityView(path)
        canvas = self._iface.mapCanvas().mapSettings()
        to_layer = QgsCoordinateTransform(canvas.destinationCrs(), layer.crs(), QgsProject.instance())
        try:
            extent = to_layer.transformBoundingBox(canvas.visibleExtent())
        except QgsCsException:
            return None
        wanted = Bounds(extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
        return self._view[1].read(wanted, max_side_px)

    def _model_thresholds(self) -> Thresholds:
        """Those of the chosen model, for their proportion."""
        card = self._dock.form.model_combo.card()
        return _EQUAL if card is None else card.thresholds

    def _trace(self, part: ProbabilityPart, settings: TraceSettings, *, is_refining: bool) -> None:
        if self._preview is not None:
            self._is_outdated = True
            if self._is_refining:
                self._preview.cancel()  # what is quick is let be
            return
        task = TracePartTask(part, settings, WorkerTracer(self._workers, load_worker_choice()))
        self._preview, self._is_outdated, self._is_refining = task, False, is_refining
        task.done.connect(self._on_traced)
        task.failed.connect(self._on_not_traced)
        task.cancelled.connect(self._on_not_traced)
        QgsApplication.taskManager().addTask(task)

    def _on_traced(self, found: PartTraced) -> None:
        self._preview = None
        if self._is_outdated:
            self.redraw()
            return
        edges, mask, layer = found.traced.graph.edges, found.traced.mask, self._page.layer()
        if layer is None or not self._page.show_box.isChecked():
            return
        self._item.show_mask(mask.read(0, mask.shape[0]) == _ROAD, found.part.geotransform, layer.crs())
        self._item.show_lines(
            [edge.points for edge in edges if edge.origin != BRIDGED],
            [edge.points for edge in edges if edge.origin == BRIDGED],
        )
        if self._is_refining or found.part.reduction == 1:
            self._tell(found)
        else:
            finer = self._part_and_settings(layer, _MAX_SIDE_PX)
            if finer is not None:
                self._trace(*finer, is_refining=True)

    def _tell(self, found: PartTraced) -> None:
        text = filled(self.tr("{km:.2f} km of road in the visible part."), km=_length_km(found))
        if found.part.reduction > 1:
            text += " " + filled(self.tr("Zoom in for full detail: 1 pixel stands for {:.1f}."), found.part.reduction)
        self._page.show_message(text)

    def _on_not_traced(self, problem: str) -> None:
        self._preview = None
        if self._is_outdated:
            self.redraw()
        else:
            self._page.show_message(problem)

    def apply(self) -> None:
        """Trace the whole raster, into a folder of its own."""
        layer = self._page.layer()
        if layer is None or self._applying is not None:
            return
        results = self._dock.form.settings().output_folder or default_output_folder(QgsProject.instance())
        try:
            request = VectorizeRequest(
                probability=layer_file(layer),
                output_folder=run_folder(results, layer.name(), datetime.now().astimezone()),
                model_thresholds=self._model_thresholds(),
                trace=self._page.options(),
            )
        except RoadExtractorError as error:
            self._messages.complain(str(error))
            return
        task = VectorizeTask(request, WorkerTracer(self._workers, load_worker_choice()))
        task.progressChanged.connect(lambda percent: self._page.progress_bar.setValue(int(percent)))
        name = layer.name()
        task.done.connect(lambda result: self._on_applied(name, result))
        task.failed.connect(self._on_not_applied)
        task.cancelled.connect(self._on_not_applied)
        self._applying = task
        self._page.show_applying(is_on=True)
        QgsApplication.taskManager().addTask(task)

    def _on_applied(self, layer_name: str, layers: ResultLayers[VectorizeResult]) -> None:
        self._end_applying()
        result = layers.result
        self.applied.emit(layer_name, result)
        try:
            add_result_group(layers, QgsProject.instance())
        except RoadExtractorError as error:
            self._messages.complain(str(error))
            return
        self._page.show_box.setChecked(False)
        text = filled(
            self.tr("{km:.2f} km of road in {lines} lines."),
            km=result.report.roads.length_km,
            lines=result.report.roads.centerlines,
        )
        self._page.show_message(text)
        self._messages.say(text, Qgis.MessageLevel.Success)

    def _on_not_applied(self, problem: str) -> None:
        self._end_applying()
        self._page.show_message(problem)
        self._messages.complain(problem)

    def _end_applying(self) -> None:
        self._applying = None
        self._page.show_applying(is_on=False)


def _length_km(found: PartTraced) -> float:
    """Length of all lines, by the size of the pixels."""
    steps = [np.diff(edge.points, axis=0) * found.part.pixel_size_m for edge in found.traced.graph.edges]
    return float(sum(np.linalg.norm(step, axis=1).sum() for step in steps)) / 1000
