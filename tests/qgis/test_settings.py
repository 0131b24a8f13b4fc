"""Settings survive a session."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsSettings

from road_extractor_plugin.bridge.output_folder import default_output_folder, run_folder
from road_extractor_plugin.settings import AreaChoice, Settings, load_settings, load_speed_mpx_s, save_settings


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(AreaChoice.LAYER, Path("/models/a b.onnx"), 0.35, "rural", Path("/results")),
    ],
    ids=["defaults", "all chosen"],
)
def test_round_trip(settings: Settings) -> None:
    save_settings(settings)
    assert load_settings() == settings


@pytest.mark.parametrize("text", ["much", "7", "-0.2", "0", "nan"])
def test_nonsense_is_left_to_the_default(text: str) -> None:
    for key in ("area", "threshold", "preset", "speed_mpx_s"):
        QgsSettings().setValue(f"road_extractor/{key}", text)
    assert load_settings() == Settings()
    assert load_speed_mpx_s() == (7 if text == "7" else None)


def test_default_output_folder_is_beside_the_project(tmp_path: Path) -> None:
    project = QgsProject.instance()
    assert default_output_folder(project).name == "road_extractor"
    assert project.write(str(tmp_path / "town.qgs"))
    assert default_output_folder(project) == tmp_path / "road_extractor"


@pytest.mark.parametrize(
    ("layer_name", "folder"),
    [("scene", "scene"), ("Größe 1:500 / b", "Größe_1_500_b"), ("../..", "raster"), ("", "raster")],
    ids=["plain", "signs", "only signs", "empty"],
)
def test_run_folder(layer_name: str, folder: str) -> None:
    start = datetime(2024, 2, 3, 4, 5, 6).astimezone()
    assert run_folder(Path("out"), layer_name, start) == Path("out") / f"{folder}_20240203_040506"
