"""The first half of a run: the network over a raster, or over some rows of its tiles, into a probability raster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.grid import TileGrid, TileRows
from road_extractor_plugin.contract.raster_coding import NODATA
from road_extractor_plugin.contract.request import Basemap, ExtractRequest
from road_extractor_plugin.contract.result import Device
from road_extractor_plugin.core.geotiff import encode_probability
from road_extractor_plugin.core.heap import give_back_memory
from road_extractor_plugin.core.inference import InferredBlock, PixelSource, inferred, plan_tiles
from road_extractor_plugin.core.mosaic import Mosaic
from road_extractor_plugin.core.progress import Pace, PartOf
from road_extractor_plugin.core.raster_source import RasterSource
from road_extractor_plugin.core.stopwatch import Stopwatch
from road_extractor_plugin.core.strip_store import StripStore

_FINDING = "finding roads"
_WRITTEN_PX = 8_000_000
"""Of a row of tiles, about so many pixels are written at a time."""
_GIVING_BACK_PX = 20_000_000
"""From here on memory is given back behind each row of tiles. Meanwhile all threads wait that ask for some, which
smaller rasters, done within seconds, feel more than a few megabytes."""
NETWORK_SHARE = 0.9
"""Of the work on a raster, about; the rest comes behind the network."""


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
    computed_px: int
    """Of these, the pixels that were not taken over from an earlier run."""
    device: Device
    progress: float
    """Of the whole run, when the network was done."""

    @property
    def computed_share(self) -> float:
        """Of the pixels with imagery, those that were not taken over."""
        return self.computed_px / self.valid_px if self.valid_px else 1.0


def run_network(
    job: NetworkJob, source: PixelSource, part: TileRows, strips: StripStore, following_s: float
) -> Coverage:
    """Compute the probabilities of a part of a raster, strip by strip: each is what a row of tiles finishes.

    Args:
        job: What to do.
        source: The raster.
        part: Where the network runs.
        strips: Those of an earlier run that are finished; the others are added.
        following_s: Seconds that what comes behind the network is expected to take.

    Raises:
        RasterUnreadableError: The raster breaks off.
        OutputError: A strip cannot be written.
        ComputeError: The network failed.
        Cancelled: The user asked for it.
    """
    taken_over = len(strips.finished)
    taken_px = sum(strip.valid_px for strip in strips.finished)
    begin = NETWORK_SHARE * taken_over / len(part.rows)
    rest = TileRows(part.tiles, part.rows[taken_over:])
    pace = Pace(PartOf(job.feedback, begin, 1.0), rest.tile_count, following_s)
    job.feedback.progress(begin, _FINDING)
    if rest.rows:
        with inferred(source, job.compute, rest, job.clock, job.feedback) as blocks:
            _write(job, rest, blocks, strips, pace)
    tiles_run = sum(strip.tiles_run for strip in strips.finished)
    valid_px = sum(strip.valid_px for strip in strips.finished)
    progress = begin + (1 - begin) * pace.fraction
    return Coverage(tiles_run, valid_px, valid_px - taken_px, job.compute.device, progress)


def _write(
    job: NetworkJob, part: TileRows, blocks: Iterator[InferredBlock | None], strips: StripStore, pace: Pace
) -> None:
    done = computed = 0
    gives_back = part.tiles.rows.length_px * part.tiles.columns.length_px >= _GIVING_BACK_PX
    for row in part.rows:
        before = computed
        for columns in _parts_of_a_row(part.tiles, row):
            windows = [part.tiles.finished(row, column) for column in columns]
            first, last = windows[0], windows[-1]
            codes = np.full((first.height, last.column + last.width - first.column), NODATA, dtype=np.uint8)
            for block in islice(blocks, len(windows)):
                if block is not None:
                    with job.clock.stage("write"):
                        begin = block.window.column - first.column
                        encoded = encode_probability(block.probability, block.valid)
                        codes[:, begin : begin + block.window.width] = encoded
                    computed += 1
                done += 1
                pace.tiles_done(done, computed, _FINDING)
            with job.clock.stage("write"):
                strips.put(codes, first.column)
        with job.clock.stage("write"):
            # Where imagery of a service is missing, another run shall ask for it again.
            is_final = job.mosaic is None or job.mosaic.counts().missing == 0
            strips.finish(first.height, computed - before, is_final=is_final)
        if gives_back:
            give_back_memory()


def _parts_of_a_row(tiles: TileGrid, row: int) -> Iterator[range]:
    """Columns of tiles that are written at a time, so that the memory for them does not grow with the raster."""
    columns = len(tiles.columns.starts)
    step = max(_WRITTEN_PX // (tiles.finished(row, 0).height * tiles.columns.tile_px), 1)
    for first in range(0, columns, step):
        yield range(first, min(first + step, columns))
