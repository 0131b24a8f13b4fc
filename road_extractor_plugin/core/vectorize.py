"""Everything again from a stored probability raster, with other settings and without the network."""

from __future__ import annotations

import math

from road_extractor_plugin.compute.protocol import Tracer
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.request import VectorizeRequest
from road_extractor_plugin.contract.result import OutputPaths, RoadCounts, VectorizeReport, VectorizeResult
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.core.gdal_binding import small_cache
from road_extractor_plugin.core.geotiff import PROBABILITY, RasterReader, write_strips
from road_extractor_plugin.core.probability_file import ProbabilityFile, open_probability
from road_extractor_plugin.core.progress import PartOf
from road_extractor_plugin.core.report import request_summary, write_report
from road_extractor_plugin.core.staging import Room, staged_outputs
from road_extractor_plugin.core.stopwatch import Stopwatch
from road_extractor_plugin.core.vectors import Vectoriser

_BYTES_PER_PIXEL = 3.0
"""Room that a run needs: two rasters as strips, one with overviews, hardly compressed."""
_FIXED_BYTES = 5_000_000
"""For an empty GeoPackage and the report."""
_READ, _VECTORISED = 0.1, 0.95
"""Progress after the raster is read and after the vectors are made, about as their times are."""


def vectorize(request: VectorizeRequest, tracer: Tracer, feedback: Feedback) -> VectorizeResult:
    """Make mask, roads and report from a probability raster.

    Args:
        request: What to do.
        tracer: Who traces.
        feedback: Told of progress and warnings; asked whether to stop.

    Raises:
        RoadExtractorError: Something that the user can put right, or `Cancelled`. No file is left behind.
    """
    settings, clock = request.trace.settings(request.model_thresholds), Stopwatch()
    paths = OutputPaths(request.output_folder, request.stem)
    feedback.progress(0.0, "reading probabilities")
    with clock.stage("open"):
        source = open_probability(request.probability, request.raster_ground_resolution_m, feedback)
    for warning in source.warnings:
        feedback.warning(warning)
    needed_bytes = int(source.grid.width_px * source.grid.height_px * _BYTES_PER_PIXEL) + _FIXED_BYTES
    room = Room(f"{paths.stem}_vectorizing", needed_bytes)
    others = (paths.probability, paths.preview)
    with (
        small_cache(),
        staged_outputs(paths, room, overwrite=request.overwrite, untouched=others) as staged,
    ):
        vectoriser = Vectoriser(tracer, settings, clock, PartOf(feedback, _READ, _VECTORISED))
        counts = _write_vectors(source, staged, vectoriser)
        report = _report(request, settings, source, counts, clock)
        write_report(report, staged.report)
        stop_if_cancelled(feedback)
    feedback.progress(1.0, "done")
    return VectorizeResult(paths, report)


def _write_vectors(source: ProbabilityFile, staged: OutputPaths, vectoriser: Vectoriser) -> RoadCounts:
    """All but the report, with the probability brought to our coding on the way."""
    probability = staged.folder / "probability_strips.tif"
    with vectoriser.clock.stage("write"):
        write_strips(probability, source, source.grid, PROBABILITY, vectoriser.feedback)
    return vectoriser.run(lambda: RasterReader(probability), source.grid, staged.roads, staged.mask)


def _report(
    request: VectorizeRequest,
    settings: TraceSettings,
    source: ProbabilityFile,
    counts: RoadCounts,
    clock: Stopwatch,
) -> VectorizeReport:
    grid, seconds = source.grid, clock.seconds()
    valid_fraction = source.valid_px / (grid.width_px * grid.height_px)
    area_km2 = grid.area_km2 * valid_fraction
    return VectorizeReport(
        request=request_summary(request, settings),
        grid_ground_resolution_m=math.sqrt(grid.pixel_size_m[0] * grid.pixel_size_m[1]),
        width_px=grid.width_px,
        height_px=grid.height_px,
        valid_fraction=valid_fraction,
        area_km2=area_km2,
        seconds=seconds,
        megapixels_per_s=grid.width_px * grid.height_px / 1e6 / seconds["trace"],
        km2_per_hour=area_km2 / seconds["total"] * 3600,
        roads=counts,
        warnings=source.warnings,
    )
