"""The one normalisation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from road_extractor_plugin.compute.normalise import apply_stretch, normalise, percentile_stretch
from road_extractor_plugin.contract.model_card import ModelCard


def test_formula(card: ModelCard) -> None:
    spec = dataclasses.replace(card.input, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    pixels = np.array([[[51]], [[102]], [[255]]], dtype=np.uint8)
    expected = [(51 / 255 - 0.1) / 0.5, (102 / 255 - 0.2) / 1.0, (1 - 0.3) / 2.0]
    np.testing.assert_allclose(normalise(pixels, None, spec)[:, 0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 255.0, np.nan, np.inf])
def test_invalid_pixels_are_the_mean(card: ModelCard, value: float) -> None:
    pixels = np.full((3, 2, 2), value, dtype=np.float32)
    valid = np.array([[True, False], [False, False]])
    assert (normalise(pixels, valid, card.input)[:, ~valid] == 0).all()


def test_stretch_maps_the_percentiles_to_the_ends(card: ModelCard) -> None:
    sample = np.stack([np.linspace(0, 1000, 101), np.linspace(5, 6, 101), np.full(101, 7.0)])[:, None, :]
    stretch = percentile_stretch(sample, np.ones((1, 101), dtype=bool))
    assert stretch.low == pytest.approx((20.0, 5.02, 7.0))
    assert stretch.high == pytest.approx((980.0, 5.98, 8.0))
    stretched = apply_stretch(sample, stretch, card.input)
    assert stretched.min() == 0
    assert stretched.max() == 255
    assert stretched[0, 0, 50] == pytest.approx(127.5)


def test_stretch_ignores_what_is_not_valid() -> None:
    sample = np.array([[[0.0, 10.0, np.nan, 1e9]]])
    stretch = percentile_stretch(sample, np.array([[True, True, True, False]]))
    assert stretch.high[0] <= 10.0


def test_stretch_without_a_valid_pixel_is_finite() -> None:
    assert percentile_stretch(np.full((1, 2, 2), np.nan), np.ones((2, 2), dtype=bool)).high == (1.0,)
