"""From the stored probability raster to the mask, the road lines and the polygons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from road_extractor_plugin.compute.protocol import Tracer
from road_extractor_plugin.compute.raster_rows import RasterRows
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.result import RoadCounts
from road_extractor_plugin.contract.road_graph import RoadGraph
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.core.geopackage import write_roads
from road_extractor_plugin.core.geotiff import MASK, RasterReader, write_strips
from road_extractor_plugin.core.outlines import without_steps
from road_extractor_plugin.core.polygons import road_polygons
from road_extractor_plugin.core.progress import PartOf
from road_extractor_plugin.core.stopwatch import Stopwatch

_TRACED = 0.7
"""Progress after the tracer, about as the times are."""


@dataclass(frozen=True)
class Vectorised:
    """What came of it."""

    graph: RoadGraph
    counts: RoadCounts
    mask: Path
    """Raster in strips, beside the GeoPackage; not yet Cloud-Optimised."""


@dataclass(frozen=True)
class Vectoriser:
    """Makes vectors and the mask of probability rasters."""

    tracer: Tracer
    settings: TraceSettings
    clock: Stopwatch
    """Counts the stages `trace`, `polygons` and `geopackage`."""
    feedback: Feedback
    """Told of progress, 0 to 1; asked whether to stop."""

    def run(self, probability: Path, grid: Grid, roads: Path) -> Vectorised:
        """`trace` and `write` one after the other.

        Args:
            probability: Raster of one band of uint8, 0..254 = 0..1, 255 nodata.
            grid: Its size and place.
            roads: GeoPackage to make, and the mask beside it.

        Raises:
            RasterUnreadableError: The raster breaks off.
            OutputError: Something cannot be written.
            Cancelled: The user asked for it.
        """
        mask = roads.with_name("mask_strips.tif")
        graph = self.trace(RasterReader(probability), grid, mask)
        return Vectorised(graph, self.write(graph, probability, mask, grid, roads), mask)

    def trace(self, probability: RasterRows, grid: Grid, mask: Path) -> RoadGraph:
        """Trace a raster, which may still be in the making, and write the mask.

        Memory is that of a few strips, of the compressed mask, and of what is found.
        """
        with self.clock.stage("trace"):
            feedback = PartOf(self.feedback, 0.0, _TRACED)
            traced = self.tracer.trace(probability, self.settings, grid.pixel_size_m, feedback)
            write_strips(mask, traced.mask, grid, MASK, self.feedback)
        return traced.graph

    def write(self, graph: RoadGraph, probability: Path, mask: Path, grid: Grid, roads: Path) -> RoadCounts:
        """Make the polygons and write the GeoPackage."""
        self.feedback.progress(_TRACED, "writing results")
        with self.clock.stage("polygons"):
            polygons = without_steps(road_polygons(mask, probability, grid))
        stop_if_cancelled(self.feedback)
        with self.clock.stage("geopackage"):
            return write_roads(roads, graph, polygons, grid)
