"""How much a run costs beyond the bare network, as ratios within one run on one machine.

For rasters of growing size, made by repeating the example: seconds of the network alone on the same tiles, seconds of
the whole run, seconds per stage, peak memory. Each size runs in a process of its own, so that peaks do not mix.
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

import numpy as np
from osgeo import gdal

from road_extractor_plugin.compute.normalise import normalise
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.core.inference import plan_tiles
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.core.raster_source import RasterSource
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.engine.open_compute import open_compute

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "csk_01.tif"


def main() -> None:
    """Print the table; with `--side`, measure one size and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", default="1500,3000,6000", help="sides of the rasters in pixels")
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options.side)))
        return
    print(" side px  network s  total s  ratio  Mpx/s  overlap  peak MB  stages")
    for side in options.sides.split(","):
        command = [sys.executable, __file__, "--side", side]
        result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in result["seconds"].items() if name != "total")
        print(
            f"{side:>8} {result['network_s']:>10.1f} {result['seconds']['total']:>8.1f} {result['ratio']:>6.2f} "
            f"{result['mpx_per_s']:>6.2f} {result['overlap_factor']:>8.2f} {result['peak_mb']:>8.0f}  {stages}"
        )


def measure(side_px: int) -> dict[str, object]:
    """Time one run and the bare network on the tiles of that run."""
    with tempfile.TemporaryDirectory() as folder:
        raster = repeated_example(Path(folder) / "raster.tif", side_px)
        request = ExtractRequest(raster, Path(folder) / "out", default_model())
        compute = open_compute(request)
        network_s = bare_network_seconds(request, compute)
        result = extract(request, compute, SilentFeedback())
    total_s = result.report.seconds["total"]
    return {
        "network_s": network_s,
        "seconds": result.report.seconds,
        "ratio": total_s / network_s,
        "mpx_per_s": side_px**2 / 1e6 / total_s,
        "overlap_factor": result.report.overlap_factor,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def bare_network_seconds(request: ExtractRequest, compute: Compute) -> float:
    """Seconds of the network for one tile, warm, times the tiles of the run."""
    spec = compute.card.input
    with RasterSource.open(request.raster, spec=spec) as source:
        tiles = plan_tiles(compute.card, source.grid.height_px, source.grid.width_px)
        pixels, valid = source.read(tiles.row_windows(0)[0])
    tensor = normalise(pixels, valid, spec)[None]
    compute.predict(tensor)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        compute.predict(tensor)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)) * tiles.tile_count


def repeated_example(path: Path, side_px: int) -> Path:
    """The example, mirrored and repeated to a square of `side_px`."""
    example = gdal.Open(str(EXAMPLE))
    image = example.ReadAsArray()
    padding = [(0, 0), (0, max(side_px - image.shape[1], 0)), (0, max(side_px - image.shape[2], 0))]
    image = np.pad(image, padding, mode="symmetric")[:, :side_px, :side_px]
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), side_px, side_px, 3, gdal.GDT_Byte, ["TILED=YES"])
    dataset.SetGeoTransform(example.GetGeoTransform())
    dataset.SetProjection(example.GetProjection())
    dataset.WriteArray(image)
    dataset.FlushCache()
    return path


if __name__ == "__main__":
    main()
