"""How sure the network is along each line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.ranges import divided
from road_extractor_plugin.compute.raster_rows import RasterRows, values_at
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA

Floats = npt.NDArray[np.float64]

STEP_PX = 0.5


def confidence_along(lines: Polylines, probability: RasterRows) -> tuple[Floats, Floats]:
    """Mean and smallest road probability along lines, from the nearest pixel at places at most half a pixel apart.

    Args:
        lines: m lines within the raster.
        probability: 0..254 = 0..1, 255 nodata, which counts as 0.

    Returns:
        (m,) mean weighted by length, (m,) smallest; both 0..1.
    """
    if not lines.first.size:
        return np.empty(0), np.empty(0)
    inside = np.ones(len(lines.points), dtype=bool)
    inside[lines.last] = False
    start = np.flatnonzero(inside)
    way = lines.points[start + 1] - lines.points[start]
    length = np.hypot(way[:, 0], way[:, 1])
    count = np.maximum(np.ceil(length / STEP_PX).astype(np.int64), 1)
    segment, share = divided(count)
    places = lines.points[start][segment] + share[:, None] * way[segment]
    column, row = np.floor(places).astype(np.int64).T
    height, width = probability.shape
    stored = values_at(probability, np.clip(row, 0, height - 1), np.clip(column, 0, width - 1))
    value = np.where(stored == NODATA, 0, stored) / CERTAIN

    line, weight = lines.line_of_point[start][segment], (length / count)[segment]
    mean = np.bincount(line, weights=value * weight) / np.bincount(line, weights=weight)
    return mean, np.minimum.reduceat(value, np.searchsorted(line, np.arange(lines.first.size)))
