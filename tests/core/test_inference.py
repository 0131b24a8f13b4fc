"""Tiled equals untiled, constants stay constant, and neither blocks nor tiles leave a trace."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from road_extractor_plugin.compute.blend import TileBlender
from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.normalise import normalise
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.grid import TileGrid, TileRows, Window
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.result import Device
from road_extractor_plugin.core.inference import inferred, plan_tiles
from road_extractor_plugin.core.stopwatch import Stopwatch


class ArraySource:
    """A raster in memory; nothing is valid beyond its edges."""

    def __init__(self, image: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_] | None = None) -> None:
        self.image = image
        self.valid = np.ones(image.shape[1:], dtype=bool) if valid is None else valid

    def read(self, window: Window) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        pixels = np.zeros((len(self.image), window.height, window.width), dtype=np.uint8)
        valid = np.zeros((window.height, window.width), dtype=bool)
        rows, columns = self.image.shape[1:]
        inside = window.intersection(Window(0, 0, rows, columns))
        here = np.s_[inside.row : inside.row + inside.height, inside.column : inside.column + inside.width]
        there = np.s_[: inside.height, : inside.width]
        pixels[(slice(None), *there)] = self.image[(slice(None), *here)]
        valid[there] = self.valid[here]
        return pixels, valid


class ConstantCompute(LocalCompute):
    """Answers every tile with one value."""

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.full((len(tiles), *tiles.shape[2:]), 0.37, dtype=np.float32)


class BatchCompute(LocalCompute):
    """Takes some tiles at once, and keeps how many it was given."""

    def __init__(self, path: Path, card: ModelCard, batch_tiles: int) -> None:
        super().__init__(path, card, device="cpu")
        self.batch_tiles = batch_tiles
        self.counts: list[int] = []

    @property
    def device(self) -> Device:
        return dataclasses.replace(super().device, batch_tiles=self.batch_tiles)

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        self.counts.append(len(tiles))
        return super().predict(tiles)


@pytest.fixture
def compute(tiny_model: Path, card: ModelCard) -> LocalCompute:
    return LocalCompute(tiny_model, card, device="cpu")


@dataclass(frozen=True)
class Inferred:
    """All blocks of a raster together."""

    probability: npt.NDArray[np.float32]
    """nan where no tile was computed."""
    valid: npt.NDArray[np.bool_]
    tiles_run: int


def infer(source: ArraySource, compute: Compute, tiles: TileGrid) -> Inferred:
    shape = source.image.shape[1:]
    probability, valid, tiles_run = np.full(shape, np.nan, dtype=np.float32), np.zeros(shape, dtype=bool), 0
    with inferred(source, compute, TileRows.all_of(tiles), Stopwatch(), SilentFeedback()) as blocks:
        for block in blocks:
            if block is not None:
                tiles_run += 1
                probability[block.window.slices] = block.probability
                valid[block.window.slices] = block.valid
    return Inferred(probability, valid, tiles_run)


def run(source: ArraySource, compute: Compute, tiles: TileGrid) -> npt.NDArray[np.float32]:
    return infer(source, compute, tiles).probability


def untiled(image: npt.NDArray[np.uint8], compute: LocalCompute) -> npt.NDArray[np.float32]:
    return compute.predict(normalise(image, None, compute.card.input)[None])[0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(32, 260),
    columns=st.integers(32, 260),
    tile=st.sampled_from([64, 96, 128]),
    seed=st.integers(0, 99),
)
def test_tiled_equals_untiled(compute: LocalCompute, rows: int, columns: int, tile: int, seed: int) -> None:
    # Multiples of 32, so that the untiled network sees no padding that the tiles do not see.
    shape = (3, rows // 32 * 32, columns // 32 * 32)
    image = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    tiles = plan_tiles(compute.card, *shape[1:], tile)
    np.testing.assert_allclose(run(ArraySource(image), compute, tiles), untiled(image, compute), atol=1e-5)


def test_tiles_were_really_many(card: ModelCard) -> None:
    assert plan_tiles(card, 256, 256, 64).tile_count > 30


def test_constant_predictions_blend_to_a_constant(tiny_model: Path, card: ModelCard) -> None:
    image = np.zeros((3, 300, 450), dtype=np.uint8)
    compute = ConstantCompute(tiny_model, card, device="cpu")
    blended = run(ArraySource(image), compute, plan_tiles(card, 300, 450))
    np.testing.assert_allclose(blended, 0.37, atol=1e-6)


def test_tiles_without_imagery_are_not_computed(compute: LocalCompute) -> None:
    image = np.full((3, 128, 640), 200, dtype=np.uint8)
    valid = np.zeros((128, 640), dtype=bool)
    valid[40:60, 10:40] = True
    tiles = plan_tiles(compute.card, 128, 640)
    found = infer(ArraySource(image, valid), compute, tiles)
    assert found.tiles_run == 1
    assert tiles.tile_count > 4
    np.testing.assert_array_equal(found.valid, valid)


def test_the_device_is_given_as_many_tiles_as_it_takes(
    compute: LocalCompute, tiny_model: Path, card: ModelCard
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 256, 256), dtype=np.uint8)
    valid = np.ones((256, 256), dtype=bool)
    valid[:, 60:200] = False
    source, tiles = ArraySource(image, valid), plan_tiles(card, 256, 256, 64)
    batches = BatchCompute(tiny_model, card, 4)
    found, one_by_one = infer(source, batches, tiles), infer(source, compute, tiles)
    assert set(batches.counts[:-1]) == {4}
    assert sum(batches.counts) == found.tiles_run < tiles.tile_count
    np.testing.assert_allclose(found.probability, one_by_one.probability, atol=1e-6)


def test_what_is_under_nodata_does_not_matter(compute: LocalCompute) -> None:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (3, 128, 128), dtype=np.uint8)
    valid = np.ones((128, 128), dtype=bool)
    valid[:, :50] = False
    other = image.copy()
    other[:, :, :50] = 255 - other[:, :, :50]
    tiles = plan_tiles(compute.card, 128, 128)
    first, second = (run(ArraySource(pixels, valid), compute, tiles) for pixels in (image, other))
    np.testing.assert_array_equal(first[valid], second[valid])


def test_small_rasters_are_padded(compute: LocalCompute) -> None:
    image = np.random.default_rng(1).integers(0, 256, (3, 5, 7), dtype=np.uint8)
    probability = run(ArraySource(image), compute, plan_tiles(compute.card, 5, 7))
    assert probability.shape == (5, 7)
    assert ((probability >= 0) & (probability <= 1)).all()


def test_the_sequence_of_stages_gives_the_same_bit_for_bit(compute: LocalCompute) -> None:
    image = np.random.default_rng(2).integers(0, 256, (3, 260, 330), dtype=np.uint8)
    tiles = plan_tiles(compute.card, 260, 330, 96)
    source, blender = ArraySource(image), TileBlender(tiles, compute.card.tiling.margin_px)
    expected = np.zeros((260, 330), dtype=np.float32)
    for row in range(len(tiles.rows.starts)):
        for column, window in enumerate(tiles.row_windows(row)):
            tensor = normalise(*source.read(window), compute.card.input)
            block = blender.add(row, column, compute.predict(tensor[None])[0])
            expected[block.window.slices] = block.values
    np.testing.assert_array_equal(run(source, compute, tiles), expected)
