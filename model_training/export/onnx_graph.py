"""From torch to ONNX."""

from __future__ import annotations

import io
import warnings

import onnx
import onnxruntime
import torch

from model_training.export.parity import ORIENTATION, PROBABILITY, TOLERANCE, check_outputs, output_names
from model_training.network.road_network import DeployedNetwork

OPSET = 17
INPUT = "image"


def to_onnx(network: DeployedNetwork) -> onnx.ModelProto:
    """The graph with free batch, height and width.

    Raises:
        ParityError: onnxruntime's outputs differ from torch's by more than `TOLERANCE`.
    """
    spatial = {0: "n", 2: "h", 3: "w"}
    coarse = {0: "n", 2: "h4", 3: "w4"}
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The legacy exporter says that it is one, and traces our bin matrices.
        torch.onnx.export(
            network,
            (torch.zeros(2, 3, 256, 320),),
            file,  # type: ignore[arg-type]  # a buffer is taken too
            input_names=[INPUT],
            output_names=list(output_names(network)),
            dynamic_axes={INPUT: spatial, PROBABILITY: spatial, ORIENTATION: coarse},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_model_from_string(file.getvalue())
    check_parity(network, model)
    return model


def check_parity(network: DeployedNetwork, model: onnx.ModelProto, tolerance: float = TOLERANCE) -> float:
    """Compare onnxruntime with torch; see `check_outputs`.

    Raises:
        ParityError: They differ by more than `tolerance`.
    """
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return check_outputs(network, lambda image: session.run(None, {INPUT: image}), tolerance)
