"""Tiles beside each other on a processor, each on threads of its own.

Threads that share a tile wait for each other behind each layer of the network, and the longer the more else the
machine has to do. Two tiles on a thread each need no waiting, but memory for two.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable, TypeVar

import numpy as np

from road_extractor_plugin.compute.predictors.predictor import Float32

Network = TypeVar("Network")

_MOST = 2
"""Each takes memory for all that a network holds of a tile: some 200 MB for 1024 px."""


@dataclass(frozen=True)
class Streams:
    """How the threads of a processor are shared among tiles."""

    count: int
    """Tiles at once."""
    threads: int
    """For each of them; 0 is the library's own choice."""

    @classmethod
    def of(cls, threads: int, cpus: int) -> Streams:
        """For so many logical processors, unless the threads for one tile are given."""
        count = min(_MOST, cpus)
        return cls(1, threads) if threads or count == 1 else cls(count, cpus // count)


def beside_each_other(
    networks: Sequence[Network], run: Callable[[Network, Float32], Float32], tiles: Float32
) -> Float32:
    """Run each tile (n, bands, height, width) on a network of its own, as many at once as there are networks."""
    if len(networks) == 1 or len(tiles) == 1:
        return run(networks[0], tiles)
    results: list[Float32] = []
    with ThreadPoolExecutor(len(networks)) as threads:
        for first in range(0, len(tiles), len(networks)):
            at_once = tiles[first : first + len(networks)]
            results.extend(threads.map(run, networks, np.split(at_once, len(at_once))))
    return np.concatenate(results)


def usable_cpus() -> int:
    """Logical processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
