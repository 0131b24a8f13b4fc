"""Work on the engine's environment in the background of QGIS."""

from __future__ import annotations

import traceback
from typing import Callable

from qgis.core import Qgis, QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.contract.errors import Cancelled, RoadExtractorError
from road_extractor_plugin.engine.subprocess_lines import Listener

Work = Callable[[Listener], str]
"""Does something, tells of it line by line, and gives a sentence on what came of it."""


class SetupTask(QgsTask):
    """Makes, checks or removes the environment; implements `Listener` for the programs that do it."""

    said = pyqtSignal(str)
    """A line for the log."""
    done = pyqtSignal(str)
    """It went well; a sentence."""
    failed = pyqtSignal(str)
    """It did not; in plain words."""

    def __init__(self, title: str, work: Work) -> None:
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._work = work
        self._sentence = ""
        self._problem = ""

    def line(self, text: str) -> None:
        """See `Listener.line`."""
        self.said.emit(text)

    def is_cancelled(self) -> bool:
        """See `Listener.is_cancelled`."""
        return bool(self.isCanceled())

    def run(self) -> bool:
        """Do the work, in a thread of the task manager; QGIS calls this."""
        try:
            self._sentence = self._work(self)
        except Cancelled:
            self._problem = self.tr("Cancelled. Nothing was installed.")
        except RoadExtractorError as error:
            self._problem = str(error)
        except Exception as error:  # noqa: BLE001  (an exception must not leave a thread of QGIS)
            log(traceback.format_exc(), Qgis.MessageLevel.Critical)
            self._problem = self.tr("Something unexpected happened ({}).").format(type(error).__name__)
        return not self._problem

    def finished(self, result: bool) -> None:  # noqa: FBT001  (as QGIS calls it)
        """Tell how it ended; QGIS calls this in the thread of the widgets."""
        if result:
            self.done.emit(self._sentence)
        else:
            self.failed.emit(self._problem)
