"""From the stored probability raster to the mask, the road lines and the polygons."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from road_extractor_plugin.compute.protocol import Tracer
from road_extractor_plugin.compute.raster_rows import PackedRows, RasterRows
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.result import RoadCounts
from road_extractor_plugin.contract.road_graph import RoadGraph
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.core.geopackage import write_roads
from road_extractor_plugin.core.geotiff import MASK, write_cog
from road_extractor_plugin.core.heap import is_large
from road_extractor_plugin.core.outlines import without_steps
from road_extractor_plugin.core.polygons import RoadPolygon, road_polygons
from road_extractor_plugin.core.progress import PartOf
from road_extractor_plugin.core.stages import beside
from road_extractor_plugin.core.stopwatch import Stopwatch

_TRACED = 0.7
"""Progress after the tracer, about as the times are."""

Opener = Callable[[], RasterRows]
"""Opens a raster, which each thread does for itself."""


@dataclass(frozen=True)
class Vectoriser:
    """Makes vectors and the mask of probability rasters."""

    tracer: Tracer
    settings: TraceSettings
    clock: Stopwatch
    """Counts the stages `trace`, `polygons`, `rasters` and `geopackage`."""
    feedback: Feedback
    """Told of progress, 0 to 1; asked whether to stop."""

    def run(
        self,
        probability: Opener,
        grid: Grid,
        roads: Path,
        mask: Path | None = None,
        graph_made: Callable[[RoadGraph], None] | None = None,
    ) -> RoadCounts:
        """Trace the roads of a raster and write them.

        Memory is that of a few strips, of the compressed mask, and of what is found. Polygons and mask are made in a
        thread of their own while the tracer applies the rules of the graph; for a large raster, where memory counts,
        afterwards.

        Args:
            probability: 0..254 = 0..1, 255 nodata; it may still be in the making.
            grid: Its size and place.
            roads: GeoPackage to make.
            mask: Cloud-Optimised GeoTIFF to make.
            graph_made: Given the graph before it is written.

        Raises:
            RasterUnreadableError: The raster breaks off.
            OutputError: Something cannot be written.
            Cancelled: The user asked for it.
        """
        masks: list[PackedRows] = []
        polygons: list[Future[tuple[RoadPolygon, ...]]] = []
        with beside() as begin:

            def begin_surfaces() -> None:
                polygons.append(begin(lambda: self._polygons(masks[0], probability(), grid)))
                if mask is not None:
                    begin(lambda: self._write_mask(masks[0], grid, mask))

            def mask_made(rows: PackedRows) -> None:
                masks.append(rows)
                if not is_large(grid):
                    begin_surfaces()

            with self.clock.stage("trace"):
                feedback = PartOf(self.feedback, 0.0, _TRACED)
                pixel_size_m = grid.pixel_size_m
                graph = self.tracer.trace(probability(), self.settings, pixel_size_m, feedback, mask_made).graph
            if is_large(grid):
                begin_surfaces()
            if graph_made is not None:
                graph_made(graph)
            self.feedback.progress(_TRACED, "writing results")
            surfaces = polygons[0].result()
            stop_if_cancelled(self.feedback)
            with self.clock.stage("geopackage"):
                return write_roads(roads, graph, surfaces, grid)

    def _polygons(self, mask: RasterRows, probability: RasterRows, grid: Grid) -> tuple[RoadPolygon, ...]:
        with self.clock.stage("polygons"):
            return without_steps(road_polygons(mask, probability, grid))

    def _write_mask(self, rows: RasterRows, grid: Grid, mask: Path) -> None:
        with self.clock.stage("rasters"):
            write_cog(mask, rows, grid, MASK, self.feedback)
