"""Exported files, whatever their format."""

from __future__ import annotations

from pathlib import Path

from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.model_file import read_card


def open_model(path: Path) -> Compute:
    """Load an exported file, ONNX or TorchScript.

    Raises:
        ModelUnreadableError: It is neither.
        ModelCardError: Its card is wrong.
        ComputeError: No library that runs it is installed.
    """
    return LocalCompute(path, read_card(path))
