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
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.torchscript_archive import CARD_FILE


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
