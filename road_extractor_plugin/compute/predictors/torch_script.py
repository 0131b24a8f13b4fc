"""Networks in TorchScript files, by torch."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from road_extractor_plugin.compute.predictors.failures import failure, telling_line
from road_extractor_plugin.compute.predictors.predictor import Float32
from road_extractor_plugin.compute.predictors.probability import checked_probability
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.result import Device

CPU, CUDA = "cpu", "cuda"

_SHOWN = {CPU: "CPU", CUDA: "CUDA"}
_GPU_BATCH = 8


class TorchScript:
    """See `Runtime`."""

    @property
    def version(self) -> str:
        """See `Runtime.version`."""
        return f"torch {_import_torch().__version__}"

    def targets(self) -> frozenset[str]:
        """See `Runtime.targets`."""
        return frozenset({CPU, CUDA}) if _import_torch().cuda.is_available() else frozenset({CPU})

    def open(self, path: Path, card: ModelCard, target: str, threads: int) -> TorchScriptPredictor:
        """See `Runtime.open`."""
        return TorchScriptPredictor(path, card, target, threads)


class TorchScriptPredictor:
    """See `Predictor`."""

    def __init__(self, path: Path, card: ModelCard, target: str, threads: int) -> None:
        """Load a model; see `Runtime.open`. The number of threads holds for all of torch in this process."""
        self._torch = _import_torch()
        if threads:
            self._torch.set_num_threads(threads)
        self._target = target
        self._module = self._load(path, target)
        self._road_channel = card.outputs[0].road_channel
        batch = 1 if target == CPU else _GPU_BATCH
        self.device = Device(_SHOWN[target], TorchScript().version, batch_tiles=batch, threads=threads)

    def _load(self, path: Path, target: str) -> Any:  # noqa: ANN401
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit says that it is no longer developed.
                return self._torch.jit.load(str(path), map_location=target)
        except (OSError, RuntimeError, ValueError) as error:
            if target != CPU:  # the file may be right: the processor is the judge of that
                raise ComputeError(f"torch says: {telling_line(error)}", "Choose another device") from error
            raise ModelUnreadableError(path, f"torch says: {telling_line(error)}") from error

    def predict(self, tiles: Float32) -> Float32:
        """See `Predictor.predict`."""
        try:
            with self._torch.inference_mode():
                outputs = self._module(self._torch.from_numpy(tiles).to(self._target))
                scores = (outputs[0] if isinstance(outputs, tuple) else outputs).cpu().numpy()
        except (RuntimeError, ValueError, MemoryError) as error:
            raise failure(self.device.name, tiles.shape, error) from error
        return checked_probability(scores, self._road_channel, tiles)


def _import_torch() -> Any:  # noqa: ANN401
    try:
        import torch
    except ImportError as error:
        raise ComputeError(
            f"TorchScript models need torch, which is not installed for this Python ({error})",
            "Install it into the environment that runs Road Extractor (pip install torch), or take the model as ONNX",
        ) from error
    return torch
