"""Exported files, whatever their format."""

from __future__ import annotations

import zipfile
from pathlib import Path

from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.model_file import read_card


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive; what is not is taken for ONNX."""
    return zipfile.is_zipfile(path)


def open_model(path: Path) -> Compute:
    """Load an exported file, ONNX or TorchScript.

    Raises:
        ModelUnreadableError: It is neither.
        ModelCardError: Its card is wrong.
    """
    if is_torchscript(path):
        from model_training.export.torchscript import TorchScriptCompute

        return TorchScriptCompute(path)
    return LocalCompute(path, read_card(path))
