"""From torch to ONNX, and the proof that both compute the same."""

from __future__ import annotations

import io
import warnings

import numpy as np
import onnx
import onnxruntime
import torch

from model_training.errors import ParityError
from model_training.network.road_network import DeployedNetwork

OPSET = 17
TOLERANCE = 1e-4
INPUT, PROBABILITY, ORIENTATION = "image", "road_probability", "orientation"
PARITY_SHAPES = ((1, 256, 256), (2, 224, 224), (1, 288, 416), (3, 96, 64), (1, 544, 320))
"""(n, height, width) at which both are compared: square or not, and not only multiples of 256."""


def to_onnx(network: DeployedNetwork) -> onnx.ModelProto:
    """The graph with free batch, height and width.

    Raises:
        ParityError: onnxruntime's outputs differ from torch's by more than `TOLERANCE`.
    """
    names = output_names(network)
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
            output_names=list(names),
            dynamic_axes={INPUT: spatial, PROBABILITY: spatial, ORIENTATION: coarse},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_model_from_string(file.getvalue())
    check_parity(network, model)
    return model


def output_names(network: DeployedNetwork) -> tuple[str, ...]:
    """In the order of the graph's outputs."""
    return (PROBABILITY, ORIENTATION) if network.with_orientation else (PROBABILITY,)


def check_parity(network: DeployedNetwork, model: onnx.ModelProto) -> float:
    """Compare onnxruntime with torch at several sizes on seeded noise.

    Returns:
        The largest difference.

    Raises:
        ParityError: It is more than `TOLERANCE`, or not a number.
    """
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    for count, height, width in PARITY_SHAPES:
        image = torch.randn(count, 3, height, width, generator=generator)
        with torch.inference_mode():
            expected = [output.numpy() for output in network(image)]
        given = session.run(None, {INPUT: image.numpy()})
        for name, ours, theirs in zip(output_names(network), expected, given):
            difference = float(np.abs(ours - theirs).max()) if ours.shape == theirs.shape else float("inf")
            if not difference <= TOLERANCE:
                raise ParityError(name, tuple(image.shape), difference, TOLERANCE)
            largest = max(largest, difference)
    return largest
