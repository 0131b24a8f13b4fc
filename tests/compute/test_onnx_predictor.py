"""Networks that run, and files that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.compute.onnx_predictor import OnnxPredictor, road_probability
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError, RequestError
from road_extractor_plugin.contract.model_card import ModelCard, OutputSpec


def test_predicts_in_batches_as_one_by_one(tiny_model: Path, card: ModelCard) -> None:
    predictor = OnnxPredictor(tiny_model, card, device="cpu")
    tiles = np.random.default_rng(0).normal(size=(3, 3, 64, 96)).astype(np.float32)
    together = predictor.predict(tiles)
    assert together.shape == (3, 64, 96)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, np.concatenate([predictor.predict(tile[None]) for tile in tiles]), atol=1e-6)


def test_the_device_really_used_is_told(tiny_model: Path, card: ModelCard) -> None:
    device = OnnxPredictor(tiny_model, card, device="cpu").device
    assert (device.name, device.reason) == ("CPU", "as asked")
    assert device.runtime.startswith("onnxruntime ")


def test_unknown_device(tiny_model: Path, card: ModelCard) -> None:
    with pytest.raises(RequestError, match="device is 'abacus', but must be one of auto, cpu"):
        OnnxPredictor(tiny_model, card, device="abacus")


def test_damaged_file(tmp_path: Path, tiny_model: Path, card: ModelCard) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(tiny_model.read_bytes()[:200])
    with pytest.raises(ModelUnreadableError, match=r"cut\.onnx"):
        OnnxPredictor(path, card, device="cpu")


def test_wrong_number_of_bands(tiny_model: Path, card: ModelCard) -> None:
    predictor = OnnxPredictor(tiny_model, card, device="cpu")
    with pytest.raises(ComputeError, match=r"tiles of shape \(1, 4, 32, 32\)"):
        predictor.predict(np.zeros((1, 4, 32, 32), dtype=np.float32))


def test_output_that_does_not_exist(tiny_model: Path, card_with: Callable[..., Any]) -> None:
    card = card_with(outputs=(OutputSpec("elsewhere", 1, 1, "", 0),))
    predictor = OnnxPredictor(tiny_model, card, device="cpu")
    with pytest.raises(ComputeError, match="elsewhere"):
        predictor.predict(np.zeros((1, 3, 32, 32), dtype=np.float32))


def test_one_channel_is_the_probability() -> None:
    scores = np.random.default_rng(0).random((2, 1, 3, 3), dtype=np.float32)
    np.testing.assert_array_equal(road_probability(scores, 0), scores[:, 0])


def test_logits_of_several_classes_go_through_the_softmax() -> None:
    logits = np.random.default_rng(0).normal(0, 4, (2, 3, 4, 4)).astype(np.float32)
    exponentials = np.exp(logits)
    expected = (exponentials / exponentials.sum(axis=1, keepdims=True))[:, 1]
    np.testing.assert_allclose(road_probability(logits, 1), expected, rtol=1e-5)


def test_probabilities_of_several_classes_are_taken_as_they_are() -> None:
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], size=(2, 4, 4)).astype(np.float32).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(road_probability(shares, 2), shares[:, 2])
