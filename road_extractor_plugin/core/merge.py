"""One road network of many probability rasters, with the roads of overlapping ones not doubled and seams joined."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from road_extractor_plugin.compute.protocol import Tracer
from road_extractor_plugin.contract.errors import OutputError
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.result import RoadCounts
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.core.geopackage import append_roads
from road_extractor_plugin.core.geotiff import PROBABILITY, RasterReader, write_strips
from road_extractor_plugin.core.output_errors import check_room
from road_extractor_plugin.core.probability_mosaic import ProbabilityMosaic, Scene, common_grid, groups_that_touch
from road_extractor_plugin.core.progress import PartOf
from road_extractor_plugin.core.run_folder import run_folder
from road_extractor_plugin.core.stopwatch import Stopwatch
from road_extractor_plugin.core.vectors import Vectoriser

MERGE_BYTES_PER_PIXEL = 2.0
"""Probability and mask as strips, hardly compressed."""
MOSAIC_MADE = 0.2
"""Progress of a group after its mosaic is written, about as the times are."""


def merge_networks(
    rasters: Sequence[Path], roads: Path, tracer: Tracer, settings: TraceSettings, feedback: Feedback
) -> RoadCounts | None:
    """Trace many probability rasters as one.

    1. Rasters that overlap or touch make a group, which shares no road with another.
    2. Those of a group become one raster, in the CRS and on the pixels of its first.
    3. Each such raster is traced, and its lines go into one GeoPackage, in the CRS of the first raster of all.

    Memory is that of tracing a few strips, whatever the number of rasters.

    Args:
        rasters: Files of our probability coding; those without CRS are left out with a warning.
        roads: GeoPackage to make; an earlier one is replaced when the new one is complete.
        tracer: Who traces.
        settings: How.
        feedback: Told of progress and warnings; asked whether to stop.

    Returns:
        What was found; None if no raster says where it lies.

    Raises:
        RasterUnreadableError: A raster is broken.
        OutputError: The GeoPackage cannot be written; `DiskFullError` when that is why.
        Cancelled: The user asked for it.
    """
    scenes = _scenes(rasters, feedback)
    if not scenes:
        return None
    groups = groups_that_touch(scenes)
    found: list[RoadCounts] = []
    with run_folder(roads.parent, f"{roads.stem}_merging") as folder:
        whole = folder / roads.name
        for number, group in enumerate(groups):
            part = PartOf(feedback, number / len(groups), (number + 1) / len(groups))
            made, counts = _trace(group, folder, tracer, settings, part)
            append_roads(whole, made, sum(earlier.components for earlier in found))
            found.append(counts)
        _replace(whole, roads)
    return _sum(found)


def _scenes(rasters: Sequence[Path], feedback: Feedback) -> list[Scene]:
    scenes = []
    for path in rasters:
        scene = Scene.of_file(path)
        if scene is None:
            feedback.warning(f"'{path.name}' has no coordinate reference system and is not in the merged network.")
        else:
            scenes.append(scene)
    return scenes


def _trace(
    group: Sequence[Scene], folder: Path, tracer: Tracer, settings: TraceSettings, feedback: Feedback
) -> tuple[Path, RoadCounts]:
    """Rules 2 and 3 for one group: its own GeoPackage, and what is in it."""
    grid = common_grid(group)
    check_room(folder, int(grid.width_px * grid.height_px * MERGE_BYTES_PER_PIXEL))
    probability, roads = folder / "group_probability.tif", folder / "group_roads.gpkg"
    feedback.progress(0.0, "merging")
    write_strips(probability, ProbabilityMosaic(group, grid), grid, PROBABILITY, feedback)
    part = PartOf(feedback, MOSAIC_MADE, 1.0)
    return roads, Vectoriser(tracer, settings, Stopwatch(), part).run(lambda: RasterReader(probability), grid, roads)


def _replace(made: Path, roads: Path) -> None:
    try:
        made.replace(roads)
    except OSError as error:
        problem = f"Cannot replace '{roads}': {error.strerror}"
        raise OutputError(
            problem, "Close it in other programs, and run the batch again: it goes on from there"
        ) from error


def _sum(found: Sequence[RoadCounts]) -> RoadCounts:
    length_km = sum(counts.length_km for counts in found)

    def mean(values: Sequence[float]) -> float:
        weighted = sum(value * counts.length_km for value, counts in zip(values, found))
        return weighted / length_km if length_km else 0.0

    return RoadCounts(
        centerlines=sum(counts.centerlines for counts in found),
        nodes=sum(counts.nodes for counts in found),
        polygons=sum(counts.polygons for counts in found),
        components=sum(counts.components for counts in found),
        length_km=length_km,
        mean_width_m=mean([counts.mean_width_m for counts in found]),
        mean_confidence=mean([counts.mean_confidence for counts in found]),
    )
