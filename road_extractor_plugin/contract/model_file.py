"""From a model file to its card, without any library that runs networks."""

from __future__ import annotations

from pathlib import Path

from road_extractor_plugin.contract.deepness import card_from_deepness
from road_extractor_plugin.contract.model_card import CARD_KEY, ModelCard
from road_extractor_plugin.contract.onnx_metadata import read_onnx_metadata
from road_extractor_plugin.contract.request import ModelOptions
from road_extractor_plugin.contract.torchscript_archive import is_torchscript, read_torchscript_card

MODEL_PATTERNS = "*.onnx *.pt *.torchscript"
"""Names of files that may be models, for file choosers; what counts is the content."""


def read_card(path: Path, options: ModelOptions | None = None) -> ModelCard:
    """The card of an ONNX or TorchScript file: its own, or for ONNX one made of Deepness' keys and `options`.

    Raises:
        ModelUnreadableError: Neither an ONNX file nor a TorchScript one with a card.
        ModelCardError: It has a card, but a wrong one.
        ModelContractMissingError: It has no card, and keys and options together do not suffice.
    """
    if is_torchscript(path):
        return ModelCard.from_json(read_torchscript_card(path))
    metadata = read_onnx_metadata(path)
    if CARD_KEY in metadata:
        return ModelCard.from_json(metadata[CARD_KEY])
    return card_from_deepness(path, metadata, options or ModelOptions())
