"""Blending: no seam, no gap, no dependence on the order of tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_extractor_plugin.compute.blend import StripBlender, axis_weights
from road_extractor_plugin.contract.grid import AxisTiles, TileGrid


@st.composite
def axes(draw: st.DrawFn) -> tuple[AxisTiles, int]:
    """An axis and a margin that fits its overlap."""
    tile = draw(st.integers(2, 48))
    overlap = draw(st.integers(0, tile - 1))
    return AxisTiles(draw(st.integers(1, 400)), tile, overlap), draw(st.integers(0, overlap // 2))


def blend(tiles: TileGrid, margin_px: int, image: np.ndarray) -> np.ndarray:
    """Cut an image (padded to the tiles' reach) into tiles and blend them again."""
    blender = StripBlender(tiles, margin_px)
    strips = []
    for row in range(len(tiles.rows.starts)):
        cut = {
            column: image[window.row : window.row + window.height, window.column : window.column + window.width]
            for column, window in enumerate(tiles.row_windows(row))
        }
        strips.append(blender.add_row(cut))
    return np.concatenate(strips)


@given(axes())
def test_weights_add_up_to_one(case: tuple[AxisTiles, int]) -> None:
    axis, margin = case
    total = np.zeros(axis.starts[-1] + axis.tile_px)
    for start, weight in zip(axis.starts, axis_weights(axis, margin)):
        assert (weight >= 0).all()
        total[start : start + axis.tile_px] += weight
    np.testing.assert_allclose(total, 1.0, atol=1e-6)


def test_margins_have_no_weight_but_at_the_edges() -> None:
    weights = axis_weights(AxisTiles(100, 60, 20), 6)
    assert (weights[0, -6:] == 0).all()
    assert (weights[1, :6] == 0).all()
    assert (weights[0, :40] == 1).all()
    assert (weights[1, 20:] == 1).all()


@given(axes(), axes(), st.integers(0, 2**32 - 1))
def test_blending_cut_tiles_gives_the_image_back(
    rows: tuple[AxisTiles, int], columns: tuple[AxisTiles, int], seed: int
) -> None:
    tiles = TileGrid(rows[0], columns[0])
    margin = min(rows[1], columns[1])
    shape = [axis.starts[-1] + axis.tile_px for axis in (tiles.rows, tiles.columns)]
    image = np.random.default_rng(seed).random(shape, dtype=np.float32)
    blended = blend(tiles, margin, image)
    expected = image[: tiles.rows.length_px, : tiles.columns.length_px]
    assert blended.shape == expected.shape
    # Up to 48 x 48 tiles of float32 add up at one pixel here; in use there are at most 3 x 3.
    np.testing.assert_allclose(blended, expected, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_constant_stays_constant(value: float) -> None:
    tiles = TileGrid.plan(500, 700, tile_px=128, overlap_px=40, multiple_of=32)
    image = np.full((600, 800), value, dtype=np.float32)
    np.testing.assert_allclose(blend(tiles, 16, image), value, atol=1e-6)


def test_order_of_tiles_changes_nothing() -> None:
    tiles = TileGrid.plan(64, 400, tile_px=64, overlap_px=30, multiple_of=32)
    random = np.random.default_rng(3)
    row = {column: random.random((64, 64), dtype=np.float32) for column in range(len(tiles.columns.starts))}
    backwards = dict(reversed(list(row.items())))
    np.testing.assert_array_equal(StripBlender(tiles, 4).add_row(row), StripBlender(tiles, 4).add_row(backwards))


def test_a_tile_left_out_counts_as_zero() -> None:
    tiles = TileGrid.plan(32, 96, tile_px=32, overlap_px=0, multiple_of=32)
    ones = np.ones((32, 32), dtype=np.float32)
    blended = StripBlender(tiles, 0).add_row({0: ones, 2: ones})
    assert blended[:, :32].min() == 1
    assert blended[:, 32:64].max() == 0
    assert blended[:, 64:].min() == 1
