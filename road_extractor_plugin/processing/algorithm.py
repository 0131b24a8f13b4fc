"""What the algorithms of the toolbox have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from road_extractor_plugin.contract.errors import Cancelled, RoadExtractorError
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.engine.worker_compute import WorkerCompute
from road_extractor_plugin.engine.worker_pool import WorkerPool
from road_extractor_plugin.settings import load_worker_choice

_ICON = Path(__file__).resolve().parents[1] / "resources" / "icons" / "road_extractor.svg"


class RoadAlgorithm(QgsProcessingAlgorithm):
    """An algorithm of the engine: its texts, and how an end that is no success is told.

    Subclasses give the texts and do their work in `run_engine`.

    Args:
        workers: What computes.
    """

    NAME = ""
    TITLE = ""
    HELP = ""
    TAGS: tuple[str, ...] = ()

    def __init__(self, workers: WorkerPool) -> None:
        super().__init__()
        self.workers = workers

    def createInstance(self) -> RoadAlgorithm:
        """QGIS runs a new one each time."""
        return type(self)(self.workers)

    def open_compute(self, request: ExtractRequest) -> WorkerCompute:
        """The model of a request, loaded in a worker."""
        compute = WorkerCompute(self.workers, load_worker_choice())
        compute.load(request)
        return compute

    def name(self) -> str:
        """For programs; never changes."""
        return self.NAME

    def displayName(self) -> str:
        """For people."""
        return tr(self.TITLE)

    def shortHelpString(self) -> str:
        """Beside the dialog."""
        return tr(self.HELP)

    def tags(self) -> list[str]:
        """What the toolbox finds it by."""
        return ["road", "street", "centerline", "network", "imagery", *self.TAGS]

    def icon(self) -> QIcon:
        """The plugin's."""
        return QIcon(str(_ICON))

    def add(self, *parameters: QgsProcessingParameterDefinition, advanced: bool = False) -> None:
        """Declare parameters; advanced ones are folded away in the dialog."""
        for parameter in parameters:
            if advanced:
                flag = QgsProcessingParameterDefinition.Flag.FlagAdvanced
                parameter.setFlags(parameter.flags() | flag)
            self.addParameter(parameter)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do the work, in a thread of QGIS, which shows any other exception with its traceback.

        Raises:
            QgsProcessingException: It went wrong; in plain words.
        """
        try:
            return self.run_engine(parameters, context, feedback)
        except Cancelled:
            return {}
        except RoadExtractorError as error:
            raise QgsProcessingException(str(error)) from error

    def run_engine(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do the work.

        Raises:
            RoadExtractorError: Something that the user can put right, or `Cancelled`.
        """
        raise NotImplementedError


class ToolFeedback:
    """`contract.feedback.Feedback` for an algorithm."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._stage = ""

    def progress(self, fraction: float, stage: str) -> None:
        """Move the bar; `fraction` is 0..1."""
        if stage != self._stage:
            self._stage = stage
            self._feedback.setProgressText(stage)
        self._feedback.setProgress(100 * fraction)

    def warning(self, text: str) -> None:
        """Write to the algorithm's log."""
        self._feedback.pushWarning(text)

    def is_cancelled(self) -> bool:
        """Whether the user pressed Cancel."""
        return bool(self._feedback.isCanceled())


def tr(text: str) -> str:
    """Translate a text of the algorithms."""
    return QCoreApplication.translate("RoadAlgorithm", text)
