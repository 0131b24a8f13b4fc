"""What QGIS loads and unloads."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QLocale, Qt, QTranslator
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction

from road_extractor_plugin.engine.worker_pool import WorkerPool
from road_extractor_plugin.gui.area_controller import AreaController
from road_extractor_plugin.gui.batch_controller import BatchController
from road_extractor_plugin.gui.dock import RoadExtractorDock
from road_extractor_plugin.gui.extract_controller import ExtractController
from road_extractor_plugin.gui.results_controller import ResultsController
from road_extractor_plugin.gui.setup_controller import SetupController
from road_extractor_plugin.gui.threshold_controller import ThresholdController
from road_extractor_plugin.processing.provider import RoadExtractorProvider

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

_RESOURCES = Path(__file__).resolve().parent / "resources"
_ICON = _RESOURCES / "icons" / "road_extractor.svg"
_TRANSLATIONS = _RESOURCES / "i18n"


class RoadExtractorPlugin:
    """Adds actions and the dock to QGIS, and takes them away again.

    What `initGui` makes is registered with its undoing at once; `unload` undoes it all, the last first.
    """

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface
        self._undo = ExitStack()
        self._workers = WorkerPool()

    def initProcessing(self) -> None:
        """Put the algorithms into the toolbox; QGIS calls this, without a window too (`qgis_process`)."""
        self._translate()
        self._workers = WorkerPool()  # anew, because `unload` closes it
        self._undo.callback(self._workers.close)
        registry, provider = QgsApplication.processingRegistry(), RoadExtractorProvider(self._workers)
        registry.addProvider(provider)
        self._undo.callback(registry.removeProvider, provider)

    def initGui(self) -> None:
        """Make everything that the user sees; QGIS calls this."""
        self.initProcessing()
        dock = self._add_dock()
        controller = ExtractController(self._iface, dock, self._workers)
        self._undo.callback(controller.close)
        self._undo.callback(AreaController(self._iface.mapCanvas(), dock).close)
        batch = BatchController(self._iface, dock, self._workers)
        self._undo.callback(batch.close)
        threshold = ThresholdController(self._iface, dock, self._workers)
        self._undo.callback(threshold.close)
        results = ResultsController(self._iface, dock)
        self._undo.callback(results.close)
        controller.extracted.connect(results.remember)
        threshold.applied.connect(results.remember)
        batch.ended.connect(results.remember_batch)
        setup = SetupController(self._iface, self._workers)
        self._undo.callback(setup.close)
        controller.engine_missing.connect(setup.show)
        extract = self._add_action("road_extractor_extract", _tr("Extract roads"), controller.run_active_layer)
        extract.setToolTip(_tr("Extract roads from the active raster layer, in the visible extent"))
        self._iface.addToolBarIcon(extract)
        self._undo.callback(self._iface.removeToolBarIcon, extract)
        self._add_action("road_extractor_panel", _tr("Show panel"), lambda: dock.setUserVisible(True))
        self._add_action("road_extractor_setup", _tr("Engine set-up…"), setup.show)

    def unload(self) -> None:
        """Undo `initGui`, and stop a run that is on; QGIS calls this."""
        self._undo.close()

    def _translate(self) -> None:
        """Speak the language of QGIS, where there is a translation."""
        translator = QTranslator()
        if translator.load(QLocale(QgsApplication.locale()), "road_extractor", "_", str(_TRANSLATIONS)):
            QCoreApplication.installTranslator(translator)
            self._undo.callback(QCoreApplication.removeTranslator, translator)

    def _add_dock(self) -> RoadExtractorDock:
        dock = RoadExtractorDock(self._iface.mainWindow())
        self._undo.callback(dock.deleteLater)
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        self._undo.callback(self._iface.removeDockWidget, dock)
        # QGIS shows it again at start-up where the user left it open.
        dock.hide()
        return dock

    def _add_action(self, name: str, text: str, act: Callable[[], object]) -> QAction:
        """An entry of the plugin's part of the Raster menu."""
        action = QAction(QIcon(str(_ICON)), text, self._iface.mainWindow())
        self._undo.callback(action.deleteLater)
        action.setObjectName(name)
        action.triggered.connect(act)
        menu = _tr("Road Extractor")
        self._iface.addPluginToRasterMenu(menu, action)
        self._undo.callback(self._iface.removePluginRasterMenu, menu, action)
        return action


def _tr(text: str) -> str:
    return QCoreApplication.translate("RoadExtractorPlugin", text)
