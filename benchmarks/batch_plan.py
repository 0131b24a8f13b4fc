"""How near `batch --plan` comes: the time and the room that it foretells, against a batch that is really run.

Twelve rasters of 250 to 1500 pixels are cut from the example, side by side, so that merging is in it. With N workers
the plan is made on an N-th of the processors, since it speaks of N machines, and the batch then runs in N processes.

Only a machine that does nothing else gives figures that mean something. Within 25 % is what the plan is for.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from osgeo import gdal

from road_extractor_plugin.contract.batch import BatchRequest, RasterOutcome
from road_extractor_plugin.contract.batch_plan import BatchPlan
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.core.batch import run_batch
from road_extractor_plugin.core.batch_plan import plan_batch
from road_extractor_plugin.core.batch_runner import OneAfterAnother, RasterRunner
from road_extractor_plugin.core.cluster import on_workers
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.engine.open_compute import open_compute, open_tracer

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "csk_01.tif"
SIDES_PX = (250, 300, 350, 400, 400, 400, 500, 600, 700, 800, 1000, 1500)


class Nobody:
    """Watches nothing."""

    def found(self, rasters: tuple[Path, ...]) -> None:
        """See `BatchWatcher.found`."""

    def started(self, raster: Path) -> None:
        """See `BatchWatcher.started`."""

    def finished(self, outcome: RasterOutcome) -> None:
        """See `BatchWatcher.finished`."""


def main() -> None:
    """Plan, run, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--model", type=Path, default=default_model())
    options = parser.parse_args()
    gdal.UseExceptions()
    with tempfile.TemporaryDirectory() as folder:
        request = batch(Path(folder), options.model)
        plan = planned(request, options.workers)
        runner = runner_of(request, options.workers)
        started = time.perf_counter()
        run_batch(request, runner, Nobody(), SilentFeedback())
        took_s = time.perf_counter() - started
        written = sum(path.stat().st_size for path in request.output_folder.rglob("*") if path.suffix != ".csv")
    expected_s = plan.hours_with_workers * 3600
    print(f"{plan.rasters} rasters, {plan.pixels / 1e6:.1f} megapixels, {options.workers} workers")
    print(f"time: {expected_s:.1f} s expected, {took_s:.1f} s taken: {expected_s / took_s - 1:+.0%}")
    expected_mb, written_mb = plan.results_bytes / 1e6, written / 1e6
    print(f"room: {expected_mb:.1f} MB expected, {written_mb:.1f} MB written: {expected_mb / written_mb - 1:+.0%}")


def batch(folder: Path, model: Path) -> BatchRequest:
    """Cut the rasters, from west to east."""
    (folder / "in").mkdir()
    x_px = 0
    for number, side in enumerate(SIDES_PX):
        raster = folder / "in" / f"r{number:02}.tif"
        west = (x_px * 37) % (1500 - side + 1)
        dataset = gdal.Translate(str(raster), str(EXAMPLE), srcWin=[west, (1500 - side) // 2, side, side])
        origin, pixel = 240_000 + x_px, 1.0
        dataset.SetGeoTransform((origin, pixel, 0, 900_000, 0, -pixel))
        del dataset
        x_px += side
    out = folder / "out"
    return BatchRequest(folder / "in", out, ExtractRequest(folder / "in", out, model, device="cpu"))


def planned(request: BatchRequest, workers: int) -> BatchPlan:
    """The plan of one of so many machines."""
    all_cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(all_cpus)[: max(len(all_cpus) // workers, 1)])
    plan = plan_batch(request, workers, open_compute, SilentFeedback())
    os.sched_setaffinity(0, all_cpus)
    return plan


def runner_of(request: BatchRequest, workers: int) -> RasterRunner:
    """Who runs the batch; processes are started here, as machines would be."""
    if workers == 1:
        return OneAfterAnother(request.each, open_compute)
    return on_workers(workers, request, open_compute, open_tracer, SilentFeedback())


if __name__ == "__main__":
    main()
