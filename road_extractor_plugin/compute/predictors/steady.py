"""Going on where a device cannot."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Callable, Optional

import numpy as np

from road_extractor_plugin.compute.predictors.predictor import Float32, Predictor
from road_extractor_plugin.contract.errors import ComputeError, DeviceMemoryError
from road_extractor_plugin.contract.result import Device

Opener = Callable[[], Predictor]


class SteadyPredictor:
    """A predictor that does with less before it gives up.

    1. No more tiles at once than the device takes; where its memory is too small for them, half as many from then on.
    2. Where the device fails with one tile, the reserve takes over for good, if it can do that tile: what the reserve
       cannot do either is the fault of the model or the tile, and is told as the reserve sees it.
    3. Values that are not numbers are an error: what the same device gave before may be wrong as well.

    Whatever was done without is told in the device's `warnings`.
    """

    def __init__(self, predictor: Predictor, reserve: Optional[Opener] = None, notes: Sequence[str] = ()) -> None:
        """Begin.

        Args:
            predictor: To be used as long as it works.
            reserve: Opens another one.
            notes: Why it was chosen, beside the predictor's own reason.
        """
        self._predictor, self._reserve = predictor, reserve
        self._notes = tuple(notes)
        self._batch = predictor.device.batch_tiles
        self._warnings: tuple[str, ...] = ()

    @property
    def device(self) -> Device:
        """See `Predictor.device`."""
        device = self._predictor.device
        return dataclasses.replace(
            device,
            reason="; ".join(filter(None, (device.reason, *self._notes))),
            batch_tiles=min(self._batch, device.batch_tiles),
            warnings=(*device.warnings, *self._warnings),
        )

    def predict(self, tiles: Float32) -> Float32:
        """See `Predictor.predict`."""
        batch = self._batch
        if len(tiles) > batch:
            parts = [self.predict(tiles[first : first + batch]) for first in range(0, len(tiles), batch)]
            return np.concatenate(parts)
        try:
            probability = self._predictor.predict(tiles)
        except DeviceMemoryError as error:
            if len(tiles) > 1:  # 1
                self._halve(len(tiles))
                return self.predict(tiles)
            probability = self._by_reserve(tiles, error)
        except ComputeError as error:
            probability = self._by_reserve(tiles, error)
        if not np.isfinite(probability).all():  # 3
            raise ComputeError(
                f"The network gave values that are not numbers on {self.device.name} ({self.device.runtime})",
                "Choose another device; the command `selftest` tells which ones compute rightly",
            )
        return probability

    def _halve(self, tiles: int) -> None:
        self._batch = tiles // 2
        name = self._predictor.device.name
        self._warn(f"{name} has too little memory for {tiles} tiles at once and goes on with {self._batch}.")

    def _by_reserve(self, tiles: Float32, error: ComputeError) -> Float32:
        if self._reserve is None:
            raise error
        reserve = self._reserve()
        probability = reserve.predict(tiles)  # 2
        failed, device = self._predictor.device, reserve.device
        self._warn(
            f"{failed.name} failed in mid-run, and the run went on with {device.name}, {device.runtime}: {error}"
        )
        self._notes = (f"{failed.name} ({failed.runtime}) failed in mid-run",)
        self._predictor, self._reserve, self._batch = reserve, None, device.batch_tiles
        return probability

    def _warn(self, text: str) -> None:
        self._warnings = (*self._warnings, text)
