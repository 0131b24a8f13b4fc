"""How long a batch will take and how much room: from a few tiles of a few of its rasters."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.batch import BatchRequest, RasterJob
from road_extractor_plugin.contract.batch_plan import BatchPlan, SampledCost, longest_seconds
from road_extractor_plugin.contract.errors import BatchError, RasterUnusableError, RoadExtractorError
from road_extractor_plugin.contract.feedback import Feedback, SilentFeedback, stop_if_cancelled
from road_extractor_plugin.contract.grid import Grid, TileGrid, Window
from road_extractor_plugin.contract.request import Area
from road_extractor_plugin.core.batch import find_rasters, sort_out
from road_extractor_plugin.core.batch_runner import OpenCompute
from road_extractor_plugin.core.inference import plan_tiles
from road_extractor_plugin.core.merge import MERGE_BYTES_PER_PIXEL, MOSAIC_MADE
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.core.probability_mosaic import Scene, common_grid, groups_that_touch
from road_extractor_plugin.core.progress import PartOf
from road_extractor_plugin.core.raster_source import RasterSource

_SAMPLED_RASTERS = 3
_LARGE_TILES = 3
"""The larger sample of a raster is so many tiles wide and high, or all of the raster."""
_LOOKED_AT = 0.2
"""Progress when the sample begins."""
_SECONDS_PER_HOUR = 3600
_BYTES_PER_PIXEL = 5.0
"""Room for the unfinished results of a raster, as a run asks for it before it begins."""
_WITHIN_PX = 1
"""A sample's area ends so much before the edges of its tiles, lest rounding makes it touch others."""


@dataclass(frozen=True)
class _Size:
    """A raster that is to be done, and how large it is."""

    job: RasterJob
    grid: Grid
    tiles: TileGrid

    @property
    def computed_px(self) -> int:
        """Pixels of all tiles."""
        return self.tiles.tile_count * self.tiles.rows.tile_px * self.tiles.columns.tile_px


@dataclass(frozen=True)
class _Sample:
    """What a run on part of a raster took."""

    computed_px: int
    grid_px: int
    tiles: int
    seconds: float
    vector_seconds: float
    """Of those, for what merging does again."""
    result_bytes: int
    roads_bytes: int
    """Of those, for what merging writes again."""


def plan_batch(request: BatchRequest, workers: int, open_compute: OpenCompute, feedback: Feedback) -> BatchPlan:
    """Look at all rasters and run a few tiles; nothing is written but in a folder for temporary files.

    1. Each raster is opened, so that its size at the model's ground resolution is known.
    2. Of a small, a middling and a large one, one tile and then a block of tiles are run, with all that belongs to it.
       So what each raster costs, however small, comes apart from what grows with its pixels.
    3. The others are expected to cost the same per raster and per pixel; merging costs what its stages took, likewise
       once per network and per pixel.

    Args:
        request: The batch.
        workers: How many machines, for the other figure.
        open_compute: Loads the model.
        feedback: Told of progress; asked whether to stop.

    Raises:
        BatchError: There is no raster, or none could be sampled.
        RoadExtractorError: The model cannot be loaded.
        Cancelled: The user asked for it.
    """
    decided, jobs = sort_out(request, find_rasters(request))
    compute = open_compute(request.each)
    try:
        sizes, unreadable = _look(jobs, compute, PartOf(feedback, 0.0, _LOOKED_AT))
        samples = _samples(sizes, compute, PartOf(feedback, _LOOKED_AT, 1.0))
    finally:
        compute.close()
    plan = _plan(request, workers, sizes, samples)
    return dataclasses.replace(plan, kept=len(decided), unreadable=unreadable)


def _look(jobs: Sequence[RasterJob], compute: Compute, feedback: Feedback) -> tuple[list[_Size], tuple[str, ...]]:
    """Rule 1."""
    sizes: list[_Size] = []
    unreadable: list[str] = []
    for number, job in enumerate(jobs):
        stop_if_cancelled(feedback)
        feedback.progress(number / len(jobs), job.label)
        try:
            grid = _grid(job, compute)
            tiles = plan_tiles(compute.card, grid.height_px, grid.width_px, job.request.tile_px)
            sizes.append(_Size(job, grid, tiles))
        except RoadExtractorError as error:
            unreadable.append(str(error))
    return sizes, tuple(unreadable)


def _grid(job: RasterJob, compute: Compute) -> Grid:
    request = job.request
    with RasterSource.open(
        job.raster,
        spec=compute.card.input,
        raster_ground_resolution_m=request.raster_ground_resolution_m,
        area=request.area,
        band_indexes=request.band_indexes,
    ) as source:
        return source.grid


def _samples(sizes: Sequence[_Size], compute: Compute, feedback: Feedback) -> list[_Sample]:
    """Rule 2.

    Raises:
        BatchError: No raster could be run.
    """
    chosen = _spread(sizes)
    samples: list[_Sample] = []
    problem = "no raster can be read"
    with tempfile.TemporaryDirectory(prefix="road_extractor_plan_") as folder:
        for number, size in enumerate(chosen):
            feedback.progress(number / len(chosen), f"measuring on {size.job.raster.name}")
            try:
                if number == 0:
                    _run(size, 1, compute, Path(folder), feedback)  # whatever is slow the first time
                samples += [_run(size, side, compute, Path(folder), feedback) for side in (1, _LARGE_TILES)]
            except RasterUnusableError as error:  # such as one without imagery in its middle
                problem = str(error)
    if not samples:
        raise BatchError(f"Nothing could be measured: {problem}", "Look into the folder")
    return samples


