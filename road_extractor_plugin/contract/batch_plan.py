"""What a batch will take: told before it is begun."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class SampledCost:
    """A quantity that grows with pixels: measured on a few rasters, expected of others."""

    per_raster: float
    per_pixel: float

    def of(self, pixels: int) -> float:
        """For one raster."""
        return self.per_raster + self.per_pixel * pixels


@dataclass(frozen=True)
class BatchPlan:
    """The work of a batch, and what is expected of it on this machine and on several like it."""

    rasters: int
    """To be done."""
    pixels: int
    """Of all grids, at the model's ground resolution."""
    area_km2: float
    """Of all grids, areas without imagery included."""
    tiles: int
    sampled_tiles: int
    """That the network was run on to know the rest."""
    seconds: SampledCost
    """Per raster, and per pixel of its tiles, overlaps counted."""
    hours: float
    """By one machine."""
    merge_hours: float
    """Of those, for one network of all rasters; it is not made faster by more machines."""
    workers: int
    hours_with_workers: float
    """By so many machines like this one, each of them with one raster at a time."""
    results_bytes: int
    more_bytes_meanwhile: int
    """For unfinished results, with that many workers."""
    free_bytes: int
    kept: int = 0
    """Rasters left out, because their results are there, or because they would meet those of another raster."""
    unreadable: tuple[str, ...] = ()
    """Why, for each raster that would fail at once; they are not counted above."""


def longest_seconds(rasters: Iterable[float], workers: int) -> float:
    """Time until the last raster is done, when each worker takes the next one as soon as it is free."""
    busy_until = [0.0] * workers
    for seconds in rasters:
        heapq.heapreplace(busy_until, busy_until[0] + seconds)
    return max(busy_until)
