"""Workers are killed at any moment, again and again: QGIS stays unharmed, says what happened, and goes on."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProject
from qgis.PyQt.QtTest import QTest

from road_extractor_plugin.core.unfinished import has_strips

ROUNDS = 50
LONGEST_WAIT_S = 0.7
"""Most runs take longer where the worker has to start first, and about half as long where it is there."""
SHARE_OF_COLD_RUNS = 0.5
SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM)

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), pytest.mark.usefixtures("plugin")]


def children() -> dict[int, str]:
    """Processes that this one has started, and their states."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[1]) == os.getpid():
            found[int(stat.parent.name)] = fields[0]
    return found


def length_m() -> float:
    (lines,) = QgsProject.instance().mapLayersByName("Centre-lines")
    return sum(line["length_m"] for line in lines.getFeatures())


def kill(pids: Any, choices: random.Random) -> None:
    for pid in pids:
        os.kill(pid, choices.choice(SIGNALS))


@pytest.fixture
def clicked(desktop: Any, add_layer: Any) -> Any:
    """Clicks on a fresh project."""

    def click() -> None:
        desktop.active = None
        QgsProject.instance().clear()
        for texts in desktop.messageBar().messages.values():
            texts.clear()
        time.sleep(1)  # the folder of a run bears the second
        add_layer(size_px=600)
        desktop.click()

    return click


def test_50_random_kills(desktop: Any, clicked: Any, plugin: Any, output_folder: Path) -> None:
    choices = random.Random(0)
    others = set(children())
    killed = told = 0
    for _ in range(ROUNDS):
        if choices.random() < SHARE_OF_COLD_RUNS:
            kill(set(children()) - others, choices)
        clicked()
        QTest.qWait(int(1000 * choices.uniform(0, LONGEST_WAIT_S)))
        killed += not desktop.is_idle()
        kill(set(children()) - others, choices)
        desktop.wait_until_idle()
        told += "engine's process" in desktop.messages()
        assert "unexpected" not in desktop.messages()
        for kept in output_folder.rglob(".*"):  # what the network has finished stays, for **Resume**
            assert has_strips(kept), "nothing half-written"
            assert not (kept / "outputs").exists()
        clicked()
        desktop.wait_until_idle()
        assert length_m() == pytest.approx(600, abs=10), desktop.messages()
    print(f"{killed} of {ROUNDS} in mid-run, {told} runs failed with a message")
    assert told >= ROUNDS / 4
    plugin.unload()
    assert set(children()) == others
