"""The QGIS desktop itself, on a virtual screen: the built plugin, the example image, one click."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from road_extractor_plugin.engine.models import bundled_models

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SCREENSHOTS = ROOT / "build" / "screenshots"
WARNING = 1
"""`Qgis.MessageLevel.Warning`; critical is above, but so is success."""
SUCCESS = 3


def qgis_program() -> str | None:
    """The program itself: Debian's wrapper adds options of its own."""
    return shutil.which("qgis.bin") or shutil.which("qgis")


pytestmark = [
    pytest.mark.skipif(qgis_program() is None, reason="QGIS is not installed"),
    pytest.mark.skipif("DISPLAY" not in os.environ, reason="no screen: run under xvfb-run"),
]


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A fresh profile with the plugin installed as a user would, and enabled."""
    folder = tmp_path / "qgis" / "profiles" / "demo"
    subprocess.run(
        [sys.executable, ROOT / "tools" / "build_plugin.py", "install"],
        env={**os.environ, "QGIS_PROFILE_PATH": str(folder)},
        check=True,
    )
    return folder


@pytest.fixture
def seen(profile: Path, tmp_path: Path, tiny_model: Path) -> dict[str, Any]:
    """What the script in QGIS wrote down."""
    model = bundled_models()[0] if bundled_models() else tiny_model
    settings = profile / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir()
    settings.write_text(
        "[PythonPlugins]\nroad_extractor_plugin=true\n"
        f"[road_extractor]\nmodel={model}\noutput_folder={tmp_path / 'results'}\n",
        encoding="utf-8",
    )
    report = tmp_path / "seen.json"
    task = {"image": str(ROOT / "examples" / "csk_01.tif"), "screenshots": str(SCREENSHOTS), "report": str(report)}
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PYQGIS_STARTUP": str(HERE / "watch_log.py"),
        "ROAD_EXTRACTOR_TEST": json.dumps(task),
    }
    environment.pop("QT_QPA_PLATFORM", None)
    program = qgis_program()
    assert program is not None
    arguments = ["--noversioncheck", "--nologo", "--profiles-path", str(tmp_path / "qgis"), "--profile", "demo"]
    subprocess.run(
        [program, *arguments, "--code", str(HERE / "drive.py")], env=environment, timeout=280, check=True, cwd=tmp_path
    )
    return json.loads(report.read_text(encoding="utf-8"))


def test_one_click_on_the_desktop(seen: dict[str, Any]) -> None:
    assert "failure" not in seen, seen["failure"]
    assert seen["loaded"]
    log = "\n".join(f"{page} ({level}): {text}" for text, page, level in seen["log"])
    assert seen["running"], log
    assert "km of road" in seen["result"], log
    assert seen["groups"] == {
        "Roads: csk_01": ["Nodes", "Centre-lines", "Road polygons", "Road mask", "Road probability"]
    }
    assert seen["unfolded"]
    assert seen["menu"]
    assert seen["left_behind"] == []
    assert {"extract_running.png", "extract_done.png"} <= {path.name for path in SCREENSHOTS.iterdir()}
    assert [entry for entry in seen["log"] if _is_trouble(*entry)] == []


def _is_trouble(text: str, page: str, level: int) -> bool:
    ours = page in ("Road Extractor", "Plugins", "Python warning") or "road_extractor" in text or "Traceback" in text
    return ours and WARNING <= level < SUCCESS
