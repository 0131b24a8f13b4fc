"""The QGIS desktop itself, on a virtual screen: the built plugin, the example image, one click."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from typing import Any, Callable

import pytest
from osgeo import gdal

from road_extractor_plugin.engine.models import bundled_models

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SCREENSHOTS = ROOT / "build" / "screenshots"
IMAGE = ROOT / "examples" / "csk_01.tif"
LAYERS = ["Nodes", "Centre-lines", "Road polygons", "Road mask", "Road probability"]
HALF_WORLD, ZOOM = 20_037_508.342789244, 17
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
def drive(profile: Path, tmp_path: Path, tiny_model: Path) -> Callable[..., dict[str, Any]]:
    """Clicks the button on a layer: (name, layer, extent) -> what the script in QGIS wrote down."""
    model = bundled_models()[0] if bundled_models() else tiny_model
    settings = profile / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir()
    settings.write_text(
        "[PythonPlugins]\nroad_extractor_plugin=true\n"
        f"[road_extractor]\nmodel={model}\noutput_folder={tmp_path / 'results'}\n",
        encoding="utf-8",
    )

    def run(name: str, layer: list[str], extent: list[float]) -> dict[str, Any]:
        report = tmp_path / "seen.json"
        task = {"name": name, "layer": layer, "extent": extent, "screenshots": str(SCREENSHOTS), "report": str(report)}
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
        command = [program, *arguments, "--code", str(HERE / "drive.py")]
        subprocess.run(command, env=environment, timeout=280, check=True, cwd=tmp_path)
        return json.loads(report.read_text(encoding="utf-8"))

    return run


def check(seen: dict[str, Any], name: str) -> None:
    """What holds for each run."""
    assert "failure" not in seen, seen["failure"]
    assert seen["loaded"]
    log = "\n".join(f"{page} ({level}): {text}" for text, page, level in seen["log"])
    assert seen["running"], log
    assert "km of road" in seen["result"], log
    assert seen["unfolded"]
    assert seen["menu"]
    assert seen["left_behind"] == []
    assert {f"{name}_running.png", f"{name}_done.png"} <= {path.name for path in SCREENSHOTS.iterdir()}


def test_one_click_on_the_desktop(drive: Callable[..., dict[str, Any]]) -> None:
    seen = drive("extract", [str(IMAGE), "Example"], [])
    check(seen, "extract")
    assert seen["groups"] == {"Roads: csk_01": LAYERS}
    assert [entry for entry in seen["log"] if _is_trouble(*entry)] == []


def test_one_click_on_a_basemap(drive: Callable[..., dict[str, Any]], tile_service: Any) -> None:
    lock = threading.Lock()

    def example(zoom: int, column: int, row: int, tile_px: int) -> Any:
        """The example image where it lies in the world."""
        side = 2 * HALF_WORLD / 2**zoom
        west, north = column * side - HALF_WORLD, HALF_WORLD - row * side
        with lock:
            tile = gdal.Warp(
                "",
                str(IMAGE),
                format="MEM",
                dstSRS="EPSG:3857",
                outputBounds=(west, north - side, west + side, north),
                width=tile_px,
                height=tile_px,
                resampleAlg="bilinear",
            )
        return tile.ReadAsArray()[:3]

    tile_service.paint = example
    tile_service.delay_s = 0.05
    warped = gdal.Warp("", str(IMAGE), format="MEM", dstSRS="EPSG:3857")
    west, pixel, _, north, _, _ = warped.GetGeoTransform()
    middle = west + pixel * warped.RasterXSize / 2, north - pixel * warped.RasterYSize / 2
    side = 2 * HALF_WORLD / 2**ZOOM
    gap = ZOOM, int((middle[0] + HALF_WORLD) // side), int((HALF_WORLD - middle[1]) // side)
    tile_service.failures[gap] = [404]
    extent = [middle[0] - 500, middle[1] - 500, middle[0] + 500, middle[1] + 500]
    source = f"type=xyz&url={tile_service.template}&zmin=0&zmax=19"
    seen = drive("basemap", [source, "Orthophoto", "wms"], extent)
    check(seen, "basemap")
    ((name, layers),) = seen["groups"].items()
    assert name.startswith("Roads: Orthophoto_20")
    assert layers == ["Missing imagery", *LAYERS]
    assert "1 of" in seen["result"]
    assert "missing" in seen["result"]
    print(f"longest wait {seen['longest_wait_s']:.2f} s, {seen['programs_per_processor']:.1f} programs per processor")
    assert seen["longest_wait_s"] < 0.2 * seen["programs_per_processor"]


def _is_trouble(text: str, page: str, level: int) -> bool:
    ours = page in ("Road Extractor", "Plugins", "Python warning") or "road_extractor" in text or "Traceback" in text
    return ours and WARNING <= level < SUCCESS
