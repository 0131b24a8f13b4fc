"""TorchScript: the network as a file that torch runs, in Python or C++, without our sources."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from model_training.export.parity import TOLERANCE, check_outputs
from model_training.network.road_network import DeployedNetwork
from road_extractor_plugin.compute.local import LocalTracer
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.result import Device

CARD_FILE = "model_card.json"
"""The card's name among the extra files of the archive."""


def to_torchscript(network: DeployedNetwork) -> torch.jit.ScriptModule:
    """The network traced and frozen, for any batch, height and width.

    Raises:
        ParityError: Its outputs differ from the network's by more than `TOLERANCE`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit says that it is no longer developed, and traces our bin matrices.
        traced = torch.jit.trace(network, torch.zeros(2, 3, 256, 320), check_trace=False)
        module: torch.jit.ScriptModule = torch.jit.freeze(traced)
    check_outputs(network, lambda image: _run(module, image), TOLERANCE)
    return module


def _run(module: Any, image: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:  # noqa: ANN401
    with torch.inference_mode():
        return [output.numpy() for output in module(torch.from_numpy(image))]


def write_torchscript(module: torch.jit.ScriptModule, card: ModelCard, path: Path) -> None:
    """Write the module with its card.

    Raises:
        OSError: The file cannot be written.
    """
    with path.open("wb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(module, file, _extra_files={CARD_FILE: card.to_json()})


class TorchScriptCompute(LocalTracer):
    """`Compute` by torch, on the processor."""

    def __init__(self, path: Path) -> None:
        """Load a file written by `write_torchscript`.

        Raises:
            ModelUnreadableError: It is no such file.
            ModelCardError: Its card is wrong.
        """
        extra = {CARD_FILE: ""}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                self._module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelUnreadableError(path, f"torch says: {str(error).splitlines()[0]}") from error
        self.card = ModelCard.from_json(extra[CARD_FILE])
        self.device = Device("CPU", f"torch {torch.__version__}", "TorchScript files run on the processor")

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """See `Compute.predict`."""
        try:
            return _run(self._module, tiles)[0][:, 0]
        except RuntimeError as error:
            problem = f"The network failed on tiles of shape {tiles.shape}: {str(error).splitlines()[-1]}"
            raise ComputeError(problem, "Try a smaller tile size") from error

    def close(self) -> None:
        """Free the module."""
        del self._module
