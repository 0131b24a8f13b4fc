"""Lines within a buffer, by lengths that can be worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from road_extractor_plugin.compute.metrics.buffered_length import buffered_length
from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph


def network(*coordinates: list[tuple[float, float]]) -> MetricGraph:
    return MetricGraph.of_lines([np.array(line, dtype=float) for line in coordinates])


ROAD = network([(0, 0), (100, 0)])


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        pytest.param(ROAD, ROAD, (1, 1, 1), id="the same"),
        pytest.param(network([(0, 2.9), (100, 2.9)]), ROAD, (1, 1, 1), id="inside the buffer"),
        pytest.param(network([(0, 3.1), (100, 3.1)]), ROAD, (0, 0, 0), id="outside the buffer"),
        pytest.param(network([(0, 0), (50, 0)]), ROAD, (0.53, 1, 50 / 97), id="half and the buffer beyond"),
        pytest.param(
            network([(0, 0), (100, 0)], [(0, 50), (100, 50)]), ROAD, (1, 0.5, 0.5), id="one right and one invented"
        ),
        pytest.param(network(), ROAD, (0, 1, 0), id="nothing predicted"),
        pytest.param(ROAD, network(), (1, 0, 0), id="nothing there"),
        pytest.param(network(), network(), (1, 1, 1), id="nothing predicted and nothing there"),
    ],
)
def test_shares_of_length(
    prediction: MetricGraph, reference: MetricGraph, expected: tuple[float, float, float]
) -> None:
    assert dataclasses.astuple(buffered_length(prediction, reference, 3.0)) == pytest.approx(expected, abs=1e-9)
