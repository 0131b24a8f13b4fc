"""The worker under QGIS: it keeps warm, it may die or be killed, and it goes with the plugin."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProject
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QLabel

from road_extractor_plugin.engine.worker_pool import WorkerChoice
from road_extractor_plugin.plugin import RoadExtractorPlugin
from road_extractor_plugin.settings import load_settings, load_worker_choice, save_worker_choice

pytestmark = [
    pytest.mark.usefixtures("plugin"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"),
]

WITHOUT_A_RUNTIME = """#!{python}
import sys
sys.modules["onnxruntime"] = sys.modules["openvino"] = None
code = sys.argv[sys.argv.index("-c") + 1]
del sys.argv[1 : sys.argv.index("-c") + 2]
exec(code)
"""
BARE = """#!/bin/sh
exec {python} -S "$@"
"""


def worker_pids() -> list[int]:
    """Workers of this process, zombies among them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = stat.with_name("cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[1]) == os.getpid() and (b"engine.worker" in command or fields[0] == "Z"):
            found.append(int(stat.parent.name))
    return found


def group_count() -> int:
    return len(QgsProject.instance().layerTreeRoot().findGroups())


def test_the_worker_stays_warm_and_goes_with_the_plugin(
    desktop: Any, add_layer: Any, plugin: RoadExtractorPlugin
) -> None:
    assert worker_pids() == []
    add_layer()
    desktop.click()
    desktop.wait_until_idle()
    first = worker_pids()
    assert len(first) == 1
    desktop.press("run_button")
    desktop.wait_until_idle()
    assert worker_pids() == first
    plugin.unload()
    assert worker_pids() == []


def test_another_model_file_under_the_same_name_is_loaded(
    desktop: Any, add_layer: Any, network_file: Any, card_with: Any
) -> None:
    add_layer()
    desktop.click()
    desktop.wait_until_idle()
    path = load_settings().model
    assert path is not None
    network_file(path, card_with(name="the new one"))
    desktop.press("run_button")
    desktop.wait_until_idle()
    groups = QgsProject.instance().layerTreeRoot().findGroups()
    histories = {node.layer().metadata().history()[0] for node in groups[0].findLayers()}
    assert "the new one" in "".join(histories)


def test_qgis_itself_imports_none_of_the_engines_libraries(
    desktop: Any, add_layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_worker_choice(WorkerChoice(interpreter=Path(sys.executable)))
    for name in ("onnxruntime", "scipy", "skimage", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
    add_layer()
    desktop.click()
    desktop.wait_until_idle()
    assert "km of road" in desktop.messages()


def test_killed_in_mid_run(desktop: Any, add_layer: Any, output_folder: Path) -> None:
    add_layer(size_px=1500)
    desktop.click()
    desktop.wait_for_progress(5)
    os.kill(worker_pids()[0], signal.SIGKILL)
    desktop.wait_until_idle()
    assert "was killed (SIGKILL)" in desktop.messages()
    assert "run it again" in desktop.messages()
    assert group_count() == 0
    assert not list(output_folder.glob("*/[!.]*")), "but for what a run may go on from"
    desktop.press("run_button")
    desktop.wait_until_idle()
    assert group_count() == 1, desktop.messages()
    assert len(worker_pids()) == 1


def test_killed_between_runs(desktop: Any, add_layer: Any) -> None:
    add_layer()
    desktop.click()
    desktop.wait_until_idle()
    QTest.qWait(1000)  # the folder of a run bears the second
    os.kill(worker_pids()[0], signal.SIGKILL)
    desktop.press("run_button")
    desktop.wait_until_idle()
    assert group_count() == 2, desktop.messages()
    assert len(worker_pids()) == 1


def test_cancel_does_not_wait_for_a_stuck_worker(desktop: Any, add_layer: Any) -> None:
    add_layer(size_px=1500)
    desktop.click()
    desktop.wait_for_progress(5)
    os.kill(worker_pids()[0], signal.SIGSTOP)
    desktop.press("cancel_button")
    desktop.wait_until_idle()
    assert "Cancelled" in desktop.child(QLabel, "result_label").text()
    assert worker_pids() == []


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (WITHOUT_A_RUNTIME, "is not installed for this Python"),
        (BARE, "No module named 'numpy'"),
        ("#!/bin/sh\necho Welcome; exec sleep 60", "understood ('Welcome"),
        ("no program", "cannot be started"),
    ],
    ids=["no runtime", "no numpy", "prints", "no program"],
)
def test_a_python_that_will_not_do(desktop: Any, add_layer: Any, tmp_path: Path, script: str, told: str) -> None:
    python = tmp_path / "python-of-mine"
    python.write_text(script.format(python=sys.executable))
    python.chmod(0o755)
    save_worker_choice(WorkerChoice(interpreter=python))
    add_layer()
    desktop.click()
    desktop.wait_until_idle()
    assert told in desktop.messages()
    assert group_count() == 0
    assert worker_pids() == []
    save_worker_choice(WorkerChoice())
    desktop.press("run_button")
    desktop.wait_until_idle()
    assert group_count() == 1


def test_choice_survives_a_session(tmp_path: Path) -> None:
    choice = WorkerChoice(tmp_path / "python", load_worker_choice().environment, idle_s=90.0)
    save_worker_choice(choice)
    assert load_worker_choice() == choice
