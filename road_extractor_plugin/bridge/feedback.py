"""How the engine talks to a task of QGIS."""

from __future__ import annotations

from typing import Callable

from qgis.core import Qgis, QgsTask
from qgis.PyQt.QtCore import QCoreApplication

from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.bridge.numbers import filled


class TaskFeedback:
    """Implements `contract.feedback.Feedback` for the thread of a task."""

    def __init__(self, task: QgsTask, tell_stage: Callable[[str], None]) -> None:
        self._task = task
        self._tell_stage = tell_stage
        self._stage = self._imagery = ""

    def progress(self, fraction: float, stage: str) -> None:
        """Move the task's progress; `fraction` is 0..1 of the whole job."""
        self._stage = stage
        self._tell()
        self._task.setProgress(100 * fraction)

    def imagery(self, fetched: int, wanted: int) -> None:
        """Tell how many tiles of a basemap are there."""
        is_all = fetched == wanted
        self._imagery = "" if is_all else filled(_tr("{:,} of {:,} tiles of imagery"), fetched, wanted)
        self._tell()

    def warning(self, text: str) -> None:
        """Write to the log of QGIS, which may be done from any thread."""
        log(text, Qgis.MessageLevel.Warning)

    def is_cancelled(self) -> bool:
        """Whether the user, the closing of QGIS or the unloading of the plugin wants the task to stop."""
        return bool(self._task.isCanceled())

    def _tell(self) -> None:
        self._tell_stage(" · ".join(part for part in (self._stage, self._imagery) if part))


def _tr(text: str) -> str:
    return QCoreApplication.translate("feedback", text)
