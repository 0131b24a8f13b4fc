"""Loading and unloading."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable

from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QObject
from qgis.PyQt.QtWidgets import QAction, QDockWidget

from road_extractor_plugin import classFactory
from road_extractor_plugin.plugin import RoadExtractorPlugin


def inventory(window: QObject) -> Counter[str]:
    """The objects of a window by class."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return Counter(type(item).__name__ for item in window.findChildren(QObject))


def test_loads_what_the_user_sees(plugin: RoadExtractorPlugin, desktop: Any) -> None:
    assert [action.text() for action in desktop.tool_bar.actions()] == ["Extract roads"]
    (submenu,) = desktop.raster_menu.actions()
    assert [action.text() for action in submenu.menu().actions()] == ["Extract roads", "Show panel", "Engine set-up…"]
    (dock,) = desktop.window.findChildren(QDockWidget)
    assert dock.isHidden()
    assert not desktop.tool_bar.actions()[0].icon().isNull()
    assert len(QgsApplication.processingRegistry().providerById("road_extractor").algorithms()) == 4


def test_unload_leaves_nothing_behind(desktop: Any) -> None:
    plugin = classFactory(desktop)
    before = inventory(desktop.window)
    signals = QgsProject.instance().receivers(QgsProject.instance().cleared)
    for _ in range(3):
        plugin.initGui()
        plugin.unload()
    assert inventory(desktop.window) == before
    assert not desktop.tool_bar.actions()
    assert not desktop.raster_menu.actions()
    assert not desktop.window.findChildren(QDockWidget)
    assert QgsApplication.processingRegistry().providerById("road_extractor") is None
    assert not [a for a in desktop.window.findChildren(QAction) if a.objectName().startswith("road_extractor")]
    assert QgsProject.instance().receivers(QgsProject.instance().cleared) == signals


def test_show_panel(plugin: RoadExtractorPlugin, desktop: Any) -> None:
    desktop.child(QAction, "road_extractor_panel").trigger()
    assert not desktop.window.findChild(QDockWidget).isHidden()


def test_unload_in_mid_run(
    plugin: RoadExtractorPlugin, desktop: Any, add_layer: Callable[..., Any], held_run: Any
) -> None:
    add_layer()
    desktop.click()
    held_run.wait_until_running()
    plugin.unload()
    assert held_run.was_cancelled
    assert QDockWidget.__name__ not in inventory(desktop.window)


def test_package_imports_without_qgis(tmp_path: Path) -> None:
    code = "import sys; sys.modules['qgis'] = sys.modules['numpy'] = None; import road_extractor_plugin"
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_loading_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, road_extractor_plugin.plugin\n"
        "print(*sorted({'onnxruntime', 'scipy', 'skimage', 'torch'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    seen = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True)
    assert seen.stdout.strip() == ""


def test_unload_leaves_nothing_on_the_map(desktop: Any) -> None:
    canvas = desktop.mapCanvas()
    plugin = classFactory(desktop)
    items, listeners = len(canvas.scene().items()), canvas.receivers(canvas.extentsChanged)
    plugin.initGui()
    desktop.child_combo("area_combo").setCurrentText("Drawn rectangle")
    desktop.press("draw_button")
    assert canvas.mapTool() is not None
    plugin.unload()
    assert canvas.mapTool() is None
    assert len(canvas.scene().items()) == items
    assert canvas.receivers(canvas.extentsChanged) == listeners


def test_unload_while_imagery_is_awaited(
    plugin: RoadExtractorPlugin, desktop: Any, tile_service: Any, imagery_folders: Callable[[], int]
) -> None:
    layer = QgsRasterLayer(f"type=xyz&url={tile_service.template}&zmin=0&zmax=19", "Basemap", "wms")
    desktop.show(layer, QgsRectangle(0, 0, 1000, 1000))
    tile_service.delay_s = 60.0
    desktop.click()
    end_s = time.monotonic() + 60
    while not any(zoom == 18 for zoom, _, _ in tile_service.asked) and time.monotonic() < end_s:
        QCoreApplication.processEvents()
        time.sleep(0.01)
    start_s = time.monotonic()
    plugin.unload()
    assert time.monotonic() - start_s < 3
    assert imagery_folders() == 0
