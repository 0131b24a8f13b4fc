"""What the tracer gives. It stands apart so that it can be known where the tracer's libraries are not installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from road_extractor_plugin.compute.raster_rows import PackedRows
from road_extractor_plugin.contract.road_graph import RoadGraph

MaskTaker = Callable[[PackedRows], None]
"""Given the mask of a raster as soon as it is made; the graph is still to come."""


@dataclass(frozen=True, eq=False)
class Traced:
    """What a probability raster says about roads."""

    graph: RoadGraph
    """Edges in the order of their nodes; every node has an edge."""
    mask: PackedRows
    """1 road, 0 none, 255 nodata."""
