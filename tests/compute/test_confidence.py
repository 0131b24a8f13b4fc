"""Probability along lines."""

from __future__ import annotations

import numpy as np
import pytest

from road_extractor_plugin.compute.confidence import confidence_along
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.raster_rows import ArrayRows

PROBABILITY = ArrayRows(np.array([[254, 254, 127, 0], [254, 255, 254, 254]], dtype=np.uint8))


@pytest.mark.parametrize(
    ("line", "mean", "smallest"),
    [
        pytest.param([(0.5, 0.5), (1.5, 0.5)], 1.0, 1.0, id="sure"),
        pytest.param([(0, 0.5), (4, 0.5)], 0.625, 0.0, id="a row"),
        pytest.param([(0, 0.5), (2, 0.5), (2.5, 0.5)], 0.9, 0.5, id="weighted by length"),
        pytest.param([(0, 1.5), (4, 1.5)], 0.75, 0.0, id="nodata is no evidence"),
        pytest.param([(4, 2), (3.5, 1.5)], 1.0, 1.0, id="from the raster's corner"),
    ],
)
def test_mean_and_smallest(line: list[tuple[float, float]], mean: float, smallest: float) -> None:
    lines = Polylines.of([np.array([(0.0, 0.0), (1.0, 0.0)]), np.array(line, dtype=float)])
    means, lows = confidence_along(lines, PROBABILITY)
    assert means[1] == pytest.approx(mean, abs=1e-3)
    assert lows[1] == pytest.approx(smallest, abs=1e-3)


def test_no_lines() -> None:
    assert [values.size for values in confidence_along(Polylines.of([]), PROBABILITY)] == [0, 0]
