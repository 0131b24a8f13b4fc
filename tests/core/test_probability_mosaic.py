"""Probability rasters side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import pytest

from road_extractor_plugin.contract.raster_coding import NODATA
from road_extractor_plugin.core.probability_mosaic import ProbabilityMosaic, Scene, common_grid, groups_that_touch

UTM = (500_000.0, 1.0, 0.0, 6_000_000.0, 0.0, -1.0)


@pytest.fixture
def scene(raster: Callable[..., Path]) -> Callable[..., Scene]:
    """A maker of probability rasters: (values or shape, column, row, name)."""

    def make(values: np.ndarray, column: float, row: float, name: str, crs: str = "EPSG:32633") -> Scene:
        place = (UTM[0] + column, 1.0, 0.0, UTM[3] - row, 0.0, -1.0)
        found = Scene.of_file(raster(values[None], f"{name}.tif", geotransform=place, nodata=NODATA, crs=crs))
        assert found is not None
        return found

    return make


def flat(value: int, height: int = 40, width: int = 60) -> np.ndarray:
    return np.full((height, width), value, dtype=np.uint8)


def test_one_raster_is_itself(scene: Callable[..., Scene]) -> None:
    values = np.random.default_rng(0).integers(0, 256, (50, 70), dtype=np.uint8)
    only = scene(values, 0, 0, "only")
    grid = common_grid([only])
    assert grid == only.grid
    assert np.array_equal(ProbabilityMosaic([only], grid).read(0, 50), values)


def test_cut_into_pieces_and_put_together(scene: Callable[..., Scene]) -> None:
    values = np.random.default_rng(1).integers(0, 256, (90, 120), dtype=np.uint8)
    pieces = [
        scene(values[row : row + 45, column : column + 50], column, row, f"{row}_{column}")
        for row in (45, 0)
        for column in (70, 35, 0)
    ]
    grid = common_grid(pieces)
    assert (grid.height_px, grid.width_px) == values.shape
    mosaic = ProbabilityMosaic(pieces, grid)
    strips = [mosaic.read(start, min(start + 13, 90)) for start in range(0, 90, 13)]
    assert np.array_equal(np.concatenate(strips), values)


def test_one_fades_into_the_other(scene: Callable[..., Scene]) -> None:
    west, east = scene(flat(200), 0, 0, "west"), scene(flat(100), 30, 0, "east")
    row = ProbabilityMosaic([west, east], common_grid([west, east])).read(20, 21)[0]
    assert row[:30].tolist() == [200] * 30
    assert row[-30:].tolist() == [100] * 30
    across = row[29:61].astype(int)
    assert (np.diff(across) <= 0).all()
    assert np.abs(np.diff(across)).max() <= 8


def test_nodata_of_one_leaves_the_other(scene: Callable[..., Scene]) -> None:
    one, other = scene(flat(NODATA), 0, 0, "one"), scene(flat(80), 0, 0, "other")
    assert (ProbabilityMosaic([one, other], one.grid).read(0, 40) == 80).all()


def test_what_none_covers_is_nodata(scene: Callable[..., Scene]) -> None:
    one, other = scene(flat(10), 0, 0, "one"), scene(flat(20), 100, 60, "other")
    values = ProbabilityMosaic([one, other], common_grid([one, other])).read(0, 100)
    assert (values[:40, 60:] == NODATA).all()
    assert (values[40:60] == NODATA).all()
    assert (values[60:, 100:] == 20).all()


@pytest.mark.parametrize(
    ("places", "groups"),
    [
        ([(0, 0), (60, 0)], ["01"]),
        ([(0, 0), (61, 0)], ["01"]),
        ([(0, 0), (63, 0)], ["0", "1"]),
        ([(0, 0), (100, 0), (50, 10)], ["012"]),
        ([(500, 0), (0, 0), (530, 20), (0, 39)], ["02", "13"]),
    ],
    ids=["side by side", "a pixel apart", "three pixels apart", "joined by the last", "two groups"],
)
def test_groups(scene: Callable[..., Scene], places: list[tuple[int, int]], groups: list[str]) -> None:
    scenes = [scene(flat(0), column, row, str(number)) for number, (column, row) in enumerate(places)]
    found = [[one.path.stem for one in group] for group in groups_that_touch(scenes)]
    assert ["".join(names) for names in found] == groups


def test_half_a_pixel_aside_is_interpolated(scene: Callable[..., Scene]) -> None:
    ramp = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (40, 1))
    first, second = scene(flat(NODATA), 0, 0, "first"), scene(ramp, 0.5, 0, "second")
    row = ProbabilityMosaic([first, second], common_grid([first, second])).read(20, 21)[0]
    assert row[5:55].tolist() == [4 * column - 2 for column in range(5, 55)]


def test_without_crs_it_lies_nowhere(raster: Callable[..., Path]) -> None:
    assert Scene.of_file(raster(flat(0)[None], crs=None, geotransform=None)) is None