def _spread(sizes: Sequence[_Size]) -> list[_Size]:
    """A few of all sizes, each standing for as many rasters as the others."""
    ordered = sorted(sizes, key=lambda size: size.computed_px)
    count = min(_SAMPLED_RASTERS, len(ordered))
    return [ordered[(2 * index + 1) * len(ordered) // (2 * count)] for index in range(count)]


def _run(size: _Size, side: int, compute: Compute, folder: Path, feedback: Feedback) -> _Sample:
    """Run so many tiles along each side, in the middle of a raster."""
    stop_if_cancelled(feedback)
    request = dataclasses.replace(size.job.request, output_folder=folder, overwrite=True, area=_middle(size, side))
    result = extract(request, compute, SilentFeedback())
    report = result.report
    tiles = plan_tiles(compute.card, report.height_px, report.width_px, request.tile_px)
    sample = _Sample(
        computed_px=(report.tiles - report.tiles_skipped) * tiles.rows.tile_px * tiles.columns.tile_px,
        grid_px=report.width_px * report.height_px,
        tiles=report.tiles - report.tiles_skipped,
        seconds=report.seconds["total"],
        vector_seconds=sum(report.seconds[stage] for stage in ("trace", "polygons", "geopackage")),
        result_bytes=sum(path.stat().st_size for path in folder.iterdir()),
        roads_bytes=result.paths.roads.stat().st_size,
    )
    shutil.rmtree(folder)
    folder.mkdir()
    return sample


def _middle(size: _Size, side: int) -> Area | None:
    """So many tiles as an area; what the request asks for where that is no larger."""
    grid = size.grid
    height, width = (side * axis.tile_px - 2 * _WITHIN_PX for axis in (size.tiles.rows, size.tiles.columns))
    if height >= grid.height_px and width >= grid.width_px:
        return size.job.request.area
    window = Window((grid.height_px - height) // 2, (grid.width_px - width) // 2, height, width)
    inside = window.intersection(grid.window)
    x0, x_size, _, y0, _, y_size = grid.geotransform
    west, north = x0 + inside.column * x_size, y0 + inside.row * y_size
    east, south = west + inside.width * x_size, north + inside.height * y_size
    ring = ", ".join(f"{x!r} {y!r}" for x, y in _corners(west, south, east, north))
    return Area(f"POLYGON (({ring}))", grid.crs_wkt)


def _corners(west: float, south: float, east: float, north: float) -> Iterator[tuple[float, float]]:
    yield from ((west, south), (east, south), (east, north), (west, north), (west, south))


def _plan(request: BatchRequest, workers: int, sizes: Sequence[_Size], samples: Sequence[_Sample]) -> BatchPlan:
    """Rule 3."""
    cost = fitted([(sample.computed_px, sample.seconds) for sample in samples])
    room = fitted([(sample.grid_px, sample.result_bytes) for sample in samples])
    merging = fitted([(sample.grid_px, sample.vector_seconds / (1 - MOSAIC_MADE)) for sample in samples])
    merged_room = fitted([(sample.grid_px, sample.roads_bytes) for sample in samples])
    each_s = [cost.of(size.computed_px) for size in sizes]
    groups = _merged_px(sizes) if request.merge and not request.each.vectors_only else []
    merge_s, merged_bytes = (sum(map(each.of, groups)) for each in (merging, merged_room))
    largest = sorted((size.grid.width_px * size.grid.height_px for size in sizes), reverse=True)
    while_running = sum(largest[:workers]) * _BYTES_PER_PIXEL
    while_merging = max(groups, default=0) * MERGE_BYTES_PER_PIXEL
    pixels = sum(largest)
    return BatchPlan(
        rasters=len(sizes),
        pixels=pixels,
        area_km2=sum(size.grid.area_km2 for size in sizes),
        tiles=sum(size.tiles.tile_count for size in sizes),
        sampled_tiles=sum(sample.tiles for sample in samples),
        seconds=cost,
        hours=(sum(each_s) + merge_s) / _SECONDS_PER_HOUR,
        merge_hours=merge_s / _SECONDS_PER_HOUR,
        workers=workers,
        hours_with_workers=(longest_seconds(each_s, workers) + merge_s) / _SECONDS_PER_HOUR,
        results_bytes=int(room.per_raster * len(sizes) + room.per_pixel * pixels + merged_bytes),
        more_bytes_meanwhile=int(max(while_running, while_merging)),
        free_bytes=shutil.disk_usage(_existing(request.output_folder)).free,
    )


def fitted(samples: Sequence[tuple[float, float]]) -> SampledCost:
    """What grows with pixels and what does not, from samples (pixels, quantity): the line that is nearest to them.

    Neither part is negative. Where the pixels tell nothing, it is the mean.
    """
    pixels, quantity = (np.array(values, dtype=float) for values in zip(*samples))
    centred = pixels - pixels.mean()
    slope = float(centred @ quantity) / max(float(centred @ centred), 1.0)
    if slope <= 0:
        return SampledCost(float(quantity.mean()), 0.0)
    fixed = float(quantity.mean() - slope * pixels.mean())
    return SampledCost(fixed, slope) if fixed >= 0 else SampledCost(0.0, float(quantity.sum() / pixels.sum()))


def _merged_px(sizes: Sequence[_Size]) -> list[int]:
    """Pixels of each mosaic that merging will make."""
    scenes = [Scene(size.job.raster, size.grid) for size in sizes if size.grid.crs_wkt]
    grids = [common_grid(group) for group in groups_that_touch(scenes)] if scenes else []
    return [grid.width_px * grid.height_px for grid in grids]


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
