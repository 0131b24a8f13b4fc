"""Keeps the dock's estimate true while the user looks around, and lets a rectangle be drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QObject, QTimer

from road_extractor_plugin.contract.errors import RoadExtractorError
from road_extractor_plugin.gui.dock import RoadExtractorDock
from road_extractor_plugin.gui.estimate import describe, describe_size, is_large
from road_extractor_plugin.gui.job import plan_job
from road_extractor_plugin.gui.rectangle_tool import RectangleTool
from road_extractor_plugin.settings import AreaChoice, load_speed_mpx_s

if TYPE_CHECKING:
    from qgis.core import QgsRectangle
    from qgis.gui import QgsMapCanvas

_PAUSE_MS = 300
"""Without a change, before the estimate is made anew."""


class AreaController(QObject):
    """Between the map and the part of the dock that says where roads are sought."""

    def __init__(self, canvas: QgsMapCanvas, dock: RoadExtractorDock) -> None:
        super().__init__(dock)
        self._canvas = canvas
        self._dock = dock
        self._tool = RectangleTool(canvas, self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._show_estimate)
        form = dock.form
        form.area_picker.draw_clicked.connect(self._tool.start)
        self._tool.drawn.connect(self._on_drawn)
        form.area_picker.changed.connect(self._on_area_changed)
        canvas.extentsChanged.connect(self._timer.start)
        form.layer_combo.layerChanged.connect(lambda _: self._timer.start())
        form.model_combo.currentIndexChanged.connect(lambda _: self._timer.start())
        dock.visibilityChanged.connect(lambda _: self._timer.start())

    def close(self) -> None:
        """Leave nothing on the map."""
        self._timer.stop()
        self._canvas.extentsChanged.disconnect(self._timer.start)
        self._tool.close()

    def _on_drawn(self, rectangle: QgsRectangle) -> None:
        self._dock.form.area_picker.show_rectangle(rectangle, self._canvas.mapSettings())

    def _on_area_changed(self) -> None:
        self._tool.show(shown=self._dock.form.area_picker.choice() is AreaChoice.RECTANGLE)
        self._timer.start()

    def _show_estimate(self) -> None:
        form = self._dock.form
        layer, card = form.layer(), form.model_combo.card()
        if layer is None or card is None or self._dock.isHidden():
            form.estimate_label.show_text("")
            return
        try:
            area = form.area_picker.area(layer, self._canvas.mapSettings())
            job = plan_job(layer, area, form.settings(), card, Path())
        except RoadExtractorError as error:
            form.estimate_label.show_warning(str(error))
            return
        show = form.estimate_label.show_warning if is_large(job) else form.estimate_label.show_text
        words = describe_size if job.imagery.lattice is None else describe  # of a file the form tells the resolution
        show(words(job, load_speed_mpx_s()))
