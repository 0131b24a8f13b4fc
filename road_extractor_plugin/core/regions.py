"""A raster in regions of whole rows of tiles, each computed anywhere: together they are what one process would make."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
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
from road_extractor_plugin.core.geotiff import RasterReader
from road_extractor_plugin.core.network_run import Coverage, NetworkJob, run_network
from road_extractor_plugin.core.output_errors import writing
from road_extractor_plugin.core.raster_source import RasterSource
from road_extractor_plugin.core.run_folder import run_folder
from road_extractor_plugin.core.run_key import all_things
from road_extractor_plugin.core.staging import refuse_existing
from road_extractor_plugin.core.stopwatch import Stopwatch
from road_extractor_plugin.core.strip_store import StripStore
from road_extractor_plugin.core.unfinished import begin_or_go_on, has_strips

_FEWEST_ROWS = 2
"""Of tiles in a region: one more is computed for its northern join."""

_MADE = "made"


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
    """Run the network over some rows of tiles. A worker that is lost leaves what is finished to the next one.

    Two workers may do the same region, if one was taken for lost: the files of either are as good.

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
    place = folder / f"rows_{rows.start}_{rows.stop}"
    with job.open_source() as source:
        tiles = job.plan(source)
        with (
            small_cache(source.kept_bytes(tiles.rows.tile_px)),
            run_folder(folder, place.name, lambda run: has_strips(run / _MADE)) as run,
        ):
            made = place if place.exists() else run / _MADE  # a batch that was stopped may have left it
            coverage, raster = _compute(job, source, TileRows(tiles, rows), made)
            with suppress(OSError):  # another worker was first
                made.rename(place)
    return FinishedRegion(place / raster.name, coverage, job.clock.seconds())


def _compute(job: NetworkJob, source: RasterSource, part: TileRows, folder: Path) -> tuple[Coverage, Path]:
    """The region in a folder of its own, as far as it is not there, and the raster of it."""
    with writing(folder, 0):
        folder.mkdir(exist_ok=True)
    grid, margin_px = source.grid, job.compute.card.tiling.margin_px
    made_of = {**all_things(job.request, None, grid, part.tiles, margin_px), "rows of tiles": str(part.rows)}
    heights = [part.tiles.finished(row, 0).height for row in part.rows]
    strips, _ = begin_or_go_on(folder, made_of, grid.width_px, heights, SilentFeedback())
    with strips:
        coverage = run_network(job, source, part, strips, 0.0)
        return coverage, strips.raster(grid.part(part.finished))


def join(job: NetworkJob, source: RasterSource, regions: Sequence[FinishedRegion], strips: StripStore) -> Coverage:
    """Make one raster of all regions, and count their times as those of the job.

    Args:
        job: Of the whole raster.
        source: The raster.
        regions: All of them, from the north.
        strips: Where they go, as strips.

    Raises:
        RasterUnreadableError: A region is damaged.
        RasterUnusableError: The raster is another than it was.
        OutputError: The strips cannot be written.
        Cancelled: The user asked for it.
    """
    parts = [RasterReader(region.path) for region in regions]
    _check_size(parts, source, job)
    for part in parts:
        for start, stop in Strips.of(part, feedback=job.feedback):
            with job.clock.stage("write"):
                strips.append(part.read(start, stop), 0)
    for region in regions:
        job.clock.add(region.seconds)
    coverages = [region.coverage for region in regions]
    return Coverage(
        tiles_run=sum(coverage.tiles_run for coverage in coverages),
        valid_px=sum(coverage.valid_px for coverage in coverages),
        computed_px=sum(coverage.computed_px for coverage in coverages),
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
