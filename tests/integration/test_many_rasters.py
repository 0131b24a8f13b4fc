"""A folder of very many small rasters costs little beside the network, and no memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable

import numpy as np
import pytest

from road_extractor_plugin.contract.batch import BatchRequest, RasterOutcome
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.core.batch import run_batch
from road_extractor_plugin.core.batch_runner import OneAfterAnother
from road_extractor_plugin.engine.open_compute import open_compute

RASTERS = 500
WARM = 100
MOST_OVERHEAD_S = 0.3
MOST_GROWTH_BYTES = 30e6


class MemoryOverTime:
    """The resident memory of this process after each raster."""

    def __init__(self) -> None:
        self.resident: list[float] = []

    def found(self, rasters: tuple[Path, ...]) -> None: ...

    def started(self, raster: Path) -> None: ...

    def finished(self, outcome: RasterOutcome) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.resident.append(pages * 4096.0)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read as Linux tells it")
def test_five_hundred(tmp_path: Path, raster: Callable[..., Path], tiny_model: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    image = np.full((3, 200, 200), 30, np.uint8)
    image[:, 90:99, :] = 235
    for number in range(RASTERS):
        west = 500_000.0 + number * 1000
        raster(folder / f"r{number:03d}.tif", image, geotransform=(west, 1.0, 0.0, 5_000_000.0, 0.0, -1.0))
    each = ExtractRequest(raster=folder, output_folder=out, model=tiny_model, device="cpu")
    watcher = MemoryOverTime()
    request = BatchRequest(folder, out, each, merge=False)
    result = run_batch(request, OneAfterAnother(each, open_compute), watcher, SilentFeedback())
    assert result.count("done") == RASTERS
    reports = [json.loads(path.read_text()) for path in out.glob("*_report.json")]
    network_s = sum(report["seconds"]["network"] for report in reports)
    overhead_s = (sum(outcome.seconds for outcome in result.outcomes) - network_s) / RASTERS
    growth = watcher.resident[-1] - watcher.resident[WARM]
    print(f"{overhead_s:.3f} s per raster outside the network, {growth / 1e6:.1f} MB more after {RASTERS} than {WARM}")
    assert growth < MOST_GROWTH_BYTES
    assert overhead_s <= MOST_OVERHEAD_S
