"""Starting, watching and stopping a run."""

from __future__ import annotations

import time
from html import escape

from qgis.PyQt.QtCore import QUrl, pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QWidget

from road_extractor_plugin.bridge.numbers import filled
from road_extractor_plugin.contract.result import ExtractResult
from road_extractor_plugin.gui.colours import Tone

_EARLIEST_ESTIMATE = 0.02
"""Fraction of a run before which its speed says nothing."""
_MINUTES_FROM_S = 90


class RunPanel(QWidget):
    """Two buttons, the progress, and what came of it."""

    run_clicked = pyqtSignal()
    cancel_clicked = pyqtSignal()
    fetch_missing_clicked = pyqtSignal()
    resume_clicked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("run_panel")
        self.run_button = QPushButton(self.tr("&Run"), self)
        self.run_button.setObjectName("run_button")
        self.run_button.clicked.connect(self.run_clicked)
        self.cancel_button = QPushButton(self.tr("&Cancel"), self)
        self.cancel_button.setObjectName("cancel_button")
        self.cancel_button.clicked.connect(self.cancel_clicked)
        self.progress_bar = QProgressBar(self)
        self.progress_bar.setObjectName("progress_bar")
        self.progress_bar.setAccessibleName(self.tr("Progress"))
        self.stage_label = QLabel(self)
        self.stage_label.setObjectName("stage_label")
        self.result_label = QLabel(self)
        self.result_label.setObjectName("result_label")
        self.result_label.setWordWrap(True)
        self.result_label.setOpenExternalLinks(True)
        self.fetch_missing_button = QPushButton(self.tr("&Fetch missing imagery again"), self)
        self.fetch_missing_button.setObjectName("fetch_missing_button")
        self.fetch_missing_button.setToolTip(
            self.tr("Fetches only the tiles that are missing, and looks for roads once more with them")
        )
        self.fetch_missing_button.clicked.connect(self.fetch_missing_clicked)
        self.fetch_missing_button.hide()
        self.resume_button = QPushButton(self)
        self.resume_button.setObjectName("resume_button")
        self.resume_button.setToolTip(
            self.tr("Goes on where the run was stopped; what is finished is not computed again")
        )
        self.resume_button.clicked.connect(self.resume_clicked)
        self.show_resumable(None)
        self._stage = ""
        self._waiting = 0
        self._started_s = 0.0
        self._lay_out()
        self.show_stopped()

    def _lay_out(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.run_button, 0, 0)
        layout.addWidget(self.cancel_button, 0, 1)
        for row, widget in enumerate(
            (self.progress_bar, self.stage_label, self.result_label, self.fetch_missing_button, self.resume_button),
            start=1,
        ):
            layout.addWidget(widget, row, 0, 1, 2)

    def show_started(self) -> None:
        """A run has begun."""
        self._started_s = time.monotonic()
        self._stage = self.tr("Starting")
        self.run_button.setToolTip(self.tr("Starts when the run that is on is done"))
        self.cancel_button.setEnabled(True)
        self.result_label.clear()
        self.fetch_missing_button.hide()
        self.progress_bar.show()
        self.stage_label.show()
        self.show_progress(0.0)

    def show_stage(self, stage: str) -> None:
        """The run does something else now; one that was asked to stop only stops."""
        if self.cancel_button.isEnabled():
            self._stage = stage
            self.show_progress(self.progress_bar.value())

    def show_progress(self, percent: float) -> None:
        """The run is so far, 0..100."""
        self.progress_bar.setValue(int(percent))
        remaining = self._remaining(percent / 100)
        waiting = self.tr("{} waiting").format(self._waiting) if self._waiting else ""
        self.stage_label.setText(" · ".join(part for part in (self._stage, remaining, waiting) if part))

    def show_waiting(self, runs: int) -> None:
        """So many runs come after this one."""
        self._waiting = runs
        self.show_progress(self.progress_bar.value())

    def show_cancelling(self) -> None:
        """The run was asked to stop."""
        self.cancel_button.setEnabled(False)
        self._stage = self.tr("Stopping")
        self.show_progress(self.progress_bar.value())

    def show_stopped(self) -> None:
        """No run is on."""
        self.run_button.setToolTip("")
        self.cancel_button.setEnabled(False)
        self.progress_bar.hide()
        self.stage_label.hide()

    def show_resumable(self, finished: float | None) -> None:
        """A run was stopped of which so much is finished, 0..1; None: there is none to go on with."""
        self.resume_button.setVisible(finished is not None)
        self.resume_button.setText(self.tr("Res&ume the stopped run ({} % done)").format(int(100 * (finished or 0))))

    def show_message(self, text: str) -> None:
        """Say in plain words what came of the run."""
        self.result_label.setText(escape(text))

    def show_result(self, result: ExtractResult) -> None:
        """Say what was found, on what, where it is, and what to be wary of."""
        folder = QUrl.fromLocalFile(str(result.paths.folder)).toString()
        colour = Tone.LINK.on(self.palette()).name()
        link = f'<a href="{escape(folder)}" style="color: {colour}">{escape(self.tr("Open the folder"))}</a>'
        device = result.report.device
        ran_on = self.tr("{device}, {runtime}: {reason}").format(
            device=device.name, runtime=device.runtime, reason=device.reason
        )
        lines = [escape(self.summary(result)), link, escape(ran_on), *map(escape, result.report.warnings)]
        self.result_label.setText("<br>".join(lines))
        imagery = result.report.imagery
        self.fetch_missing_button.setVisible(imagery is not None and imagery.missing > 0)

    def summary(self, result: ExtractResult) -> str:
        """A run in one line."""
        report = result.report
        return filled(
            self.tr("{length:.2f} km of road in {area:.2f} km², {seconds:.0f} s on {device}"),
            length=report.roads.length_km,
            area=report.area_km2,
            seconds=report.seconds["total"],
            device=report.device.name,
        )

    def _remaining(self, fraction: float) -> str:
        if fraction < _EARLIEST_ESTIMATE:
            return ""
        seconds = (time.monotonic() - self._started_s) * (1 - fraction) / fraction
        if seconds < _MINUTES_FROM_S:
            return filled(self.tr("about {:.0f} s left"), seconds)
        return filled(self.tr("about {:.0f} min left"), seconds / 60)
