"""Blending: no seam, no gap, no dependence on the order of tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_extractor_plugin.compute.blend import TileBlender, axis_weights
from road_extractor_plugin.contract.grid import AxisTiles, TileGrid


@st.composite
def axes(draw: st.DrawFn) -> tuple[AxisTiles, int]:
    """An axis and a margin that fits its overlap."""
    tile = draw(st.integers(2, 48))
    overlap = draw(st.integers(0, tile - 1))
    return AxisTiles(draw(st.integers(1, 400)), tile, overlap), draw(st.integers(0, overlap // 2))


def blend(
    tiles: TileGrid, margin_px: int, image: np.ndarray, left_out: frozenset[tuple[int, int]] = frozenset()
) -> np.ndarray:
    """Cut an image (padded to the tiles' reach) into tiles and blend them again."""
    blender = TileBlender(tiles, margin_px)
    blended = np.full((tiles.rows.length_px, tiles.columns.length_px), np.nan, dtype=np.float32)
    for row in range(len(tiles.rows.starts)):
        for column, window in enumerate(tiles.row_windows(row)):
            if (row, column) in left_out:
                blender.leave_out(row, column)
                continue
            block = blender.add(row, column, image[window.slices])
            assert np.isnan(blended[block.window.slices]).all(), "finished twice"
            blended[block.window.slices] = block.values
    return blended


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


@given(axes(), axes(), st.data())
def test_what_is_left_out_changes_nothing_elsewhere(
    rows: tuple[AxisTiles, int], columns: tuple[AxisTiles, int], data: st.DataObject
) -> None:
    tiles, margin = TileGrid(rows[0], columns[0]), min(rows[1], columns[1])
    places = [(row, column) for row in range(len(tiles.rows.starts)) for column in range(len(tiles.columns.starts))]
    left_out = frozenset(data.draw(st.lists(st.sampled_from(places), max_size=4)))
    shape = [axis.starts[-1] + axis.tile_px for axis in (tiles.rows, tiles.columns)]
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    counts = np.ones(image.shape, dtype=bool)
    for row, column in left_out:
        counts[tiles.row_windows(row)[column].slices] = False
    counts = counts[: tiles.rows.length_px, : tiles.columns.length_px]
    blended = blend(tiles, margin, image, left_out)
    np.testing.assert_array_equal(blended[counts], blend(tiles, margin, image)[counts])


def test_blocks_are_the_weighted_sum_over_the_whole_raster() -> None:
    tiles, margin = TileGrid.plan(300, 410, tile_px=128, overlap_px=40, multiple_of=32), 12
    predictions = np.random.default_rng(4).random((len(tiles.rows.starts), len(tiles.columns.starts), 128, 128))
    weights = [axis_weights(axis, margin) for axis in (tiles.rows, tiles.columns)]
    expected = np.zeros([axis.starts[-1] + axis.tile_px for axis in (tiles.rows, tiles.columns)])
    blender, blended = TileBlender(tiles, margin), np.zeros((300, 410))
    for row, column in np.ndindex(predictions.shape[:2]):
        window = tiles.row_windows(row)[column]
        prediction = predictions[row, column, : window.height, : window.width].astype(np.float32)
        expected[window.slices] += prediction * np.outer(weights[0][row], weights[1][column])
        block = blender.add(row, column, prediction)
        blended[block.window.slices] = block.values
    np.testing.assert_allclose(blended, expected[:300, :410], atol=1e-6)
