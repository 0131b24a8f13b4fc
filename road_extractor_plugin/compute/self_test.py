"""Does this installation compute what the model's author computed?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.errors import ComputeError
from road_extractor_plugin.contract.model_card import SelfTest


def self_test_input(test: SelfTest, bands: int) -> npt.NDArray[np.float32]:
    """The seeded input tensor (1, bands, tile_px, tile_px): normalised noise, smoothed so that it has structure.

    RandomState's stream is frozen by numpy's compatibility policy, unlike that of newer generators.
    """
    noise = np.random.RandomState(test.seed).standard_normal((bands, test.tile_px, test.tile_px))  # noqa: NPY002
    for axis in (1, 2):
        noise = sum(np.roll(noise, shift, axis) for shift in range(-2, 3)) / np.sqrt(5.0)
    tensor: npt.NDArray[np.float32] = noise[None].astype(np.float32)
    return tensor


def run_self_test(compute: Compute) -> float:
    """Largest difference from the expected values; 0 for a model without a self-test.

    Raises:
        ComputeError: The difference is beyond the card's tolerance.
    """
    test = compute.card.self_test
    if test is None:
        return 0.0
    probability = compute.predict(self_test_input(test, len(compute.card.input.bands)))[0]
    difference = float(np.abs(probability[list(test.rows), list(test.columns)] - np.asarray(test.expected)).max())
    if not difference <= test.tolerance:
        raise ComputeError(
            f"The self-test of '{compute.card.name}' on {compute.device.name} differs by {difference:.2g}, "
            f"allowed are {test.tolerance:.2g}",
            "Choose another device, or update the driver and onnxruntime",
        )
    return difference
