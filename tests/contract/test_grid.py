"""Tiles and windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.grid import AxisTiles, TileGrid, Window, round_up

AXES = st.integers(1, 40).flatmap(
    lambda tile: st.builds(AxisTiles, st.integers(1, 300), st.just(tile), st.integers(0, tile - 1))
)


@given(AXES)
def test_tiles_cover_the_axis_and_overlap_enough(axis: AxisTiles) -> None:
    starts = np.array(axis.starts)
    assert starts[0] == 0
    steps = np.diff(starts)
    assert (steps > 0).all()
    assert (steps <= axis.tile_px - axis.overlap_px).all()
    assert starts[-1] + axis.tile_px >= axis.length_px
    # Only an axis shorter than a tile is overhung.
    assert starts[-1] + axis.tile_px == max(axis.length_px, axis.tile_px)


@pytest.mark.parametrize(
    ("length", "tile", "overlap", "starts"),
    [
        pytest.param(100, 100, 20, (0,), id="exactly one"),
        pytest.param(30, 100, 20, (0,), id="smaller than a tile"),
        pytest.param(101, 100, 20, (0, 1), id="one pixel more"),
        pytest.param(260, 100, 20, (0, 80, 160), id="fits"),
        pytest.param(261, 100, 20, (0, 80, 160, 161), id="last moved back"),
    ],
)
def test_starts(length: int, tile: int, overlap: int, starts: tuple[int, ...]) -> None:
    assert AxisTiles(length, tile, overlap).starts == starts


@pytest.mark.parametrize(
    ("length", "tile", "overlap"),
    [
        pytest.param(10, 8, 8, id="no step"),
        pytest.param(0, 8, 0, id="no pixels"),
        pytest.param(9, 8, -1, id="gap"),
    ],
)
def test_impossible_axes(length: int, tile: int, overlap: int) -> None:
    with pytest.raises(RequestError):
        AxisTiles(length, tile, overlap)


def test_small_rasters_get_small_tiles() -> None:
    tiles = TileGrid.plan(100, 300, tile_px=512, overlap_px=64, multiple_of=32)
    assert (tiles.rows.tile_px, tiles.columns.tile_px) == (128, 320)
    assert tiles.tile_count == 1


@given(st.integers(1, 2000), st.integers(1, 8), st.integers(0, 31), st.sampled_from([1, 8, 32]))
def test_planned_tiles_are_few_and_small(length: int, units: int, overlap: int, multiple: int) -> None:
    largest = 32 * units
    axis = TileGrid.plan(length, length, tile_px=largest, overlap_px=overlap, multiple_of=multiple).columns
    assert axis.tile_px <= max(largest, round_up(length, multiple))
    assert axis.tile_px % multiple == 0
    if length > largest:
        assert len(axis.starts) == len(AxisTiles(length, largest, overlap).starts)


@pytest.mark.parametrize(
    ("height", "width", "tiles"),
    [
        pytest.param(1000, 1000, (1, 1, 1024, 1024), id="one stays alone"),
        pytest.param(1500, 1500, (2, 2, 768, 768), id="even already"),
        pytest.param(3000, 3000, (4, 3, 768, 1024), id="one row more"),
        pytest.param(3000, 1000, (4, 1, 768, 1024), id="of one column"),
        pytest.param(1000, 3000, (2, 3, 512, 1024), id="of one row"),
        pytest.param(3024, 15024, (3, 15, 1024, 1024), id="too much for a tile of many"),
    ],
)
def test_no_tile_is_left_without_a_second_one(height: int, width: int, tiles: tuple[int, int, int, int]) -> None:
    plan = TileGrid.plan(height, width, tile_px=1024, overlap_px=24, multiple_of=256)
    rows, columns = plan.rows, plan.columns
    assert (len(rows.starts), len(columns.starts), rows.tile_px, columns.tile_px) == tiles


@pytest.mark.parametrize("height", [1, 31, 32, 33])
def test_a_raster_as_low_as_the_overlap_is_planned_too(height: int) -> None:
    plan = TileGrid.plan(height, 192, tile_px=64, overlap_px=32, multiple_of=32)
    assert len(plan.columns.starts) == 5
    assert len(plan.rows.starts) == 1


def test_overlap_factor_counts_what_is_computed() -> None:
    tiles = TileGrid.plan(1500, 1500, tile_px=512, overlap_px=72, multiple_of=32)
    assert (tiles.tile_count, tiles.rows.tile_px) == (16, 448)
    assert tiles.overlap_factor == pytest.approx((4 * 448 / 1500) ** 2)


def test_row_windows_run_from_west_to_east() -> None:
    tiles = TileGrid.plan(64, 100, tile_px=64, overlap_px=8, multiple_of=32)
    assert tiles.row_windows(0) == (Window(0, 0, 64, 64), Window(0, 36, 64, 64))


def test_tile_must_suit_the_network() -> None:
    with pytest.raises(RequestError, match="multiple of 32"):
        TileGrid.plan(100, 100, tile_px=100, overlap_px=8, multiple_of=32)


@pytest.mark.parametrize(("length", "expected"), [(1, 32), (32, 32), (33, 64), (0, 32)])
def test_round_up(length: int, expected: int) -> None:
    assert round_up(length, 32) == expected


WINDOWS = st.builds(Window, *[st.integers(-9, 9)] * 2, *[st.integers(0, 9)] * 2)


@given(WINDOWS, WINDOWS)
def test_intersection_is_that_of_the_pixels(first: Window, second: Window) -> None:
    def pixels(window: Window) -> set[tuple[int, int]]:
        rows, columns = (
            range(window.row, window.row + window.height),
            range(window.column, window.column + window.width),
        )
        return {(row, column) for row in rows for column in columns}

    both = first.intersection(second)
    assert pixels(both) == pixels(first) & pixels(second)
    assert both.is_empty == (not pixels(both))
