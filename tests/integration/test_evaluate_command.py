"""As a user I compare what was found with what is there, and each figure says how it was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest


@pytest.fixture
def masks(tmp_path: Path, raster: Callable[..., Path]) -> tuple[Path, Path]:
    """A road of 8 pixels, and one that lies 2 pixels beside it."""
    paths = []
    for name, top in (("found", 50), ("truth", 52)):
        image = np.zeros((1, 120, 200), dtype=np.uint8)
        image[:, top : top + 8, :] = 1
        paths.append(raster(tmp_path / f"{name}.tif", image))
    return paths[0], paths[1]


def figures(report: Any) -> dict[str, float]:
    return {name: value for part in report["figures"] for name, value in part["values"].items()}


def test_masks(command: Any, masks: tuple[Path, Path]) -> None:
    run = command("evaluate", *masks, "--json")
    assert run.status == 0, run.err
    assert figures(run.report)["iou"] == pytest.approx(6 / 10)
    assert all(part["protocol"] for part in run.report["figures"])


def test_readable(command: Any, masks: tuple[Path, Path]) -> None:
    run = command("evaluate", *masks)
    assert run.status == 0, run.err
    assert "0.6000" in run.out


def test_a_network_against_itself(tmp_path: Path, raster: Callable[..., Path], command: Any, tiny_model: Path) -> None:
    image = np.full((3, 256, 320), 30, dtype=np.uint8)
    image[:, 100:109, :] = 235
    image[:, :, 150:159] = 235
    path = raster(tmp_path / "town.tif", image)
    assert command("extract", path, "-o", tmp_path / "out", "--model", tiny_model).status == 0
    roads = tmp_path / "out" / "town_roads.gpkg"
    run = command("evaluate", roads, roads, "--json")
    assert run.status == 0, run.err
    assert all(value == pytest.approx(1.0) for value in figures(run.report).values())


def test_unlike_things(command: Any, tmp_path: Path, masks: tuple[Path, Path]) -> None:
    lines = tmp_path / "lines.geojson"
    lines.write_text('{"type": "FeatureCollection", "features": []}')
    run = command("evaluate", masks[0], lines)
    assert run.status == 2
    assert run.err.startswith("error: ")
