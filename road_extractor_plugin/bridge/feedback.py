"""How the engine talks to a task of QGIS."""

from __future__ import annotations

from typing import Callable

from qgis.core import Qgis, QgsTask

from road_extractor_plugin.bridge.log import log


class TaskFeedback:
    """Implements `contract.feedback.Feedback` for the thread of a task."""

    def __init__(self, task: QgsTask, tell_stage: Callable[[str], None]) -> None:
        self._task = task
        self._tell_stage = tell_stage

    def progress(self, fraction: float, stage: str) -> None:
        """Move the task's progress; `fraction` is 0..1 of the whole job."""
        self._tell_stage(stage)
        self._task.setProgress(100 * fraction)

    def warning(self, text: str) -> None:
        """Write to the log of QGIS, which may be done from any thread."""
        log(text, Qgis.MessageLevel.Warning)

    def is_cancelled(self) -> bool:
        """Whether the user, the closing of QGIS or the unloading of the plugin wants the task to stop."""
        return bool(self._task.isCanceled())
