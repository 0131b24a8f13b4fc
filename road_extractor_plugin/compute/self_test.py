"""Does this installation compute what the model's author computed?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.errors import ComputeError
from road_extractor_plugin.contract.model_card import SelfTest

_STRIPES = 4
_STRIPE_HALF_WIDTH_PX = 4.0


def self_test_input(test: SelfTest, bands: int) -> npt.NDArray[np.float32]:
    """The seeded input tensor (1, bands, tile_px, tile_px): bright straight stripes on dark smoothed noise.

    A network finds no road in noise alone, whatever is wrong with it; stripes make it use its whole range.
    RandomState's stream is frozen by numpy's compatibility policy, unlike that of newer generators.
    """
    stream, tile = np.random.RandomState(test.seed), test.tile_px
    noise = stream.standard_normal((bands, tile, tile))
    for axis in (1, 2):
        noise = sum(np.roll(noise, shift, axis) for shift in range(-2, 3)) / np.sqrt(5.0)
    image = 0.4 * noise - 0.6
    along_y, along_x = np.mgrid[:tile, :tile] - tile / 2
    for _ in range(_STRIPES):
        angle, offset = stream.uniform(0, np.pi), stream.uniform(-tile / 4, tile / 4)
        distance = np.abs(along_x * np.sin(angle) - along_y * np.cos(angle) - offset)
        image = np.where(distance < _STRIPE_HALF_WIDTH_PX, 0.1 * noise + 0.8, image)
    tensor: npt.NDArray[np.float32] = image[None].astype(np.float32)
    return tensor


def self_test_difference(compute: Compute) -> float:
    """Largest difference from the expected values; 0 for a model without a self-test.

    Raises:
        ComputeError: The network failed.
    """
    test = compute.card.self_test
    if test is None:
        return 0.0
    probability = compute.predict(self_test_input(test, len(compute.card.input.bands)))[0]
    return float(np.abs(probability[list(test.rows), list(test.columns)] - np.asarray(test.expected)).max())


def run_self_test(compute: Compute) -> float:
    """The same, but an error when it is too large.

    Raises:
        ComputeError: The difference is beyond the card's tolerance, or the network failed.
    """
    difference, test = self_test_difference(compute), compute.card.self_test
    if test is not None and not difference <= test.tolerance:
        raise ComputeError(
            f"The self-test of '{compute.card.name}' on {compute.device.name} differs by {difference:.2g}, "
            f"allowed are {test.tolerance:.2g}",
            "Choose another device, or update the driver and onnxruntime",
        )
    return difference
