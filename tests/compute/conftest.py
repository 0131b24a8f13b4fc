"""Road masks of known geometry, and devices that fail when they are told to."""

from __future__ import annotations

from typing import Callable

import numpy as np
import pytest

from road_extractor_plugin.contract.errors import ComputeError, DeviceMemoryError
from road_extractor_plugin.contract.result import Device

Place = tuple[float, float]


class Canvas:
    """A mask to draw on; places are x, y in pixels, and a pixel is road when its centre is."""

    def __init__(self, height: int = 120, width: int = 160) -> None:
        self.mask = np.zeros((height, width), dtype=bool)
        self.y, self.x = np.mgrid[:height, :width] + 0.5

    @property
    def probability(self) -> np.ndarray:
        """The mask as a stored probability raster of 0 and 1."""
        return np.where(self.mask, 254, 0).astype(np.uint8)

    def road(self, start: Place, end: Place, width: float) -> Canvas:
        """A straight road with square ends."""
        (x0, y0), (x1, y1) = start, end
        length = np.hypot(x1 - x0, y1 - y0)
        along = ((self.x - x0) * (x1 - x0) + (self.y - y0) * (y1 - y0)) / length
        across = ((self.x - x0) * (y1 - y0) - (self.y - y0) * (x1 - x0)) / length
        self.mask |= (along >= 0) & (along <= length) & (np.abs(across) <= width / 2)
        return self

    def ring(self, centre: Place, radius: float, width: float) -> Canvas:
        """A ring road."""
        self.mask |= np.abs(np.hypot(self.x - centre[0], self.y - centre[1]) - radius) <= width / 2
        return self

    def frayed(self, roughness_px: float) -> Canvas:
        """Shift the mask's outline in and out at random, about so far."""
        from scipy import ndimage

        noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(self.mask.shape), 1.5)
        distance = ndimage.distance_transform_edt(self.mask) - ndimage.distance_transform_edt(~self.mask)
        self.mask = distance + roughness_px * noise / noise.std() > 0
        return self


@pytest.fixture
def canvas() -> Callable[..., Canvas]:
    """A maker of empty canvases: (height=120, width=160)."""
    return Canvas


class FakePredictor:
    """Gives back the first band; fails as it is told to."""

    def __init__(self, clock: FakeClock, name: str, *, batch: int, room: int, works: int, seconds: float) -> None:
        self._clock, self._room, self._seconds = clock, room, seconds
        self.works = works
        self.counts: list[int] = []
        self.device = Device(name, "fake 1", batch_tiles=batch)

    def predict(self, tiles: np.ndarray) -> np.ndarray:
        self.counts.append(len(tiles))
        self._clock.now += self._seconds
        if len(tiles) > self._room:
            raise DeviceMemoryError(self.device.name, tiles.shape)
        if len(self.counts) > self.works:
            raise ComputeError("The device was removed", "Restart it")
        return tiles[:, 0].copy()


class FakeClock:
    """Stands still but for the fakes' work."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class FakePredictors:
    """Makes predictors on one clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()

    def __call__(
        self, name: str, *, batch: int = 1, room: int = 10**9, works: int = 10**9, seconds: float = 0.0
    ) -> FakePredictor:
        return FakePredictor(self.clock, name, batch=batch, room=room, works=works, seconds=seconds)


@pytest.fixture
def fake_predictor() -> FakePredictors:
    """A maker of predictors: (name, batch tiles at once, room for tiles, works for calls, seconds per call)."""
    return FakePredictors()
