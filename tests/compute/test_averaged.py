"""Every view is undone exactly, and the mean is one."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.compute.averaged import averaged, resized
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import SYMMETRIES, Views

TILES = np.random.default_rng(3).random((2, 3, 64, 96), dtype=np.float32)


class FirstBand:
    """A compute that gives back the first band times something that depends on the place; keeps what it saw."""

    def __init__(self, card: ModelCard, weight: Callable[[int, int], Any] = lambda height, width: 1.0) -> None:
        self.card, self._weight = card, weight
        self.seen: list[np.ndarray] = []

    def predict(self, tiles: np.ndarray) -> np.ndarray:
        assert tiles.flags.c_contiguous
        self.seen.append(tiles)
        return (tiles[:, 0] * self._weight(*tiles.shape[2:])).astype(np.float32)


@pytest.mark.parametrize(("symmetries", "count"), [("none", 1), ("flips", 4), ("d4", 8)])
def test_each_view_is_another_one_and_is_undone(card: ModelCard, symmetries: str, count: int) -> None:
    compute = FirstBand(card)
    probability = averaged(compute, Views(symmetries)).predict(TILES)
    np.testing.assert_allclose(probability, TILES[:, 0], rtol=1e-6)
    assert len({tiles.tobytes() for tiles in compute.seen}) == count
    assert (compute.seen[0] == TILES).all()


def test_the_mean_counts(card: ModelCard) -> None:
    """Eight views of a ramp from left to right lie once on each side in each direction: half on the whole."""
    ramp = FirstBand(card, lambda height, width: np.linspace(0, 1, width, dtype=np.float32))
    np.testing.assert_allclose(averaged(ramp, Views("flips")).predict(TILES), TILES[:, 0] / 2, rtol=1e-5)
    np.testing.assert_allclose(averaged(ramp, Views("d4")).predict(TILES), TILES[:, 0] / 2, rtol=1e-5)


def test_a_single_view_is_the_compute_itself(card: ModelCard) -> None:
    compute: Any = FirstBand(card)
    assert averaged(compute, Views()) is compute


def test_scales_are_rounded_to_what_the_network_takes(card: ModelCard) -> None:
    compute = FirstBand(card)
    probability = averaged(compute, Views(scales=(0.75, 1.0, 1.4))).predict(TILES)
    assert [tiles.shape[2:] for tiles in compute.seen] == [(64, 64), (64, 96), (96, 128)]
    assert probability.shape == (2, 64, 96)


def test_scales_keep_the_place(card: ModelCard) -> None:
    """A smooth hill comes back where it was."""
    y, x = np.mgrid[:64, :96] + 0.5
    hill = np.exp(-((y - 20) ** 2 + (x - 70) ** 2) / 200).astype(np.float32)
    tiles = np.stack([hill] * 3)[None]
    views = Views("d4", (0.5, 1.0, 2.0))
    np.testing.assert_allclose(averaged(FirstBand(card), views).predict(tiles)[0], hill, atol=0.02)


@pytest.mark.parametrize("size", [(32, 48), (96, 144), (48, 160), (64, 96), (16, 16)])
def test_resizing_is_torchs(size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    expected = torch.nn.functional.interpolate(torch.from_numpy(TILES), size, mode="bilinear", antialias=True)
    np.testing.assert_allclose(resized(TILES, *size), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("symmetries", "scales"), [("spin", (1.0,)), ("d4", ()), ("d4", (0.1,)), ("d4", (float("nan"),))]
)
def test_views_out_of_range(symmetries: str, scales: tuple[float, ...]) -> None:
    with pytest.raises(RequestError):
        Views(symmetries, scales)
    assert "spin" not in SYMMETRIES
