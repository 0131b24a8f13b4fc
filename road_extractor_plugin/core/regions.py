"""A raster in regions of whole rows of tiles, each computed anywhere: together they are what one process would make."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from road_extractor_plugin.compute.averaged import averaged
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.compute.raster_rows import Strips
from road_extractor_plugin.contract.errors import RasterUnusableError
from road_extractor_plugin.contract.feedback import Feedback, SilentFeedback
from road_extractor_plugin.contract.grid import TileGrid, TileRows
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import Device, OutputPaths
from road_extractor_plugin.core.gdal_binding import small_cache
from road_extractor_plugin.core.geotiff import PROBABILITY, RasterReader, RasterWriter
from road_extractor_plugin.core.network_run import Coverage, NetworkJob, run_network
from road_extractor_plugin.core.raster_source import RasterSource
from road_extractor_plugin.core.staging import refuse_existing
from road_extractor_plugin.core.stopwatch import Stopwatch

_FEWEST_ROWS = 2
"""Of tiles in a region: one more is computed for its northern join."""


@dataclass(frozen=True)
class FinishedRegion:
    """A region whose probability raster is there."""

    path: Path
    coverage: Coverage
    seconds: dict[str, float]
    """Per stage, and `total`."""


def share_out(tiles: TileGrid, most_tiles: int, workers: int) -> tuple[range, ...]:
    """Cut the rows of tiles into regions of about the same number of rows.

    1. As few as have about `most_tiles` each,
    2. so many more that all workers are busy to the end,
    3. but none of fewer than two rows.

    Args:
        tiles: Of the raster.
        most_tiles: In a region, about.
        workers: How many there are, at least 1.
    """
    rows = len(tiles.rows.starts)
    count = -(-tiles.tile_count // most_tiles)  # 1
    count = -(-count // workers) * workers  # 2
    count = max(min(count, rows // _FEWEST_ROWS), 1)  # 3
    edges = [rows * index // count for index in range(count + 1)]
    return tuple(range(start, stop) for start, stop in zip(edges, edges[1:]))


def tiles_to_share(request: ExtractRequest, compute: Compute, most_tiles: int) -> TileGrid | None:
    """The tiles of a raster that is worth sharing out; None of any other.

    Raises:
        OutputExistsError: It is, and there are outputs already.
        RoadExtractorError: The raster cannot be used.
    """
    job = NetworkJob(request, compute, SilentFeedback(), Stopwatch(), None)
    with job.open_source() as source:
        tiles = job.plan(source)
    if len(share_out(tiles, most_tiles, 1)) == 1:
        return None
    refuse_existing(OutputPaths(request.output_folder, request.raster.stem), overwrite=request.overwrite)
    return tiles


def compute_region(
    request: ExtractRequest, compute: Compute, rows: range, folder: Path, feedback: Feedback
) -> FinishedRegion:
    """Run the network over some rows of tiles; with no part of it done, there is no file.

    Two workers may do the same region, if one was taken for lost: the file of either is as good.

    Args:
        request: Names the raster.
        compute: The model, loaded.
        rows: Of tiles.
        folder: Where the region's raster shall be.
        feedback: Told of progress; asked whether to stop.

    Raises:
        RoadExtractorError: Something that the user can put right, or `Cancelled`.
    """
    job = NetworkJob(request, averaged(compute, request.views), feedback, Stopwatch(), None)
    path = folder / f"rows_{rows.start}_{rows.stop}.tif"
    with job.open_source() as source:
        tiles = job.plan(source)
        with (
            small_cache(source.kept_bytes(tiles.rows.tile_px)),
            tempfile.TemporaryDirectory(prefix=".", dir=folder) as unfinished,
        ):
            made = Path(unfinished) / path.name
            coverage = run_network(job, source, TileRows(tiles, rows), made, 0.0)
            made.replace(path)
    return FinishedRegion(path, coverage, job.clock.seconds())


def join(job: NetworkJob, source: RasterSource, regions: Sequence[FinishedRegion], path: Path) -> Coverage:
    """Make one probability raster of all regions, and count their times as those of the job.

    Args:
        job: Of the whole raster.
        source: The raster.
        regions: All of them, from the north.
        path: Raster to make.

    Raises:
        RasterUnreadableError: A region is damaged.
        RasterUnusableError: The raster is another than it was.
        OutputError: The probability raster cannot be written.
        Cancelled: The user asked for it.
    """
    parts = [RasterReader(region.path) for region in regions]
    _check_size(parts, source, job)
    row = 0
    with RasterWriter(path, source.grid, PROBABILITY) as writer:
        for part in parts:
            for start, stop in Strips.of(part, feedback=job.feedback):
                with job.clock.stage("write"):
                    writer.write(part.read(start, stop), row + start)
            row += part.shape[0]
    for region in regions:
        job.clock.add(region.seconds)
    coverages = [region.coverage for region in regions]
    return Coverage(
        tiles_run=sum(coverage.tiles_run for coverage in coverages),
        valid_px=sum(coverage.valid_px for coverage in coverages),
        device=_all_warnings([coverage.device for coverage in coverages]),
        progress=0.0,
    )


def _check_size(parts: Sequence[RasterReader], source: RasterSource, job: NetworkJob) -> None:
    grid, rows = source.grid, sum(part.shape[0] for part in parts)
    widths = {part.shape[1] for part in parts}
    if rows != grid.height_px or widths != {grid.width_px}:
        problem = f"has {grid.height_px} rows of {grid.width_px} pixels now, its regions have {rows} of {min(widths)}"
        raise RasterUnusableError(str(job.request.raster), problem, "Do not change it meanwhile, and run it again")


def _all_warnings(devices: Sequence[Device]) -> Device:
    """The first device, with the warnings of all."""
    warnings = dict.fromkeys(warning for device in devices for warning in device.warnings)
    return replace(devices[0], warnings=tuple(warnings))
