"""A whole run: from a request to the files that it leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from road_extractor_plugin.compute.averaged import averaged
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.grid import Grid, TileGrid, TileRows
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import ExtractResult, OutputPaths, Report, RoadCounts
from road_extractor_plugin.contract.road_graph import RoadGraph
from road_extractor_plugin.contract.tiles import ImageryCounts
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.core.gdal_binding import small_cache
from road_extractor_plugin.core.geopackage import add_missing_imagery
from road_extractor_plugin.core.geotiff import MASK, PROBABILITY, RasterKind, RasterReader, to_cog, write_strips
from road_extractor_plugin.core.heap import keep_no_large_blocks
from road_extractor_plugin.core.mosaic import Mosaic
from road_extractor_plugin.core.network_run import Coverage, NetworkJob, run_network
from road_extractor_plugin.core.preview import Picture, write_preview
from road_extractor_plugin.core.progress import Later
from road_extractor_plugin.core.raster_source import RasterSource
from road_extractor_plugin.core.regions import FinishedRegion, join
from road_extractor_plugin.core.report import MADE_OF, model_summary, request_summary, write_report
from road_extractor_plugin.core.run_key import Things, all_things
from road_extractor_plugin.core.stages import beside
from road_extractor_plugin.core.staging import Room, staged_outputs
from road_extractor_plugin.core.stopwatch import Stopwatch
from road_extractor_plugin.core.strip_store import LedgerHead, RowsToCome, StripStore
from road_extractor_plugin.core.unfinished import begin_or_go_on, has_strips, unfinished_name
from road_extractor_plugin.core.vectors import Vectoriser

_BYTES_PER_PIXEL = 5.0
"""Room that a run needs: two rasters, each once as strips and once with overviews, hardly compressed, and what a run
that is stopped goes on from."""
_FOLLOWING_S_PER_MEGAPIXEL = 0.07
"""About what everything behind the network takes on one core of a desktop processor."""
_FIXED_BYTES = 5_000_000
"""For an empty GeoPackage, the preview and the report."""
_LARGE_PX = 100_000_000
"""From here on memory is worth more than the time that it takes to give it back."""


@dataclass(frozen=True)
class _Job(NetworkJob):
    """And what the stages behind the network need."""

    settings: TraceSettings
    regions: Sequence[FinishedRegion]


def extract(
    request: ExtractRequest,
    compute: Compute,
    feedback: Feedback,
    mosaic: Mosaic | None = None,
    regions: Sequence[FinishedRegion] = (),
) -> ExtractResult:
    """Find the roads in one raster.

    Args:
        request: What to do.
        compute: The model that the request names, loaded.
        feedback: Told of progress and warnings; asked whether to stop.
        mosaic: The imagery of a request that names a basemap; what was fetched stays there for another run.
        regions: Of the raster, from the north, where the network was run before and elsewhere.

    Raises:
        RoadExtractorError: Something that the user can put right, or `Cancelled`. No file is left behind but what is
            finished, hidden, from where the same request goes on (`core.unfinished`).
    """
    settings = request.trace.settings(compute.card.thresholds)
    job = _Job(request, averaged(compute, request.views), feedback, Stopwatch(), mosaic, settings, regions)
    paths = OutputPaths(request.output_folder, request.raster.stem)
    with job.open_source() as source:
        for warning in source.warnings:
            feedback.warning(warning)
        grid = source.grid
        tiles = job.plan(source)
        if grid.width_px * grid.height_px >= _LARGE_PX:
            keep_no_large_blocks()
        needed_bytes = int(grid.width_px * grid.height_px * _BYTES_PER_PIXEL) + _FIXED_BYTES
        room = Room(unfinished_name(request), needed_bytes, lambda run: request.keep_unfinished and has_strips(run))
        with (
            small_cache(source.kept_bytes(tiles.rows.tile_px)),
            staged_outputs(paths, room, overwrite=request.overwrite) as staged,
        ):
            report = _run(job, source, tiles, staged)
    return ExtractResult(paths, report)


def _run(job: _Job, source: RasterSource, tiles: TileGrid, staged: OutputPaths) -> Report:
    grid, margin_px = source.grid, job.compute.card.tiling.margin_px
    made_of = all_things(job.request, job.mosaic, grid, tiles, margin_px)
    strips, told = _open_strips(job, staged, made_of, grid, tiles)
    feedback = Later(job.feedback)
    vectoriser = Vectoriser(job.compute, job.settings, job.clock, feedback)
    with beside() as begin:
        with strips:  # it is closed first, so that the tracer never waits for rows that do not come
            rows = RowsToCome(strips, (grid.height_px, grid.width_px), lambda: job.clock.idle("trace"))
            mask = staged.folder / "mask_strips.tif"
            tracing = begin(lambda: vectoriser.trace(rows, grid, mask))
            coverage = _make_probability(job, source, tiles, strips)
        for warning in coverage.device.warnings:
            job.feedback.warning(warning)
        feedback.begin(coverage.progress)
        counts = _write_results(job, source, staged, _Tracing(vectoriser, strips.raster(grid), mask, tracing))
    missing = () if job.mosaic is None else tuple(job.mosaic.missing())
    if missing:
        add_missing_imagery(staged.roads, missing, source.grid)
    report = _report(job, source, tiles, coverage, counts)
    report = replace(report, request={**report.request, MADE_OF: made_of}, warnings=(*told, *report.warnings))
    write_report(report, staged.report)
    stop_if_cancelled(job.feedback)
    job.feedback.progress(1.0, "done")
    return report


def _open_strips(
    job: _Job, staged: OutputPaths, made_of: Things, grid: Grid, tiles: TileGrid
) -> tuple[StripStore, tuple[str, ...]]:
    """Where the probabilities go: those of regions are joined anew each time."""
    if job.regions:
        return StripStore(staged.folder, grid.width_px, LedgerHead({}, len(job.regions))), ()
    heights = [tiles.finished(row, 0).height for row in range(len(tiles.rows.starts))]
    return begin_or_go_on(staged.folder.parent, made_of, grid.width_px, heights, job.feedback)


def _make_probability(job: _Job, source: RasterSource, tiles: TileGrid, strips: StripStore) -> Coverage:
    if job.regions:
        return join(job, source, job.regions, strips)
    megapixels = source.grid.width_px * source.grid.height_px / 1e6
    return run_network(job, source, TileRows.all_of(tiles), strips, megapixels * _FOLLOWING_S_PER_MEGAPIXEL)


@dataclass(frozen=True)
class _Tracing:
    """What the tracer has and gives."""

    vectoriser: Vectoriser
    probability: Path
    mask: Path
    """There when the graph is."""
    graph: Future[RoadGraph]


def _write_results(job: _Job, source: RasterSource, staged: OutputPaths, tracing: _Tracing) -> RoadCounts:
    """All but the report; rasters and preview are made while the roads are traced and written."""

    def cog(strips: Path, destination: Path, kind: RasterKind) -> None:
        with job.clock.stage("rasters"):
            to_cog(strips, destination, kind, job.feedback)

    def picture() -> Picture:
        with job.clock.stage("preview"):
            return Picture.of(source)

    def preview(picture: Picture) -> None:
        with job.clock.stage("preview"):
            write_preview(staged.preview, picture, graph)

    def probability() -> None:
        tiled = staged.folder / "probability_strips.tif"
        with job.clock.stage("rasters"):
            # In tiles, for GDAL takes more than twice as long to make overviews of rows.
            write_strips(tiled, RasterReader(tracing.probability), source.grid, PROBABILITY, job.feedback)
        cog(tiled, staged.probability, PROBABILITY)

    with beside() as begin:
        if not job.request.vectors_only:
            begin(probability)
            image = begin(picture)
        graph = tracing.graph.result()
        if not job.request.vectors_only:
            begin(lambda: preview(image.result()))
            begin(lambda: cog(tracing.mask, staged.mask, MASK))
        return tracing.vectoriser.write(graph, tracing.probability, tracing.mask, source.grid, staged.roads)


def _report(job: _Job, source: RasterSource, tiles: TileGrid, coverage: Coverage, counts: RoadCounts) -> Report:
    grid, seconds = source.grid, job.clock.seconds()
    valid_fraction = coverage.valid_px / (grid.width_px * grid.height_px)
    area_km2 = grid.area_km2 * valid_fraction
    imagery = None if job.mosaic is None else job.mosaic.counts()
    return Report(
        request=request_summary(job.request, job.settings),
        model=model_summary(job.request.model, job.compute.card),
        device=coverage.device,
        raster_ground_resolution_m=source.native_ground_resolution_m,
        grid_ground_resolution_m=math.sqrt(grid.pixel_size_m[0] * grid.pixel_size_m[1]),
        width_px=grid.width_px,
        height_px=grid.height_px,
        regions=max(len(job.regions), 1),
        tiles=tiles.tile_count,
        tiles_skipped=tiles.tile_count - coverage.tiles_run,
        overlap_factor=tiles.overlap_factor,
        valid_fraction=valid_fraction,
        area_km2=area_km2,
        seconds=seconds,
        megapixels_per_s=coverage.computed_px / 1e6 / seconds["network"] if "network" in seconds else 0.0,
        km2_per_hour=area_km2 * coverage.computed_share / seconds["total"] * 3600,
        roads=counts,
        imagery=imagery,
        warnings=(*source.warnings, *coverage.device.warnings, *_missing_warning(imagery)),
    )


def _missing_warning(imagery: ImageryCounts | None) -> tuple[str, ...]:
    if imagery is None or not imagery.missing:
        return ()
    problems = ", ".join(f"{problem}: {count:,}" for problem, count in imagery.problems.items())
    missing = f"{imagery.missing:,} of {imagery.tiles:,} tiles of imagery are missing ({problems})"
    return (f"{missing}; no roads are sought there.",)
