"""The network in the GeoPackage is one that routes: checked on the file, apart from the code that made it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osgeo import gdal
from scipy import ndimage

from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.road_graph import RoadEdge, RoadGraph
from road_extractor_plugin.contract.trace_settings import PRESETS, TraceSettings
from road_extractor_plugin.core.geopackage import write_roads
from tests.road_file import RoadFile

EXAMPLE = Path(__file__).parents[2] / "examples" / "csk_01_reference.tif"
SETTINGS = TraceSettings(Thresholds(high=0.5, low=0.3))
LOOSE = {"min_spur_m": 0.0, "min_component_m": 0.0, "min_area_m2": 0.0, "max_hole_m2": 0.0}
BOLD = {"max_gap_turn_deg": 0.0, "min_gap_probability": 0.0}
COARSE = {"simplify_m": 6.0}

MakeGrid = Callable[..., Grid]


@st.composite
def drawn_networks(draw: st.DrawFn) -> npt.NDArray[np.uint8]:
    """Straight roads and rings of any width on rough ground, with gaps in them and some nodata."""
    height, width = draw(st.integers(20, 130)), draw(st.integers(20, 130))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ground = ndimage.gaussian_filter(random.standard_normal((height, width)), draw(st.floats(0.3, 5.0)))
    field = ground / np.abs(ground).max() * draw(st.floats(0.0, 1.0))
    y, x = np.mgrid[:height, :width] + 0.5
    for _ in range(draw(st.integers(0, 7))):
        offset_x, offset_y = x - random.uniform(0, width), y - random.uniform(0, height)
        angle = random.uniform(0, np.pi)
        straight = np.abs(offset_x * np.cos(angle) + offset_y * np.sin(angle))
        ring = np.abs(np.hypot(offset_x, offset_y) - random.uniform(3, 50))
        field += random.uniform(0.3, 1.0) * ((ring if random.random() < 0.3 else straight) < random.uniform(0.5, 6))
    for _ in range(draw(st.integers(0, 6))):
        gap = np.hypot(x - random.uniform(0, width), y - random.uniform(0, height)) < random.uniform(2, 12)
        field[gap] *= random.uniform(0, 0.4)
    stored = np.clip(field * 254, 0, 254).astype(np.uint8)
    if draw(st.booleans()):
        stored[random.integers(0, height) :, random.integers(0, width) :] = 255
    return stored


def faults(folder: Path, probability: npt.NDArray[np.uint8], chosen: TraceSettings, grid: Grid, rows: int) -> list[str]:
    """What is wrong with the file that is made of a probability raster, worked on in strips of so many rows."""
    traced = trace(ArrayRows(probability), chosen, grid.pixel_size_m, strip_rows=rows)
    write_roads(folder / "roads.gpkg", traced.graph, (), grid)
    found = RoadFile.read(folder / "roads.gpkg").faults()
    (folder / "roads.gpkg").unlink()
    return found


@given(drawn_networks(), st.sampled_from([{}, LOOSE, BOLD, COARSE, *PRESETS.values()]), st.sampled_from([0.3, 1, 3]))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_drawn_networks_are_clean(
    tmp_path: Path, grid: MakeGrid, probability: Any, changes: dict[str, float], pixel_m: float
) -> None:
    place = grid(*probability.shape, geotransform=(500_000.0, pixel_m, 0.0, 6_000_000.0, 0.0, -pixel_m))
    chosen = dataclasses.replace(SETTINGS, **changes)
    assert faults(tmp_path, probability, chosen, place, rows=29) == []


@pytest.mark.parametrize("changes", [{}, BOLD, COARSE], ids=["default", "bold bridges", "coarse"])
def test_the_example_is_clean_in_degrees(tmp_path: Path, grid: MakeGrid, changes: dict[str, float]) -> None:
    """The reference mask with holes of low probability in it, so that there are gaps to bridge."""
    mask = gdal.Open(str(EXAMPLE)).ReadAsArray()[:700, :900] > 0
    rough = ndimage.gaussian_filter(np.random.default_rng(4).standard_normal(mask.shape), 5)
    probability = np.where(mask, np.where(rough > np.quantile(rough, 0.1), 250, 40), 5).astype(np.uint8)
    place = grid(*mask.shape, crs="EPSG:4326", geotransform=(-71.1, 1.2e-5, 0.0, 42.5, 0.0, -9e-6))
    chosen = dataclasses.replace(SETTINGS, **changes)
    traced = trace(ArrayRows(probability), chosen, place.pixel_size_m)
    write_roads(tmp_path / "roads.gpkg", traced.graph, (), place)
    found = RoadFile.read(tmp_path / "roads.gpkg")
    assert len(found.roads) > 40
    assert sum(road["origin"] == "bridged" for road in found.roads) > 3
    assert sum(road["crossing"] for road in found.roads) == 0
    assert found.faults() == []


# Lines between the corners of a square, what is wrong with them, and whether they are flagged as crossing.
WRONG = [
    pytest.param([[0, 2], [1, 3]], ["roads 1 and 2 meet"], id="two lines cross"),
    pytest.param([[0, 2], [2, 0]], ["roads 1 and 2 meet"], id="a line twice"),
    pytest.param([[0, 1], [0, 4]], ["roads 1 and 2 meet"], id="a line on another"),
    pytest.param([[0, 1], [4, 2]], ["roads 1 and 2 meet"], id="a line ends on the side of another"),
    pytest.param([[0, 2, 1, 3]], ["road 1 meets itself"], id="a line crosses itself"),
    pytest.param([[0, 1], [1, 2]], ["node 2 divides a road"], id="a road in two pieces"),
    pytest.param([[0, 1, 1, 2]], ["road 1 has a part without length"], id="a point twice"),
    pytest.param([[0, 1], [1, 2], [1, 3]], [], id="a Y"),
    pytest.param([[0, 1, 2, 0]], [], id="a ring"),
]


@pytest.mark.parametrize(("lines", "expected"), WRONG)
def test_the_check_finds_what_is_wrong(
    tmp_path: Path, grid: MakeGrid, lines: list[list[int]], expected: list[str]
) -> None:
    corners = np.array([[10, 10], [10, 40], [40, 40], [40, 10], [10, 20]]) + 0.5
    used = sorted({end for line in lines for end in (line[0], line[-1])})
    edges = tuple(RoadEdge(used.index(line[0]), used.index(line[-1]), corners[line], 5.0, 1.0, 1.0) for line in lines)
    path = tmp_path / "roads.gpkg"
    write_roads(path, RoadGraph(corners[used], edges), (), grid(50, 50))
    found = RoadFile.read(path).faults()
    assert [fault.split(":")[0] for fault in found][-1:] == expected


def test_a_line_off_its_node_is_found(tmp_path: Path, grid: MakeGrid) -> None:
    edge = RoadEdge(0, 1, np.array([[1.0, 1.0], [5.0, 5.0]]), 5.0, 1.0, 1.0)
    write_roads(tmp_path / "roads.gpkg", RoadGraph(np.array([[1.0, 1.0], [5.0, 5.001]]), (edge,)), (), grid(9, 9))
    (fault,) = RoadFile.read(tmp_path / "roads.gpkg").faults()
    assert fault.startswith("road 1 ends at")
