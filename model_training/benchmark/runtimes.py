"""The programs that run exported files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.predictors.devices import devices_for
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import read_card

Float32 = npt.NDArray[np.float32]
Predict = Callable[[Float32], Float32]
"""From tiles (n, bands, height, width) to the probability of road."""


def runtimes_of(path: Path, threads: int) -> Iterator[tuple[str, ModelCard, Predict]]:
    """Load a file in each runtime here that can run it on the processor: its name, the card, and the network.

    Args:
        path: ONNX or TorchScript.
        threads: Processor threads for one tile.

    Raises:
        ModelUnreadableError: The file is neither.
        ModelCardError: Its card is wrong.
        ComputeError: There is no runtime for it.
    """
    card = read_card(path)
    kinds = [kind for kind in devices_for(path) if kind.is_processor]
    for kind in [kind for kind in kinds if not kind.problem()] or kinds[:1]:
        predictor = kind.open(path, card, threads)
        yield predictor.device.runtime, card, predictor.predict
