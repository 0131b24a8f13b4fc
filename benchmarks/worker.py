"""What the worker process costs, as ratios within one run on one machine.

Two tables: seconds per tile of the network in this process and in a worker, asked from one thread and from two; and
seconds from a click on a small extent to its files, cold (no process yet) and warm.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path
from typing import Callable

import numpy as np
import numpy.typing as npt
from osgeo import gdal

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.engine.open_compute import open_compute
from road_extractor_plugin.engine.worker_compute import WorkerCompute
from road_extractor_plugin.engine.worker_pool import WorkerChoice, WorkerPool

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "csk_01.tif"
TILES_PER_ROUND = 4
CLICK_PX = 600
"""Side of the extent of a click."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tile", type=int, default=512, help="side of a tile in pixels")
    parser.add_argument("--rounds", type=int, default=15, help="tiles per way; the ways take turns")
    parser.add_argument("--device", default="cpu", help="what the network runs on")
    options = parser.parse_args()
    pool = WorkerPool()
    with tempfile.TemporaryDirectory() as folder:
        request = ExtractRequest(EXAMPLE, Path(folder), default_model(), device=options.device)
        print_clicks(pool, Path(folder), options.device)
        print_tiles(pool, request, options.tile, options.rounds)
    pool.close()


def print_tiles(pool: WorkerPool, request: ExtractRequest, tile_px: int, rounds: int) -> None:
    """Seconds per tile; the ways take turns, so that what else runs on the machine meets all of them."""
    tile = np.random.default_rng(0).normal(size=(1, 3, tile_px, tile_px)).astype(np.float32)
    here, worker = open_compute(request), WorkerCompute(pool, WorkerChoice())
    worker.load(request)
    ways: dict[str, Callable[[], None]] = {
        "in this process": lambda: ask(here, tile, TILES_PER_ROUND),
        "in a worker": lambda: ask(worker, tile, TILES_PER_ROUND),
        "in a worker, from two threads": lambda: ask_from_two_threads(worker, tile),
    }
    for way in ways.values():
        way()
    seconds = np.array([[timed(way) / TILES_PER_ROUND for way in ways.values()] for _ in range(rounds)])
    worker.close()
    print(f"\n{tile_px} px tiles on {here.device.name:<14} s per tile   ratio (median of {rounds} rounds)")
    for name, values in zip(ways, seconds.T):
        print(f"{name:<30} {np.median(values):>8.4f} {np.median(values / seconds[:, 0]):>7.3f}")


def ask(compute: Compute, tile: npt.NDArray[np.float32], count: int) -> None:
    """One tile after the other."""
    for _ in range(count):
        compute.predict(tile)


def ask_from_two_threads(compute: Compute, tile: npt.NDArray[np.float32]) -> None:
    """The same number of tiles, while one is computed the next is sent."""
    threads = [threading.Thread(target=ask, args=(compute, tile, TILES_PER_ROUND // 2)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def print_clicks(pool: WorkerPool, folder: Path, device: str) -> None:
    """Seconds of one run after another, as clicks of a user; the first finds no worker."""
    raster = folder / "extent.tif"
    gdal.Translate(str(raster), str(EXAMPLE), srcWin=[0, 0, CLICK_PX, CLICK_PX])
    print(f"click on {CLICK_PX} x {CLICK_PX} px    model ready s   files s   of which network s")
    for number, name in enumerate(("cold", "warm", "warm", "warm")):
        request = ExtractRequest(raster, folder / str(number), default_model(), device=device)
        started = time.perf_counter()
        compute = WorkerCompute(pool, WorkerChoice())
        compute.load(request)
        loaded_s = time.perf_counter() - started
        result = extract(request, compute, SilentFeedback())
        done_s = time.perf_counter() - started
        compute.close()
        print(f"{name:<24} {loaded_s:>14.2f} {done_s:>9.2f} {result.report.seconds['network']:>20.2f}")


def timed(work: Callable[[], None]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
