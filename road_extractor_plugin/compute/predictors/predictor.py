"""The seam between the program and the libraries that run networks."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.result import Device

Float32 = npt.NDArray[np.float32]


class Predictor(Protocol):
    """One network, warm, on one device. What it holds is freed with it."""

    @property
    def device(self) -> Device:
        """What it runs on now."""

    def predict(self, tiles: Float32) -> Float32:
        """Road probability of normalised tiles.

        Args:
            tiles: (n, bands, height, width).

        Returns:
            float32 (n, height, width), 0..1; the caller's own.

        Raises:
            DeviceMemoryError: The device has too little memory for so many or so large tiles.
            ComputeError: It failed otherwise, or gave an output of another shape.
        """


class Runtime(Protocol):
    """A library that runs networks; it may be missing."""

    @property
    def version(self) -> str:
        """Its name and version, as in "onnxruntime 1.20.1".

        Raises:
            ComputeError: It is not installed; the message says how to.
        """

    def targets(self) -> frozenset[str]:
        """The devices that it lists, by its own names for them.

        Raises:
            ComputeError: It is not installed.
        """

    def open(self, path: Path, card: ModelCard, target: str, threads: int) -> Predictor:
        """Load a model.

        Args:
            path: The model's file.
            card: Its contract.
            target: One of `targets()`.
            threads: Processor threads for one tile; 0 leaves it to the library.

        Raises:
            ComputeError: The library is not installed, or its device cannot be started.
            ModelUnreadableError: It refuses the file.
        """
