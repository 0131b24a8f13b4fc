"""`qgis_process`, with the plugin installed into a fresh profile: roads without a window."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Callable

import pytest

ROOT = Path(__file__).resolve().parents[2]


def program() -> str | None:
    """The program itself: Debian's wrapper gives it an option that it does not know."""
    return shutil.which("qgis_process.bin") or shutil.which("qgis_process")


pytestmark = pytest.mark.skipif(program() is None, reason="qgis_process is not installed")

Tool = Callable[..., Any]


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """Run an algorithm: (name, **parameters) -> its results."""
    profile = tmp_path / "profile"
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "QGIS_PROFILE_PATH": str(profile),
        "QGIS_PLUGINPATH": str(profile / "python" / "plugins"),
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "QT_QPA_PLATFORM": "offscreen",
    }
    for name in ("XDG_DATA_HOME", "QGIS_CUSTOM_CONFIG_PATH"):  # pytest-qgis sets the latter, to a folder that stays
        environment.pop(name, None)
    subprocess.run([sys.executable, ROOT / "tools" / "build_plugin.py", "install"], env=environment, check=True)
    command = [str(program()), "--json"]
    subprocess.run(
        [*command, "plugins", "enable", "road_extractor_plugin"], env=environment, check=True, capture_output=True
    )

    def run(name: str, **parameters: object) -> Any:
        arguments = [f"{key}={value}" for key, value in parameters.items()]
        done = subprocess.run(
            [*command, "run", f"road_extractor:{name}", "--", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["results"]

    return run


def test_each_algorithm(tool: Tool, tmp_path: Path) -> None:
    image = ROOT / "examples" / "csk_01.tif"
    lines, probability, mask = (tmp_path / name for name in ("lines.gpkg", "p.tif", "m.tif"))
    extent = "102530,103030,870000,870500 [EPSG:26986]"
    found = tool("extract", INPUT=image, EXTENT=extent, CENTERLINES=lines, PROBABILITY=probability, MASK=mask)
    assert found["LENGTH_KM"] > 0.5
    assert lines.exists()
    again = tool("vectorize", INPUT=probability, CENTERLINES=tmp_path / "again.gpkg")
    assert again["LENGTH_KM"] == pytest.approx(found["LENGTH_KM"], rel=1e-9)
    assert tool("evaluate", PREDICTION=mask, REFERENCE=mask)["iou"] == 1.0
    folder = tmp_path / "images"
    folder.mkdir()
    shutil.copy(image, folder)
    batch = tool("batch", FOLDER=folder, OUTPUT_FOLDER=tmp_path / "out", THRESHOLD=0.5)
    assert (batch["DONE"], batch["FAILED"]) == (1, 0)
    assert (tmp_path / "out" / "merged_roads.gpkg").exists()
