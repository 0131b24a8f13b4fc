"""The toolbox entry of the plugin."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from road_extractor_plugin.engine.worker_pool import WorkerPool
from road_extractor_plugin.processing.batch_algorithm import BatchAlgorithm
from road_extractor_plugin.processing.evaluate_algorithm import EvaluateAlgorithm
from road_extractor_plugin.processing.extract_algorithm import ExtractAlgorithm
from road_extractor_plugin.processing.vectorize_algorithm import VectorizeAlgorithm

_ICON = Path(__file__).resolve().parents[1] / "resources" / "icons" / "road_extractor.svg"


class RoadExtractorProvider(QgsProcessingProvider):
    """Offers the engine to the toolbox, the model builder and `qgis_process`."""

    def __init__(self, workers: WorkerPool) -> None:
        super().__init__()
        self._workers = workers

    def id(self) -> str:
        """Prefix of the algorithms' names."""
        return "road_extractor"

    def name(self) -> str:
        """As shown."""
        return "Road Extractor"

    def icon(self) -> QIcon:
        """The plugin's."""
        return QIcon(str(_ICON))

    def loadAlgorithms(self) -> None:
        """QGIS calls this."""
        for algorithm in (ExtractAlgorithm, VectorizeAlgorithm, BatchAlgorithm, EvaluateAlgorithm):
            self.addAlgorithm(algorithm(self._workers))
