"""Speed of each runtime on the processor: the bare network, and finished rasters from reading to the GeoPackage.

The default model by onnxruntime and OpenVINO, tiles beside each other as runs have them and one at a time on all
threads; and by torch as TorchScript: a file that is given, or else the student's network untrained, whose lines say
nothing, so that only the network is timed. All take turns, round after round; the median counts. Ratios are to the
first line. km2/h are at the model's ground resolution.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from end_to_end import ROOT, repeated_example

from road_extractor_plugin.compute.predictors.devices import devices_for
from road_extractor_plugin.compute.predictors.streams import usable_cpus
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.engine.open_compute import load_model

if TYPE_CHECKING:
    from road_extractor_plugin.compute.protocol import Compute

CONFIG = ROOT / "model_training" / "configs" / "student.yaml"


@dataclass
class Contestant:
    """One line of the table."""

    name: str
    model: Path
    device: str
    compute: Compute
    has_roads: bool
    network_s_per_mpx: list[float] = field(default_factory=list)
    network_cpu_s_per_mpx: list[float] = field(default_factory=list)
    run_mpx_per_s: list[float] = field(default_factory=list)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1500, help="of the raster in pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torchscript", type=Path, help="a trained file, as `model_training export` makes it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raster = repeated_example(Path(folder) / "raster.tif", options.side)
        contestants = list(entered(options.torchscript, Path(folder)))
        for _ in range(options.rounds):
            for number, each in enumerate(contestants):
                time_network(each)
                if each.has_roads:
                    time_run(each, raster, Path(folder) / f"out_{number}")
        print_table(contestants)


def entered(torchscript: Path | None, folder: Path) -> Iterator[Contestant]:
    """All that can run here."""
    for kind in devices_for(default_model()):
        if kind.is_processor and not kind.problem():
            for threads, how in ((0, "as in runs"), (usable_cpus(), "one tile at a time")):
                compute = load_model(default_model(), read_card(default_model()), kind.name, threads)
                yield Contestant(f"{compute.device.runtime}, {how}", default_model(), kind.name, compute, not threads)
    path = torchscript or untrained(folder / "untrained.pt")
    compute = load_model(path, read_card(path), "cpu")
    name = f"{compute.device.runtime}, TorchScript{'' if torchscript else ' (untrained)'}"
    yield Contestant(name, path, "cpu", compute, torchscript is not None)


def untrained(path: Path) -> Path:
    """The network of the student's configuration as TorchScript, with the card of the default model."""
    import torch

    from model_training.configuration import read_config
    from model_training.export.torchscript import to_torchscript, write_torchscript
    from model_training.network.road_network import DeployedNetwork, RoadNetwork

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = RoadNetwork(read_config(CONFIG).network)
        with torch.no_grad():
            network.train()(torch.randn(2, 3, 128, 128))  # so that norms have seen some data
        module = to_torchscript(DeployedNetwork(network.eval(), with_orientation=False).eval())
    write_torchscript(module, read_card(default_model()), path)
    return path


def time_network(each: Contestant) -> None:
    """One lot of tiles of the card's size, as many as the device takes at once; the first time once more before."""
    tile_px = each.compute.card.tiling.tile_px
    shape = (each.compute.device.batch_tiles, 3, tile_px, tile_px)
    tiles = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    if not each.network_s_per_mpx:
        each.compute.predict(tiles)
    started, started_cpu = time.perf_counter(), time.process_time()
    each.compute.predict(tiles)
    megapixels = tiles[:, 0].size / 1e6
    each.network_s_per_mpx.append((time.perf_counter() - started) / megapixels)
    each.network_cpu_s_per_mpx.append((time.process_time() - started_cpu) / megapixels)


def time_run(each: Contestant, raster: Path, out: Path) -> None:
    """One whole run."""
    request = ExtractRequest(raster, out, each.model, device=each.device, overwrite=True)
    report = extract(request, each.compute, SilentFeedback()).report
    each.run_mpx_per_s.append(report.width_px * report.height_px / 1e6 / report.seconds["total"])


def print_table(contestants: list[Contestant]) -> None:
    """Medians."""
    print(f"{'':<48} network                                   finished raster")
    print(f"{'runtime':<48} Mpx/s   ratio  cpu s/Mpx      km2/h        Mpx/s      km2/h")
    first = 1 / float(np.median(contestants[0].network_s_per_mpx))
    for each in contestants:
        km2_per_mpx = each.compute.card.input.ground_resolution_m**2
        network = 1 / float(np.median(each.network_s_per_mpx))
        columns = f"{network:>5.2f} {network / first:>7.2f} {np.median(each.network_cpu_s_per_mpx):>10.3f}"
        line = f"{each.name:<48} {columns} {network * 3600 * km2_per_mpx:>10.0f}"
        if each.run_mpx_per_s:
            run = float(np.median(each.run_mpx_per_s))
            line += f"   {run:>10.2f} {run * 3600 * km2_per_mpx:>10.0f}"
        print(line)


if __name__ == "__main__":
    main()
