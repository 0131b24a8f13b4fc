"""OpenVINO computes what onnxruntime computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.compute.predictors import onnx_runtime
from road_extractor_plugin.compute.predictors.onnx_runtime import OnnxRuntimePredictor
from road_extractor_plugin.compute.predictors.open_vino import CPU, OpenVinoPredictor
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError
from road_extractor_plugin.contract.model_card import ModelCard, OutputSpec

pytest.importorskip("openvino")


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.fixture
def predictor(tiny_model: Path, card: ModelCard) -> OpenVinoPredictor:
    return OpenVinoPredictor(tiny_model, card, CPU, threads=1)


def test_computes_the_same_at_any_shape(tiny_model: Path, card: ModelCard, predictor: OpenVinoPredictor) -> None:
    oracle = OnnxRuntimePredictor(tiny_model, card, onnx_runtime.CPU, threads=1)
    for shape in ((1, 3, 64, 64), (2, 3, 64, 64), (1, 3, 32, 96), (1, 3, 64, 64)):
        np.testing.assert_allclose(predictor.predict(noise(*shape)), oracle.predict(noise(*shape)), atol=1e-5)


def test_a_prediction_is_not_overwritten_by_the_next(predictor: OpenVinoPredictor) -> None:
    first = predictor.predict(noise(1, 3, 32, 32))
    kept = first.copy()
    predictor.predict(-noise(1, 3, 32, 32))
    np.testing.assert_array_equal(first, kept)


def test_the_output_is_found_by_its_place_where_the_card_has_no_name(
    tiny_model: Path, card_with: Callable[..., Any], predictor: OpenVinoPredictor
) -> None:
    unnamed = OpenVinoPredictor(tiny_model, card_with(outputs=(OutputSpec("", 1, 1, "", 0),)), CPU, threads=1)
    np.testing.assert_array_equal(unnamed.predict(noise(1, 3, 32, 32)), predictor.predict(noise(1, 3, 32, 32)))


def test_wrong_number_of_bands(predictor: OpenVinoPredictor) -> None:
    with pytest.raises(ComputeError, match=r"CPU with tiles of shape \(1, 4, 32, 32\)"):
        predictor.predict(noise(1, 4, 32, 32))


def test_damaged_file(tmp_path: Path, tiny_model: Path, card: ModelCard) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(tiny_model.read_bytes()[:200])
    with pytest.raises(ModelUnreadableError, match=r"cut\.onnx"):
        OpenVinoPredictor(path, card, CPU, threads=1)


def test_shapes_that_come_in_turns_are_compiled_once(
    predictor: OpenVinoPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openvino

    compiled: list[Any] = []
    original = openvino.Core.compile_model

    def counting(core: Any, model: Any, *arguments: Any) -> Any:
        compiled.append(model)
        return original(core, model, *arguments)

    monkeypatch.setattr(openvino.Core, "compile_model", counting)
    for _ in range(3):
        for side in (32, 64, 96):
            predictor.predict(noise(1, 3, side, side))
    assert len(compiled) == 3
