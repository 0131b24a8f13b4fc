"""Seconds per megapixel of the tracer, stage by stage, and how they grow with the raster.

The reference mask of the example, mirrored and repeated to 1, 4 and 16 times its pixels, as a probability raster with
noise. Each size is traced at once and in strips of 256 rows; the difference is the cost of the rows that strips share.
Linear growth is the same number in a column from size to size. Each line is measured in a process of its own, so that
peaks of memory do not mix.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from osgeo import gdal

from road_extractor_plugin.compute.raster_rows import ArrayRows, Strips
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.trace_settings import TraceSettings

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "csk_01_reference.tif"
SETTINGS = TraceSettings(Thresholds(high=0.5, low=0.3))
STRIP_ROWS = 256


def main() -> None:
    """Print the table; with `--one`, measure one line of it and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", default="1,4,16", help="pixels of the rasters, as multiples of the example's")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*map(int, options.one.split(",")))))
        return
    print(" times     Mpx  strips  peak MB   s/Mpx  of these")
    for times in options.times.split(","):
        for rows in (0, STRIP_ROWS):
            command = [sys.executable, __file__, "--one", f"{times},{rows}"]
            line = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            stages = ", ".join(f"{name} {seconds / line['mpx']:.3f}" for name, seconds in line["seconds"].items())
            per_mpx = sum(line["seconds"].values()) / line["mpx"]
            columns = f"{times:>6} {line['mpx']:>7.1f} {line['strips']:>7} {line['peak_mb']:>8.0f} {per_mpx:>7.3f}"
            print(f"{columns}  {stages}")


class StageClock(SilentFeedback):
    """Notes when each stage begins."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, float]] = []

    def progress(self, fraction: float, stage: str) -> None:
        """Note it, in processor time: the tracer is one thread, and other work on the machine shall not count."""
        super().progress(fraction, stage)
        self.begun.append((stage, time.process_time()))

    @property
    def seconds(self) -> dict[str, float]:
        """Of each stage but the last, which says that all is done."""
        seconds: dict[str, float] = {}
        for (name, begin), (_, end) in zip(self.begun, self.begun[1:]):
            seconds[name] = seconds.get(name, 0.0) + end - begin
        return seconds


def measure(times: int, rows: int) -> dict[str, object]:
    """One line of the table, for a raster of so many times the example's pixels; 0 rows are all."""
    probability = ArrayRows(repeated_example(math.isqrt(times)))
    height, width = probability.shape
    strips = Strips.of(probability, rows or height)
    clock = StageClock()
    trace(probability, SETTINGS, (1.0, 1.0), clock, strips.rows)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"mpx": height * width / 1e6, "strips": len(list(strips)), "peak_mb": peak_mb, "seconds": clock.seconds}


def repeated_example(repeats: int) -> np.ndarray:
    """The example's roads, mirrored and repeated along both sides, with noise on both sides of the thresholds."""
    road = gdal.Open(str(EXAMPLE)).ReadAsArray() > 0
    tiled = np.pad(road, [(0, side * (repeats - 1)) for side in road.shape], mode="symmetric")
    noise = np.random.default_rng(0).integers(0, 70, tiled.shape, dtype=np.uint8)
    return np.where(tiled, np.uint8(254) - noise, noise)


if __name__ == "__main__":
    main()
