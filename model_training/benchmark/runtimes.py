"""The programs that run exported files."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import numpy as np
import numpy.typing as npt

from model_training.export.open_model import is_torchscript
from road_extractor_plugin.compute.onnx_predictor import OnnxPredictor
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import read_card

Float32 = npt.NDArray[np.float32]
Predict = Callable[[Float32], Float32]
"""From tiles (n, bands, height, width) to the probability of road."""


def runtimes_of(path: Path, threads: int) -> Iterator[tuple[str, ModelCard, Predict]]:
    """Load a file in each runtime that can run it on the processor: its name, the card, and the network.

    Args:
        path: ONNX, for onnxruntime and, where it is installed, OpenVINO; or TorchScript.
        threads: Processor threads for one tile.

    Raises:
        ModelUnreadableError: The file is neither.
        ModelCardError: Its card is wrong.
    """
    if is_torchscript(path):
        yield _torchscript(path, threads)
        return
    card = read_card(path)
    predictor = OnnxPredictor(path, card, device="cpu", threads=threads)
    yield predictor.device.runtime, card, predictor.predict
    if importlib.util.find_spec("openvino"):
        yield _openvino(path, card, threads)


def _torchscript(path: Path, threads: int) -> tuple[str, ModelCard, Predict]:
    import torch

    from model_training.export.torchscript import TorchScriptCompute

    torch.set_num_threads(threads)
    compute = TorchScriptCompute(path)
    return compute.device.runtime, compute.card, compute.predict


def _openvino(path: Path, card: ModelCard, threads: int) -> tuple[str, ModelCard, Predict]:
    """In single precision even where the processor has bfloat16, so that all runtimes compute the same."""
    import openvino

    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(path, "CPU", settings)

    def predict(tiles: Float32) -> Float32:
        probability: Float32 = model([tiles])[0][:, 0]
        return probability

    return f"openvino {openvino.__version__.split('-')[0]}", card, predict
