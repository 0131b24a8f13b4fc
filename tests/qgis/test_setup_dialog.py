"""The engine set-up, used as a user does, with wheels that stand in for the real packages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QPushButton

from road_extractor_plugin.bridge.network_proxy import proxy_url
from road_extractor_plugin.engine import environment
from road_extractor_plugin.engine.engine_kind import EngineKind
from road_extractor_plugin.gui import setup_controller
from road_extractor_plugin.gui.setup_dialog import SetupDialog
from road_extractor_plugin.plugin import RoadExtractorPlugin
from road_extractor_plugin.settings import load_worker_choice

STAND_INS = ("numpy", "scipy", "scikit-image", "onnxruntime")


@pytest.fixture
def dialog(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, desktop: Any, tiny_model: Path, wait: Callable[..., None]
) -> Any:
    """The dialog, opened from the menu, for an environment in a folder of the test."""
    kind = EngineKind("stand-ins", "Stand-ins", STAND_INS, 1, 2)
    monkeypatch.setattr(setup_controller, "environment_folder", lambda: tmp_path / "profile" / "environment")
    monkeypatch.setattr(setup_controller, "kinds_for", lambda _: (kind,))
    monkeypatch.setattr(environment, "_self_test", lambda folder, listener: listener.line("pass"))
    plugin = RoadExtractorPlugin(desktop)
    plugin.initGui()
    desktop.child(QAction, "road_extractor_setup").trigger()
    dialog = desktop.child(SetupDialog, "setup_dialog")
    wait(dialog.close_button.isEnabled)
    yield dialog
    plugin.unload()


def press(dialog: SetupDialog, name: str) -> None:
    QTest.mouseClick(dialog.findChild(QPushButton, name), Qt.MouseButton.LeftButton)


def test_install_test_remove(
    dialog: SetupDialog, stand_in_wheels: Path, tmp_path: Path, wait: Callable[..., None]
) -> None:
    search_path, modules = list(sys.path), {name: sys.modules.get(name) for name in ("numpy", "scipy")}
    assert "not installed" in dialog.state_label.text()
    assert "2 MB on the disk" in dialog.size_label.text()
    assert not dialog.test_button.isEnabled()
    dialog.wheels_radio.click()
    press(dialog, "setup_install")
    assert "Choose the folder" in dialog.state_label.text()
    dialog.wheels_widget.setFilePath(str(stand_in_wheels))
    press(dialog, "setup_install")
    assert not dialog.close_button.isEnabled()
    wait(dialog.close_button.isEnabled, 120)
    assert "onnxruntime 1.0" in dialog.state_label.text()
    assert "Successfully installed" in dialog.log_box.toPlainText()
    press(dialog, "setup_test")
    wait(lambda: "computes correctly" in dialog.state_label.text())
    press(dialog, "setup_copy")
    assert "onnxruntime" in QgsApplication.clipboard().text()
    wait(dialog.remove_button.isEnabled)
    press(dialog, "setup_remove")
    wait(lambda: "removed" in dialog.state_label.text())
    assert not (tmp_path / "profile" / "environment").exists()
    assert sys.path == search_path
    assert {name: sys.modules.get(name) for name in modules} == modules


def test_a_failure_is_said(dialog: SetupDialog, stand_in_wheels: Path, wait: Callable[..., None]) -> None:
    (stand_in_wheels / "scipy-1.0-py3-none-any.whl").unlink()
    dialog.wheels_radio.click()
    dialog.wheels_widget.setFilePath(str(stand_in_wheels))
    press(dialog, "setup_install")
    wait(dialog.close_button.isEnabled, 120)
    assert "scipy" in dialog.state_label.text()


def test_a_python_of_ones_own(dialog: SetupDialog) -> None:
    dialog.python_radio.click()
    assert dialog.install_button.text() == "&Use it"
    press(dialog, "setup_install")
    assert "Choose the Python" in dialog.state_label.text()
    dialog.python_widget.setFilePath(sys.executable)
    press(dialog, "setup_install")
    assert load_worker_choice().interpreter == Path(sys.executable)


def test_a_click_without_an_engine_opens_the_set_up(
    monkeypatch: pytest.MonkeyPatch,
    plugin: RoadExtractorPlugin,
    desktop: Any,
    add_layer: Callable[..., Any],
    wait: Callable[..., None],
) -> None:
    monkeypatch.setattr(setup_controller.importlib.util, "find_spec", lambda name: None)
    add_layer()
    desktop.click()
    dialog = desktop.child(SetupDialog, "setup_dialog")
    assert dialog.isVisible()
    assert desktop.is_idle()
    wait(dialog.close_button.isEnabled)


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, None),
        ({"proxyEnabled": False, "proxyType": "HttpProxy", "proxyHost": "p"}, None),
        ({"proxyEnabled": True, "proxyType": "DefaultProxy", "proxyHost": "p"}, None),
        ({"proxyEnabled": True, "proxyType": "HttpProxy", "proxyHost": "p", "proxyPort": 3128}, "http://p:3128"),
        (
            {
                "proxyEnabled": True,
                "proxyType": "Socks5Proxy",
                "proxyHost": "p",
                "proxyUser": "a",
                "proxyPassword": "b@c",
            },
            "socks5://a:b%40c@p",
        ),
    ],
    ids=["none", "switched off", "the system's", "http", "socks with a password"],
)
def test_the_proxy_of_qgis(settings: dict[str, Any], url: str | None) -> None:
    for name, value in settings.items():
        QgsSettings().setValue(f"proxy/{name}", value)
    assert proxy_url() == url
    QgsSettings().remove("proxy")
