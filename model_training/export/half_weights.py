"""Weights stored in half precision: half the file, the same arithmetic."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_SUFFIX = "_half"


def with_half_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose weights are float16, each cast to float32 before it is used.

    Runtimes cast once, when they load the file, and then run in single precision on every device. Single numbers, and
    tensors with a value that half precision has no room for, stay as they are.
    """
    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    casts = []
    for weight in halved.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or math.prod(weight.dims) == 1:
            continue
        values = numpy_helper.to_array(weight)
        if np.abs(values).max(initial=0.0) > np.finfo(np.float16).max:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + _SUFFIX))
        casts.append(helper.make_node("Cast", [weight.name], [name], f"{name}{_SUFFIX}_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *halved.graph.node]
    del halved.graph.node[:]
    halved.graph.node.extend(nodes)
    return halved
