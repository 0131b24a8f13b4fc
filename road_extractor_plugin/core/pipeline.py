"""A whole run: from a request to the files that it leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from road_extractor_plugin.core.geotiff import PROBABILITY, write_cog
from road_extractor_plugin.core.heap import is_large, keep_no_large_blocks
from road_extractor_plugin.core.inference import PixelSource
from road_extractor_plugin.core.mosaic import Mosaic
from road_extractor_plugin.core.network_run import Coverage, NetworkJob, run_network
from road_extractor_plugin.core.preview import ShownSource, write_preview
from road_extractor_plugin.core.progress import Later
from road_extractor_plugin.core.raster_source import RasterSource
from road_extractor_plugin.core.regions import FinishedRegion, join
from road_extractor_plugin.core.report import MADE_OF, model_summary, request_summary, write_report
from road_extractor_plugin.core.run_key import Things, all_things
from road_extractor_plugin.core.stages import Begin, beside
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
        if is_large(grid):
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
    with beside() as begin_raster, beside() as begin_picture, beside() as begin_roads:
        with strips:  # it is closed first, so that nobody waits for rows that do not come
            # Large rasters have both made in one thread, one after the other, for the sake of memory.
            threads = (begin_raster, begin_raster if is_large(grid) else begin_picture)
            shown = ShownSource(source, tiles)
            files = _Files(job, shown, staged, strips, threads)
            counts = begin_roads(lambda: files.roads(feedback))
            pixels = source if job.request.vectors_only else shown
            coverage = _make_probability(job, source, pixels, tiles, strips)
        for warning in coverage.device.warnings:
            job.feedback.warning(warning)
        feedback.begin(coverage.progress)
        files.begin_rasters()
    missing = () if job.mosaic is None else tuple(job.mosaic.missing())
    if missing:
        add_missing_imagery(staged.roads, missing, source.grid)
    report = _report(job, source, tiles, coverage, counts.result())
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


def _make_probability(
    job: _Job, source: RasterSource, pixels: PixelSource, tiles: TileGrid, strips: StripStore
) -> Coverage:
    if job.regions:
        return join(job, source, job.regions, strips)
    following_s = source.grid.width_px * source.grid.height_px / 1e6 * _FOLLOWING_S_PER_MEGAPIXEL
    return run_network(job, pixels, TileRows.all_of(tiles), strips, following_s)


class _Files:
    """What a run leaves but the report, each made as soon as what it needs is there.

    Args:
        job: What to do.
        shown: The image; for the picture, when the network has read it.
        staged: Files to make.
        strips: The probabilities, which may still be in the making.
        threads: Hand over work on the probability raster and on the preview.
    """

    def __init__(
        self, job: _Job, shown: ShownSource, staged: OutputPaths, strips: StripStore, threads: tuple[Begin, Begin]
    ) -> None:
        self._job, self._shown, self._staged, self._strips = job, shown, staged, strips
        self._begin_raster, self._begin_preview = threads

    def begin_rasters(self) -> None:
        """Have the probability raster made, and what the network did not read of the picture for the preview read.

        While the network runs, all cores have work; behind it the tracer leaves one idle.
        """
        if not self._job.request.vectors_only:
            self._begin_raster(self._probability)
            self._begin_preview(self._read_picture)

    def roads(self, feedback: Feedback) -> RoadCounts:
        """Make mask and GeoPackage, and the preview in its own thread."""
        job, staged = self._job, self._staged
        vectoriser = Vectoriser(job.compute, job.settings, job.clock, feedback)
        mask = None if job.request.vectors_only else staged.mask
        return vectoriser.run(lambda: self._rows("trace"), self._shown.grid, staged.roads, mask, self._draw)

    def _rows(self, stage: str) -> RowsToCome:
        """The probabilities, for a stage that does not count waiting for them."""
        grid = self._shown.grid
        return RowsToCome(self._strips, (grid.height_px, grid.width_px), lambda: self._job.clock.idle(stage))

    def _probability(self) -> None:
        job = self._job
        with job.clock.stage("rasters"):
            write_cog(self._staged.probability, self._rows("rasters"), self._shown.grid, PROBABILITY, job.feedback)

    def _read_picture(self) -> None:
        with self._job.clock.stage("preview"):
            self._shown.read_rest(self._job.feedback)

    def _draw(self, graph: RoadGraph) -> None:
        if not self._job.request.vectors_only:
            self._begin_preview(lambda: self._preview(graph))

    def _preview(self, graph: RoadGraph) -> None:
        self._read_picture()  # if there was nothing for the network to do, the roads may be here first
        with self._job.clock.stage("preview"):
            write_preview(self._staged.preview, self._shown.picture(), graph)


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
