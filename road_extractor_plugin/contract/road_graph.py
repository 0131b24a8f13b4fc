"""The road network as a value: what the tracer gives and what is written to files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DETECTED = "detected"
"""`RoadEdge.origin` of a road that the network saw."""

BRIDGED = "bridged"
"""`RoadEdge.origin` of one that fills a gap between roads that it saw."""


@dataclass(frozen=True, eq=False)
class RoadEdge:
    """One stretch of road between two nodes; parallel edges, self-loops and rings are all allowed."""

    from_node: int
    """Row in `RoadGraph.nodes`."""
    to_node: int
    points: npt.NDArray[np.float64]
    """(n, 2) x, y in pixels of the grid, first and last point on the nodes. The centre of pixel (row, column) is
    at (column + 0.5, row + 0.5), so that the grid's geotransform maps it as it stands."""
    width_px: float
    """Median width away from the junctions."""
    confidence: float
    """Mean road probability along the line, 0..1."""
    min_confidence: float
    """Smallest road probability along the line, 0..1."""
    origin: str = DETECTED
    crossing: bool = False
    """Whether it passes over or under another without a node."""


@dataclass(frozen=True, eq=False)
class RoadGraph:
    """An undirected multigraph embedded in the pixel plane."""

    nodes: npt.NDArray[np.float64]
    """(n, 2) x, y in pixels of the grid."""
    edges: tuple[RoadEdge, ...]
