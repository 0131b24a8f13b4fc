"""The proof that an exported network computes what torch computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

import numpy as np
import numpy.typing as npt
import torch

from model_training.errors import ParityError
from model_training.network.road_network import DeployedNetwork
from road_extractor_plugin.compute.self_test import self_test_input
from road_extractor_plugin.contract.model_card import SelfTest

Float32 = npt.NDArray[np.float32]

PROBABILITY, ORIENTATION = "road_probability", "orientation"
TOLERANCE = 1e-4
"""Of a file that computes in single precision."""
HALF_WEIGHTS_TOLERANCE = 2e-2
"""Of a file whose weights were rounded to half precision."""
PARITY_SHAPES = ((1, 256, 256), (2, 224, 224), (1, 288, 416), (3, 96, 64), (1, 544, 320))
"""(n, height, width) at which both are compared: square or not, and not only multiples of 256."""
_STRIPED_PX, _NOISE = 544, 0.3


def output_names(network: DeployedNetwork) -> tuple[str, ...]:
    """In the order of the network's outputs."""
    return (PROBABILITY, ORIENTATION) if network.with_orientation else (PROBABILITY,)


def check_outputs(network: DeployedNetwork, run: Callable[[Float32], Sequence[Float32]], tolerance: float) -> float:
    """Compare an exported network with torch at several sizes, on noise with stripes that look like roads.

    Args:
        network: In evaluation mode.
        run: From images (n, 3, height, width) to the outputs of the exported network.
        tolerance: Largest difference allowed.

    Returns:
        The largest difference.

    Raises:
        ParityError: It is more than `tolerance`, or not a number.
    """
    generator = torch.Generator().manual_seed(0)
    striped = torch.from_numpy(self_test_input(SelfTest(0, _STRIPED_PX, (), (), (), 0.0), bands=3))
    largest = 0.0
    for count, height, width in PARITY_SHAPES:
        noise = torch.randn(count, 3, height, width, generator=generator)
        image = striped[:, :, :height, :width] + _NOISE * noise
        with torch.inference_mode():
            expected = [output.numpy() for output in network(image)]
        for name, ours, theirs in zip(output_names(network), expected, run(image.numpy())):
            difference = float(np.abs(ours - theirs).max()) if ours.shape == theirs.shape else float("inf")
            if not difference <= tolerance:
                raise ParityError(name, tuple(image.shape), difference, tolerance)
            largest = max(largest, difference)
    return largest
