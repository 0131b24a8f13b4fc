"""A fresh QGIS profile, the plugin's zip, and a QGIS without the libraries that the network needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PROGRAM = shutil.which("qgis.bin") or shutil.which("qgis")
NO_NETWORK = ("unshare", "--net", "--map-root-user")

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(PROGRAM is None, reason="QGIS is not installed"),
    pytest.mark.skipif("DISPLAY" not in os.environ, reason="no screen: run under xvfb-run"),
]


def download_wheels(folder: Path) -> None:
    """What a user does on a computer with a connection."""
    packages = ("numpy", "scipy", "scikit-image", "onnxruntime>=1.17")
    command = ["/usr/bin/python3", "-m", "venv", str(folder / "pip")]
    subprocess.run(command, check=True)
    download = [str(folder / "pip" / "bin" / "python"), "-m", "pip", "download", "-q", "-d", str(folder / "wheels")]
    subprocess.run([*download, *packages], check=True)


@pytest.fixture(params=["from the registry", "from wheels, without a network"])
def seen(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """What the script in QGIS wrote down."""
    wheels = "" if request.param == "from the registry" else str(tmp_path / "wheels")
    if wheels:
        download_wheels(tmp_path)
    subprocess.run([sys.executable, ROOT / "tools" / "build_plugin.py", "package"], check=True)
    (package,) = (ROOT / "build").glob("road_extractor_plugin-*.zip")
    profile = tmp_path / "qgis" / "profiles" / "fresh"
    zipfile.ZipFile(package).extractall(profile / "python" / "plugins")
    settings = profile / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f"[PythonPlugins]\nroad_extractor_plugin=true\n[road_extractor]\noutput_folder={tmp_path / 'results'}\n"
    )
    report = tmp_path / "seen.json"
    task = {"image": str(ROOT / "examples" / "csk_01.tif"), "report": str(report), "wheels": wheels}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment.pop("QT_QPA_PLATFORM", None)
    environment.update(HOME=str(tmp_path), ROAD_EXTRACTOR_TEST=json.dumps(task), PYTHONNOUSERSITE="1")
    arguments = ["--noversioncheck", "--nologo", "--profiles-path", str(tmp_path / "qgis"), "--profile", "fresh"]
    command = [str(PROGRAM), *arguments, "--code", str(HERE / "drive_first_minutes.py")]
    subprocess.run([*(NO_NETWORK if wheels else ()), *command], env=environment, timeout=1500, check=True, cwd=tmp_path)
    return dict(json.loads(report.read_text(encoding="utf-8")))


@pytest.mark.timeout(1800)
def test_installed_used_broken_repaired(seen: dict[str, Any]) -> None:
    assert "failure" not in seen, seen["failure"]
    assert seen["asked"]
    assert "not installed" in seen["state_before"]
    assert "Successfully installed" in seen["installed"]
    assert "pass" in seen["installed"]
    assert "onnxruntime" in seen["state"]
    assert "km of road" in seen["first"]
    assert "km of road" not in seen["broken"]
    assert "onnxruntime" in seen["explained"]
    assert "km of road" in seen["repaired"]
    assert seen["python_after"] == seen["python_before"]
    assert not seen["python_after"]["onnxruntime"]
