"""Networks that run by onnxruntime, and files that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, ClassVar

import numpy as np
import onnxruntime
import pytest
from onnxruntime import InferenceSession

from road_extractor_plugin.compute.predictors import onnx_runtime
from road_extractor_plugin.compute.predictors.onnx_runtime import OnnxRuntimePredictor
from road_extractor_plugin.compute.predictors.probability import road_probability
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError
from road_extractor_plugin.contract.model_card import ModelCard, OutputSpec


def on_cpu(path: Path, card: ModelCard) -> OnnxRuntimePredictor:
    return OnnxRuntimePredictor(path, card, onnx_runtime.CPU, threads=1)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_predicts_in_batches_as_one_by_one(tiny_model: Path, card: ModelCard) -> None:
    predictor = on_cpu(tiny_model, card)
    tiles = noise(3, 3, 64, 96)
    together = predictor.predict(tiles)
    assert together.shape == (3, 64, 96)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, np.concatenate([predictor.predict(tile[None]) for tile in tiles]), atol=1e-6)


def test_damaged_file(tmp_path: Path, tiny_model: Path, card: ModelCard) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(tiny_model.read_bytes()[:200])
    with pytest.raises(ModelUnreadableError, match=r"cut\.onnx"):
        on_cpu(path, card)


def test_wrong_number_of_bands(tiny_model: Path, card: ModelCard) -> None:
    with pytest.raises(ComputeError, match=r"tiles of shape \(1, 4, 32, 32\)"):
        on_cpu(tiny_model, card).predict(noise(1, 4, 32, 32))


def test_output_that_does_not_exist(tiny_model: Path, card_with: Callable[..., Any]) -> None:
    card = card_with(outputs=(OutputSpec("elsewhere", 1, 1, "", 0),))
    with pytest.raises(ComputeError, match="elsewhere"):
        on_cpu(tiny_model, card).predict(noise(1, 3, 32, 32))


def test_a_provider_that_does_not_start_is_not_replaced_in_silence(tiny_model: Path, card: ModelCard) -> None:
    """onnxruntime itself only warns, and runs on the processor."""
    if onnx_runtime.CUDA in onnxruntime.get_available_providers():
        pytest.skip("CUDA is here")
    with pytest.raises(ComputeError, match="CUDA"), pytest.warns(UserWarning, match="not in available provider"):
        OnnxRuntimePredictor(tiny_model, card, onnx_runtime.CUDA, threads=0)


class ClaimedSession:
    """A session on the processor that claims the providers that it was asked for, and keeps how it was asked."""

    asked: ClassVar[list[tuple[Any, Any]]] = []

    def __init__(self, path: str, options: Any, providers: list[Any]) -> None:
        type(self).asked.append((options, providers))
        self._providers = [provider if isinstance(provider, str) else provider[0] for provider in providers]
        self._session = InferenceSession(path, options, providers=[onnx_runtime.CPU])

    def get_providers(self) -> list[str]:
        return self._providers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """(options, providers) of each session that is opened; all run on the processor."""
    monkeypatch.setattr("onnxruntime.InferenceSession", ClaimedSession)
    monkeypatch.setattr(ClaimedSession, "asked", [])
    monkeypatch.setattr("onnxruntime.preload_dlls", lambda: None, raising=False)
    return ClaimedSession.asked


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (onnx_runtime.CUDA, "CUDA"),
        (onnx_runtime.TENSORRT, "TensorRT"),
        (onnx_runtime.DIRECTML, "DirectML"),
        (onnx_runtime.COREML, "CoreML"),
    ],
)
def test_other_providers_are_driven_rightly(
    tiny_model: Path, card: ModelCard, asked: list[Any], target: str, name: str
) -> None:
    """Bound inputs and outputs included, which work on the processor as well."""
    tiles, expected = noise(2, 3, 64, 96), on_cpu(tiny_model, card).predict(noise(2, 3, 64, 96))
    predictor = OnnxRuntimePredictor(tiny_model, card, target, threads=0)
    assert (predictor.device.name, predictor.device.batch_tiles) == (name, 8)
    probability = predictor.predict(tiles)
    predictor.predict(-tiles)
    np.testing.assert_allclose(probability, expected, atol=1e-6)
    assert asked[-1][1][-1] == onnx_runtime.CPU


def test_tensorrt_computes_in_half_precision_and_keeps_its_engines(
    tmp_path: Path, tiny_model: Path, card: ModelCard, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROAD_EXTRACTOR_CACHE", str(tmp_path))
    OnnxRuntimePredictor(tiny_model, card, onnx_runtime.TENSORRT, threads=0)
    ((_, ((name, settings), *others)),) = asked
    assert name == onnx_runtime.TENSORRT
    assert settings["trt_fp16_enable"] == "1"
    assert settings["trt_engine_cache_path"] == str(tmp_path / "tensorrt")
    assert others == [onnx_runtime.CUDA, onnx_runtime.CPU]


def test_directml_gets_neither_memory_patterns_nor_parallel_layers(
    tiny_model: Path, card: ModelCard, asked: list[Any]
) -> None:
    OnnxRuntimePredictor(tiny_model, card, onnx_runtime.DIRECTML, threads=0)
    assert asked[0][0].enable_mem_pattern is False
    assert asked[0][0].execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL


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
