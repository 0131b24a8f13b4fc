"""A raster far larger than memory allows for is traced strip by strip."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.trace_settings import TraceSettings

REPOSITORY = Path(__file__).resolve().parents[2]
SIDE_PX = 40_000
SPACING_PX = 1000
ROAD_PX = 9
MAX_BYTES = 2_000_000_000


class StreetGrid:
    """Crossing streets between faint dust, made when they are read, so that the whole is never in memory."""

    shape = (SIDE_PX, SIDE_PX)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows of the raster."""
        rows = np.arange(start, stop)
        values = np.zeros((stop - start, SIDE_PX), dtype=np.uint8)
        values[::7, ::11] = 60
        values[:, _on_street(np.arange(SIDE_PX))] = 200
        values[_on_street(rows)] = 220
        return values


def _on_street(places: np.ndarray) -> np.ndarray:
    return np.abs(places % SPACING_PX - SPACING_PX // 2) <= ROAD_PX // 2


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_40_000_pixels_square_within_2_gb() -> None:
    """In a process of its own, so that what other tests left in memory does not count."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, __file__], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    edges, peak_bytes, seconds = (float(word) for word in done.stdout.split())
    print(f"{edges:.0f} edges, peak {peak_bytes / 1e6:.0f} MB, {seconds:.0f} s, {seconds / SIDE_PX**2 * 1e6:.4f} s/Mpx")
    streets = SIDE_PX // SPACING_PX
    assert edges == 2 * streets * (streets + 1)
    assert peak_bytes < MAX_BYTES


if __name__ == "__main__":
    started = time.perf_counter()
    graph = trace(StreetGrid(), TraceSettings(Thresholds(high=0.5, low=0.3)), (0.5, 0.5)).graph
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(len(graph.edges), peak, time.perf_counter() - started)
