"""TorchScript files run as ONNX files do, where torch is."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError, RequestError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import read_card


def test_runs_and_tells_on_what(torchscript_model: Path, card: ModelCard) -> None:
    compute = LocalCompute(torchscript_model, read_card(torchscript_model))
    tiles = np.random.default_rng(0).normal(size=(2, 3, 64, 96)).astype(np.float32)
    expected = 1 / (1 + np.exp(-tiles.mean(axis=1)))
    np.testing.assert_allclose(compute.predict(tiles), expected, atol=1e-6)
    assert compute.card == card
    assert compute.device.runtime.startswith("torch ")


def test_without_torch_a_plain_sentence(
    torchscript_model: Path, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert read_card(torchscript_model) == card
    for device in ("auto", "cpu"):
        with pytest.raises(ComputeError, match="TorchScript models need torch, which is not installed"):
            LocalCompute(torchscript_model, card, device=device)


def test_a_device_of_onnx_files_only(torchscript_model: Path, card: ModelCard) -> None:
    with pytest.raises(RequestError, match=r"device is 'openvino', but must be one of auto, .*cpu"):
        LocalCompute(torchscript_model, card, device="openvino")


def test_tiles_that_the_network_cannot_take(torchscript_model: Path, card: ModelCard) -> None:
    compute = LocalCompute(torchscript_model, card, device="cpu")
    with pytest.raises(ComputeError, match=r"failed on CPU with tiles of shape \(1, 4, 8, 8\)"):
        compute.predict(np.zeros((1, 4, 8, 8), np.float32))


def test_damaged_file(torchscript_model: Path, card: ModelCard) -> None:
    content = bytearray(torchscript_model.read_bytes())
    place = content.find(b"code/__torch__")
    content[place + 40 : place + 400] = bytes(360)
    torchscript_model.write_bytes(content)
    with pytest.raises(ModelUnreadableError, match=r"tiny\.pt"):
        LocalCompute(torchscript_model, card, device="cpu")
