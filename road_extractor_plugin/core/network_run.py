"""The first half of a run: the network over a raster, or over some rows of its tiles, into a probability raster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.grid import TileGrid, TileRows
from road_extractor_plugin.contract.request import Basemap, ExtractRequest
from road_extractor_plugin.contract.result import Device
from road_extractor_plugin.core.geotiff import PROBABILITY, RasterWriter, encode_probability
from road_extractor_plugin.core.inference import inferred, plan_tiles
from road_extractor_plugin.core.mosaic import Mosaic
from road_extractor_plugin.core.progress import Pace
from road_extractor_plugin.core.raster_source import RasterSource
from road_extractor_plugin.core.stopwatch import Stopwatch

_FINDING = "finding roads"


@dataclass(frozen=True)
class NetworkJob:
    """What all stages of a run share."""

    request: ExtractRequest
    compute: Compute
    """With the views that the request wants (`averaged`)."""
    feedback: Feedback
    clock: Stopwatch
    mosaic: Mosaic | None

    def open_source(self) -> RasterSource:
        """Open the raster, or the mosaic of a basemap."""
        if self.mosaic is not None:
            self.mosaic.feedback = self.feedback
        raster = self.mosaic or self.request.raster
        if isinstance(raster, Basemap):
            raise RequestError("raster", raster.name, "a file where nothing fetches the imagery of services")
        with self.clock.stage("open"):
            return RasterSource.open(
                raster,
                spec=self.compute.card.input,
                raster_ground_resolution_m=self.request.raster_ground_resolution_m,
                area=self.request.area,
                band_indexes=self.request.band_indexes,
            )

    def plan(self, source: RasterSource) -> TileGrid:
        """Where the network runs."""
        grid = source.grid
        return plan_tiles(self.compute.card, grid.height_px, grid.width_px, self.request.tile_px)


@dataclass(frozen=True)
class Coverage:
    """How much was computed, and on what."""

    tiles_run: int
    valid_px: int
    device: Device
    progress: float
    """Of the whole run, when the network was done."""


def run_network(job: NetworkJob, source: RasterSource, part: TileRows, path: Path, following_s: float) -> Coverage:
    """Compute a probability raster and write it block by block.

    Args:
        job: What to do.
        source: The raster.
        part: Where the network runs.
        path: Raster of the pixels that this part finishes.
        following_s: Seconds that what comes behind the network is expected to take.

    Raises:
        RasterUnreadableError: The raster breaks off.
        OutputError: The probability raster cannot be written.
        ComputeError: The network failed.
        Cancelled: The user asked for it.
    """
    window = part.finished
    pace = Pace(job.feedback, part.tile_count, following_s)
    tiles_run = valid_px = 0
    job.feedback.progress(0.0, _FINDING)
    with (
        RasterWriter(path, source.grid.part(window), PROBABILITY) as writer,
        inferred(source, job.compute, part, job.clock, job.feedback) as blocks,
    ):
        for done, block in enumerate(blocks, start=1):
            if block is not None:
                with job.clock.stage("write"):
                    codes = encode_probability(block.probability, block.valid)
                    writer.write(codes, block.window.row - window.row, block.window.column)
                tiles_run += 1
                valid_px += int(np.count_nonzero(block.valid))
            pace.tiles_done(done, tiles_run, _FINDING)
    return Coverage(tiles_run, valid_px, job.compute.device, pace.fraction)
