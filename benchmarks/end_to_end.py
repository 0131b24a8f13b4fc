"""How much a run costs beyond the bare network, as ratios within one run on one machine.

1. For rasters of growing size, made by repeating the example: seconds of the network alone on the same tiles, as many
   at once as in the run; of the whole run and of each stage of the last one (stages overlap); and peak memory. Runs
   and the bare network take turns. `ratio` is of the time that passes in all of them, and means something only where
   nothing else runs; `cpu_ratio` is of processor seconds.
2. Peak memory for rasters that are empty but for some blocks, and so may be very large (`--memory-sides`).
3. Seconds from asking for the roads of a small area to their files: the first time, with all that is loaded for it, and
   again; without those of the network.

The device is named (`--device`), for while runtimes compete two of them are loaded, and the bare network would be
another one than that of the run.

Each raster is measured in a process of its own, so that peaks do not mix. Table and picture go to build/bench.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
from osgeo import gdal

from road_extractor_plugin.compute.normalise import normalise
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.request import Area, ExtractRequest
from road_extractor_plugin.contract.result import ExtractResult
from road_extractor_plugin.core.inference import plan_tiles
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.core.raster_source import RasterSource
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.engine.open_compute import open_compute

mpl.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "csk_01.tif"
RESULTS = ROOT / "build" / "bench"
BLOCK_PX = 1000
EVERY = 8
"""Along each axis, one block of so many holds imagery in the rasters for memory."""
TIMED_MPX, ROUNDS = 100, (4, 10)
"""Full rasters are run until about so many megapixels are done, at least and at most so often."""
CLICK_PX = 400
"""Side of the area of a click."""

Result = dict[str, float]


def main() -> None:
    """Measure all, print tables, and leave them as JSON with a picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", default="1500,3000,6000", help="of full rasters in pixels")
    parser.add_argument("--memory-sides", default="4000,16000,40000", help="of nearly empty ones")
    parser.add_argument("--device", default="cpu", help="what the network runs on")
    parser.add_argument("--measure", nargs=2, metavar=("KIND", "SIDE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        kind, side = options.measure
        print(json.dumps({"full": full, "sparse": sparse, "click": click}[kind](int(side), options.device)))
        return
    results = {
        "full": [apart("full", side, options.device) for side in options.sides.split(",") if side],
        "sparse": [apart("sparse", side, options.device) for side in options.memory_sides.split(",") if side],
        "click": [apart("click", "3000", options.device)],
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "end_to_end.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    plot(results["full"], results["sparse"])
    print(f"{RESULTS / 'end_to_end.png'}")


def apart(kind: str, side: str, device: str) -> Result:
    """Measure in another process, and print a line."""
    command = [sys.executable, __file__, "--device", device, "--measure", kind, side]
    result: Result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"{kind:>6}  " + "  ".join(f"{name} {value:.4g}" for name, value in result.items()), flush=True)
    return result


def full(side_px: int, device: str) -> Result:
    """Time runs, and in between the bare network on the tiles of a run, for no machine is equally fast all the time."""
    rounds = int(np.clip(TIMED_MPX / (side_px**2 / 1e6), *ROUNDS))
    with tempfile.TemporaryDirectory() as folder:
        raster = repeated_example(Path(folder) / "raster.tif", side_px)
        request = ExtractRequest(raster, Path(folder) / "out", default_model(), device=device, overwrite=True)
        compute = open_compute(request)
        bare, whole = [bare_network(request, compute)], []
        for _ in range(rounds):
            started_s = time.process_time()
            result = extract(request, compute, SilentFeedback())
            whole.append((result.report.seconds["total"], time.process_time() - started_s))
            bare.append(bare_network(request, compute))
    (network_s, network_processor_s), (total_s, processor_s) = np.mean(bare, axis=0), np.mean(whole, axis=0)
    of_rounds = np.array(whole)[:, 0] / (np.array(bare)[1:, 0] + np.array(bare)[:-1, 0]) * 2
    return {
        **figures(side_px, result),
        "mpx_per_s": side_px**2 * result.report.valid_fraction / 1e6 / total_s,
        "total": total_s,
        "bare_network": network_s,
        "rounds": rounds,
        "ratio": total_s / network_s,
        "smallest_ratio": of_rounds.min(),
        "largest_ratio": of_rounds.max(),
        "cpu_ratio": processor_s / network_processor_s,
        "cpu_beyond_network_s_per_mpx": (processor_s - network_processor_s) / side_px**2 * 1e6,
    }


def sparse(side_px: int, device: str) -> Result:
    """One run on a raster with little in it."""
    with tempfile.TemporaryDirectory() as folder:
        raster = sparse_example(Path(folder) / "raster.tif", side_px)
        request = ExtractRequest(raster, Path(folder) / "out", default_model(), device=device)
        return figures(side_px, extract(request, open_compute(request), SilentFeedback()))


def click(side_px: int, device: str) -> Result:
    """Seconds beyond those of the network for a small area, cold and warm."""
    with tempfile.TemporaryDirectory() as folder:
        raster = repeated_example(Path(folder) / "raster.tif", side_px)
        west, x_size, _, north, _, y_size = gdal.Open(str(raster)).GetGeoTransform()
        x, y = (west + 500 * x_size, west + (500 + CLICK_PX) * x_size), (north + 500 * y_size, north + 900 * y_size)
        area = Area(f"POLYGON (({x[0]} {y[0]}, {x[1]} {y[0]}, {x[1]} {y[1]}, {x[0]} {y[1]}, {x[0]} {y[0]}))", "")
        request = ExtractRequest(
            raster, Path(folder) / "out", default_model(), device=device, area=area, overwrite=True
        )
        seconds = {}
        started = time.perf_counter()
        compute = open_compute(request)
        for name in ("first_click", "second_click"):
            result = extract(request, compute, SilentFeedback())
            seconds[name] = time.perf_counter() - started - result.report.seconds["network"]
            started = time.perf_counter()
    return {**seconds, "network": result.report.seconds["network"]}


def figures(side_px: int, result: ExtractResult) -> Result:
    """What is worth knowing of a run."""
    report = result.report
    return {
        "side_px": side_px,
        "mpx_per_s": side_px**2 * report.valid_fraction / 1e6 / report.seconds["total"],
        "overlap_factor": report.overlap_factor,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        **report.seconds,
    }


def bare_network(request: ExtractRequest, compute: Compute) -> tuple[float, float]:
    """Seconds, and processor seconds, of the network for one lot of tiles, warm, times the tiles of the run."""
    spec = compute.card.input
    with RasterSource.open(request.raster, spec=spec) as source:
        tiles = plan_tiles(compute.card, source.grid.height_px, source.grid.width_px)
        pixels, valid = source.read(tiles.row_windows(0)[0])
    at_once = min(compute.device.batch_tiles, tiles.tile_count)
    tensor = np.repeat(normalise(pixels, valid, spec)[None], at_once, axis=0)
    compute.predict(tensor)
    seconds = []
    for _ in range(5):
        started = time.perf_counter(), time.process_time()
        compute.predict(tensor)
        seconds.append((time.perf_counter() - started[0], time.process_time() - started[1]))
    passed_s, processor_s = np.mean(seconds, axis=0) * tiles.tile_count / at_once
    return float(passed_s), float(processor_s)


def repeated_example(path: Path, side_px: int) -> Path:
    """The example, mirrored and repeated to a square of `side_px`."""
    image = gdal.Open(str(EXAMPLE)).ReadAsArray()
    padding = [(0, 0), (0, max(side_px - image.shape[1], 0)), (0, max(side_px - image.shape[2], 0))]
    dataset = _created(path, side_px, ["TILED=YES"])
    dataset.WriteArray(np.pad(image, padding, mode="symmetric")[:, :side_px, :side_px])
    dataset.FlushCache()
    return path


def sparse_example(path: Path, side_px: int) -> Path:
    """A square of nodata with a piece of the example in the first of so many blocks; all meet four tiles."""
    piece = gdal.Open(str(EXAMPLE)).ReadAsArray(0, 0, BLOCK_PX, BLOCK_PX)
    dataset = _created(path, side_px, ["TILED=YES", "SPARSE_OK=TRUE", "COMPRESS=DEFLATE", "BIGTIFF=YES"])
    for index in (1, 2, 3):
        dataset.GetRasterBand(index).SetNoDataValue(0)
    for row in range(BLOCK_PX // 2, side_px - BLOCK_PX, EVERY * BLOCK_PX):
        for column in range(BLOCK_PX // 2, side_px - BLOCK_PX, EVERY * BLOCK_PX):
            dataset.WriteArray(piece, column, row)
    dataset.FlushCache()
    return path


def _created(path: Path, side_px: int, options: list[str]) -> gdal.Dataset:
    example = gdal.Open(str(EXAMPLE))
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), side_px, side_px, 3, gdal.GDT_Byte, options)
    dataset.SetGeoTransform(example.GetGeoTransform())
    dataset.SetProjection(example.GetProjection())
    return dataset


def plot(full_results: list[Result], sparse_results: list[Result]) -> None:
    """Ratio to the bare network, seconds per stage, and peak memory, over the raster's size."""
    figure, (ratio, stages, memory) = plt.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
    megapixels = [result["side_px"] ** 2 / 1e6 for result in full_results]
    ratio.plot(megapixels, [result["ratio"] for result in full_results], "o-", label="time")
    ratio.plot(megapixels, [result["cpu_ratio"] for result in full_results], "o-", label="processor time")
    ratio.legend()
    ratio.axhline(1.2, color="grey", linestyle=":")
    ratio.set(xlabel="megapixels", ylabel="whole run over bare network", ylim=(1, None))
    names = ["read", "network", "blend", "write", "trace", "polygons", "geopackage", "rasters", "preview"]
    for name in names:
        stages.plot(megapixels, [result.get(name, 0.0) for result in full_results], "o-", label=name)
    stages.set(xlabel="megapixels", ylabel="busy seconds per stage")
    stages.legend()
    for label, results in (("full", full_results), ("nearly empty", sparse_results)):
        sizes = [result["side_px"] ** 2 / 1e6 for result in results]
        memory.plot(sizes, [result["peak_mb"] for result in results], "o-", label=label)
    memory.set(xlabel="megapixels", ylabel="peak memory in MB", xscale="log", ylim=(0, None))
    memory.legend()
    figure.savefig(RESULTS / "end_to_end.png", dpi=100)


if __name__ == "__main__":
    main()
