"""The forms in which a network can be exported, and what each must prove."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from model_training.export.half_weights import with_half_weights
from model_training.export.onnx_graph import check_parity, to_onnx
from model_training.export.open_model import open_model
from model_training.export.parity import HALF_WEIGHTS_TOLERANCE
from model_training.export.quantise import quantised
from model_training.export.torchscript import to_torchscript, write_torchscript
from model_training.network.road_network import DeployedNetwork
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.deepness import deepness_metadata
from road_extractor_plugin.contract.model_card import CARD_KEY, ModelCard

if TYPE_CHECKING:
    import onnx
    import torch

Float32 = npt.NDArray[np.float32]

ONNX, TORCHSCRIPT = "onnx", "torchscript"
FORMATS = (ONNX, TORCHSCRIPT)
FP32, FP16, INT8 = "fp32", "fp16", "int8"
PRECISIONS = (FP32, FP16, INT8)
SELF_TEST_TOLERANCE = {FP32: 0.02, FP16: 0.02, INT8: 0.05}
"""Wide enough for half precision and other devices, and for how processors round int8; narrow enough for a wrong band
order or normalisation."""


class Product(Protocol):
    """An exported network that still lacks its card."""

    def write(self, card: ModelCard, path: Path) -> None:
        """Write the file.

        Raises:
            OSError: It cannot be written.
        """


class OnnxProduct:
    """A graph; the card, and Deepness' keys, go into its metadata."""

    def __init__(self, graph: onnx.ModelProto) -> None:
        self.graph = graph

    def write(self, card: ModelCard, path: Path) -> None:
        """See `Product.write`."""
        del self.graph.metadata_props[:]
        for key, value in {CARD_KEY: card.to_json(), **deepness_metadata(card)}.items():
            self.graph.metadata_props.add(key=key, value=value)
        self.graph.producer_name, self.graph.producer_version = card.producer.name, card.producer.commit
        path.write_bytes(self.graph.SerializeToString())


class TorchScriptProduct:
    """A frozen module; the card is an extra file of the archive."""

    def __init__(self, module: torch.jit.ScriptModule) -> None:
        self._module = module

    def write(self, card: ModelCard, path: Path) -> None:
        """See `Product.write`."""
        write_torchscript(self._module, card, path)


def written(product: Product, card: ModelCard, path: Path) -> Compute:
    """Write a product and open the file."""
    product.write(card, path)
    return open_model(path)


def exact_product(network: DeployedNetwork, file_format: str) -> Product:
    """The network in single precision.

    Raises:
        ParityError: It computes something else than torch does.
    """
    return TorchScriptProduct(to_torchscript(network)) if file_format == TORCHSCRIPT else OnnxProduct(to_onnx(network))


def reduced_product(exact: Product, precision: str, network: DeployedNetwork, crops: Iterable[Float32]) -> Product:
    """The network with less precision.

    Args:
        exact: In single precision.
        precision: fp16 (of the stored weights) or int8 (of most arithmetic).
        network: In torch.
        crops: For calibrating int8; see `quantised`.

    Raises:
        TypeError: It is no ONNX graph.
        ParityError: With fp16, the outputs differ from torch's by more than `HALF_WEIGHTS_TOLERANCE`.
        DatasetError: A scene for calibration cannot be read.
    """
    if not isinstance(exact, OnnxProduct):
        raise TypeError("only an ONNX graph can be reduced")
    if precision == INT8:
        return OnnxProduct(quantised(exact.graph, crops))
    halved = with_half_weights(exact.graph)
    check_parity(network, halved, HALF_WEIGHTS_TOLERANCE)
    return OnnxProduct(halved)
