"""Static int8 quantisation of the encoder and the feature pyramid.

The first layer, the graph reasoning and the heads stay in single precision: their ranges depend on tile size and
imagery, and rounding them costs far more accuracy than it gains speed.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from model_training.configuration import RunConfig
from model_training.datasets.crops import Source, ValidationCrops
from model_training.datasets.folders import read_scene
from model_training.datasets.holdout import TRAINING, Split, scenes_of
from model_training.datasets.scenes import evenly
from model_training.export.onnx_graph import INPUT

Float32 = npt.NDArray[np.float32]

CALIBRATION_CROPS = 32
"""About how many, over all data sets."""
_OPERATORS = ("Conv", "Gemm", "MatMul")
_QUANTISED_PARTS = ("/network/encoder/", "/network/pyramid/")
"""Nodes are named after torch's modules."""


def quantised(model: onnx.ModelProto, crops: Iterable[Float32]) -> onnx.ModelProto:
    """Quantise a graph: weights int8 per channel, activations uint8 with the ranges seen on crops.

    Args:
        model: From `to_onnx`.
        crops: Each (1, 3, height, width), normalised.
    """
    with tempfile.TemporaryDirectory() as folder, _without_warnings():
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(model.SerializeToString())
        quantize_static(
            source,
            target,
            _Crops(crops),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_OPERATORS),
            nodes_to_quantize=quantised_nodes(model),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(target)


def quantised_nodes(model: onnx.ModelProto) -> list[str]:
    """Names of the layers with weights in the encoder, but for the first, and in the pyramid."""
    weights = {weight.name for weight in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type in _OPERATORS and node.input[1] in weights]
    return [layer.name for layer in layers[1:] if layer.name.startswith(_QUANTISED_PARTS)]


def calibration_crops(config: RunConfig, data_root: Path, split: Split) -> Iterator[Float32]:
    """The middle of training scenes, evenly from each data set.

    Raises:
        DatasetError: A scene cannot be read.
    """
    per_folder = max(CALIBRATION_CROPS // len(config.data.folders), 1)
    for folder in config.data.folders:
        paths = scenes_of(data_root, folder.path, split, TRAINING)
        scenes = [read_scene(paths[number]) for number in evenly(len(paths), per_folder)]
        source = Source(folder.path, scenes, folder.ground_resolution_m, folder.share)
        crops = ValidationCrops((source,), config.input_spec(), crop_px=config.data.validation_crop_px)
        yield from (crops[number].image.numpy()[None] for number in range(len(crops)))


class _Crops(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
    """Crops as onnxruntime asks for them."""

    def __init__(self, crops: Iterable[Float32]) -> None:
        self._crops = iter(crops)

    def get_next(self) -> dict[str, Float32] | None:
        crop = next(self._crops, None)
        return None if crop is None else {INPUT: crop}


@contextmanager
def _without_warnings() -> Iterator[None]:
    """It advises a pre-processing that our graphs do not need: normalisations are already part of the weights."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
