"""The figures of a stored network, against sums made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.contract.errors import OutputError
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.road_graph import BRIDGED, DETECTED, RoadEdge, RoadGraph
from road_extractor_plugin.core.geopackage import write_roads
from road_extractor_plugin.core.road_statistics import read_statistics


def line(start: int, confidence: float, origin: str = DETECTED, width_px: float = 4.0) -> tuple[Any, RoadEdge]:
    """100 px to the east, in a row of its own."""
    points = np.array([[0.5, start + 0.5], [100.5, start + 0.5]])
    return points, RoadEdge(2 * start, 2 * start + 1, points, width_px, confidence, confidence, origin)


def stored(path: Path, grid: Callable[..., Grid], *lines: tuple[Any, RoadEdge]) -> Path:
    nodes = np.concatenate([points for points, _ in lines]) if lines else np.zeros((0, 2))
    write_roads(path, RoadGraph(nodes, tuple(edge for _, edge in lines)), (), grid(200, 200))
    return path


def test_sums(tmp_path: Path, grid: Callable[..., Grid]) -> None:
    lines = (
        line(0, 0.1),
        line(1, 0.5, BRIDGED),
        line(2, 0.7, width_px=10.0),
        line(3, 0.85),
        line(4, 1.0),
    )
    found = read_statistics(stored(tmp_path / "roads.gpkg", grid, *lines))
    assert found.lines == found.components == 5
    unit_km = found.length_km / 5
    assert found.class_km == pytest.approx([unit_km, unit_km, unit_km, 2 * unit_km]), (
        "a limit belongs to the class above"
    )
    assert found.bridged_share == pytest.approx(0.2)
    pixel_m = found.mean_width_m / 5.2
    assert unit_km * 1000 == pytest.approx(100 * pixel_m, rel=0.01), "4, 4, 10, 4 and 4 px are 5.2 in the mean"


def test_no_roads(tmp_path: Path, grid: Callable[..., Grid]) -> None:
    found = read_statistics(stored(tmp_path / "roads.gpkg", grid))
    assert found.length_km == found.mean_width_m == found.bridged_share == 0
    assert found.class_km == (0, 0, 0, 0)


@pytest.mark.parametrize("content", [None, b"no database"], ids=["gone", "damaged"])
def test_no_network(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "roads.gpkg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OutputError, match=r"roads\.gpkg"):
        read_statistics(path)
