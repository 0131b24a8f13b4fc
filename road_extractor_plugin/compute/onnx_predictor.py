"""Running an ONNX road network with onnxruntime."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError, RequestError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.result import Device

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxPredictor:
    """One network, warm, on one device."""

    def __init__(self, path: Path, card: ModelCard, *, device: str = "auto", threads: int = 0) -> None:
        """Load a model.

        Args:
            path: The .onnx file.
            card: Its contract.
            device: "auto", "cpu" or "cuda".
            threads: Processor threads for one tile; 0 leaves it to onnxruntime.

        Raises:
            ComputeError: onnxruntime is not installed.
            ModelUnreadableError: onnxruntime refuses the file.
            RequestError: An unknown device, or one that this onnxruntime does not have.
        """
        self.card = card
        self._path = path
        self._ort = _import_onnxruntime()
        self._errors = _onnxruntime_errors()
        self._session, reason = self._open(device, threads)
        provider = self._session.get_providers()[0].replace("ExecutionProvider", "")
        self.device = Device(provider, f"onnxruntime {self._ort.__version__}", reason)
        self._input_name = self._session.get_inputs()[0].name
        self._output_name = card.outputs[0].name or self._session.get_outputs()[0].name

    def _open(self, device: str, threads: int) -> tuple[Any, str]:
        available = self._ort.get_available_providers()
        if device != "auto" and _PROVIDERS.get(device) not in available:
            offered = sorted(name for name, provider in _PROVIDERS.items() if provider in available)
            raise RequestError("device", device, f"one of auto, {', '.join(offered)}")
        wanted = [p for p in (_PROVIDERS["cuda"], _PROVIDERS["cpu"]) if p in available]
        providers = wanted if device == "auto" else [_PROVIDERS[device]]
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = threads
        # Warnings about graph constants are of no use to a mapper; errors come as exceptions.
        options.log_severity_level = 3
        try:
            session = self._ort.InferenceSession(str(self._path), options, providers=providers)
        except self._errors as error:
            raise ModelUnreadableError(self._path, f"onnxruntime says: {_first_line(error)}") from error
        reason = "as asked" if device != "auto" else f"first available of {', '.join(wanted)}"
        return session, reason

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Road probability of normalised tiles.

        Args:
            tiles: float32 (n, bands, height, width).

        Returns:
            float32 (n, height, width), 0..1.

        Raises:
            ComputeError: The network failed or gave an output of another shape.
        """
        try:
            (scores,) = self._session.run([self._output_name], {self._input_name: tiles})
        except self._errors as error:
            raise ComputeError(
                f"The network failed on tiles of shape {tiles.shape}: {_first_line(error)}",
                "Try a smaller tile size, or another device",
            ) from error
        probability = road_probability(scores, self.card.outputs[0].road_channel)
        expected = (tiles.shape[0], *tiles.shape[2:])
        if probability.shape != expected:
            raise ComputeError(
                f"The network gave an output of shape {scores.shape} for tiles of shape {tiles.shape}",
                "The model does not fit its card: export it again",
            )
        return probability


def road_probability(scores: npt.NDArray[np.float32], road_channel: int) -> npt.NDArray[np.float32]:
    """The road's probability from the scores of a network (n, channels, height, width).

    One channel is the probability itself. Of several, which models without a card may give, the road's channel
    is taken; scores that are not yet probabilities go through the softmax first.
    """
    if scores.shape[1] == 1:
        return scores[:, 0]
    in_range = scores.min() >= 0 and scores.max() <= 1
    if not (in_range and np.allclose(scores.sum(axis=1), 1.0, atol=1e-3)):
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores = scores / scores.sum(axis=1, keepdims=True)
    return scores[:, road_channel]


def _import_onnxruntime() -> Any:  # noqa: ANN401
    try:
        import onnxruntime
    except ImportError as error:
        raise ComputeError(
            f"onnxruntime is not installed for this Python ({error})",
            f"Install it: '{sys.executable}' -m pip install onnxruntime",
        ) from error
    return onnxruntime


def _onnxruntime_errors() -> tuple[type[Exception], ...]:
    """All that onnxruntime raises: its own errors share no base class but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state

    own = [item for item in vars(onnxruntime_pybind11_state).values() if isinstance(item, type)]
    return (RuntimeError, ValueError, *(item for item in own if issubclass(item, Exception)))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
