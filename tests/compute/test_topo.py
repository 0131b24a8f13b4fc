"""TOPO on networks whose marbles can be counted by hand, and its walk against networkx's distances."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph, Places
from road_extractor_plugin.compute.metrics.topo import (
    CITY_TILES,
    NOTHING_FOUND,
    NOTHING_MISSED,
    SMALL_TILES,
    Walk,
    topo,
)


def network(*coordinates: list[tuple[float, float]]) -> MetricGraph:
    return MetricGraph.of_lines([np.array(line, dtype=float) for line in coordinates])


BLOCKS = network(
    [(0, 0), (100, 0), (210, 0), (300, 5)],
    [(0, 100), (100, 110), (210, 100)],
    [(100, 0), (100, 110), (100, 200)],
    [(210, 0), (210, 100)],
    [(100, 200), (160, 240), (100, 280), (40, 240), (100, 200)],
)


@pytest.mark.parametrize("protocol", [CITY_TILES, SMALL_TILES], ids=["city", "small"])
@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(BLOCKS, id="blocks"),
        pytest.param(network([(0, 0), (100, 0), (100, 100), (0, 0)]), id="ring"),
        pytest.param(network([(0, 0), (10, 0)]), id="too short for a start"),
    ],
)
def test_identical_networks_score_one(graph: MetricGraph, protocol: object) -> None:
    assert topo(graph, graph, protocol) == NOTHING_MISSED


def test_half_a_road() -> None:
    """Eight starts on 400 m, four of them on the predicted half; from there all marbles fit, and all holes count."""
    reference, prediction = network([(0, 0), (400, 0)]), network([(0, 0), (200, 0)])
    result = topo(prediction, reference, dataclasses.replace(CITY_TILES, radius_m=1000))
    starts = [400 * i / 9 for i in range(1, 5)]
    shares = [
        (math.floor(x / 5) + math.floor((200 - x) / 5)) / (math.floor(x / 5) + math.floor((400 - x) / 5))
        for x in starts
    ]
    assert result.precision == pytest.approx(1)
    assert result.coverage == pytest.approx(0.5)
    assert result.recall == pytest.approx(sum(shares) / 8)
    assert result.f1 == pytest.approx(2 * result.recall / (1 + result.recall))


def test_the_walk_ends_at_the_radius() -> None:
    """A branch that begins 160 m away is not seen by starts in the middle of the road."""
    reference = network([(0, 0), (50, 0)], [(50, 0), (400, 0)], [(50, 0), (50, 300)])
    prediction = network([(0, 0), (400, 0)])
    near, far = (topo(prediction, reference, protocol).recall for protocol in (SMALL_TILES, CITY_TILES))
    assert near > far


def test_a_gap_costs_recall_and_an_invented_road_precision() -> None:
    gap = network([(0, 0), (190, 0)], [(210, 0), (400, 0)])
    whole = network([(0, 0), (400, 0)])
    with_branch = network([(0, 0), (200, 0), (400, 0)], [(200, 0), (200, 200)])
    assert topo(gap, whole, CITY_TILES).precision == pytest.approx(1)
    assert topo(gap, whole, CITY_TILES).recall < 0.7
    assert topo(with_branch, whole, CITY_TILES).precision < 0.8
    assert topo(with_branch, whole, CITY_TILES).recall == pytest.approx(1)


def test_marbles_and_holes_match_one_to_one() -> None:
    """Both carriageways lie within reach of the single road, but each hole takes one marble."""
    road = network([(0, 0), (300, 0)])
    carriageways = network([(0, 2), (300, 2), (300, -2), (0, -2)])
    result = topo(carriageways, road, dataclasses.replace(CITY_TILES, radius_m=1000))
    assert result.recall == pytest.approx(1, abs=0.03)
    assert result.precision == pytest.approx(0.5, abs=0.03)


def test_roads_across_are_no_match() -> None:
    assert topo(network([(30, -30), (30, 30)]), network([(0, 0), (60, 0)]), CITY_TILES) == NOTHING_FOUND


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        pytest.param(network(), BLOCKS, NOTHING_FOUND, id="nothing predicted"),
        pytest.param(BLOCKS, network(), NOTHING_FOUND, id="nothing there"),
        pytest.param(network(), network(), NOTHING_MISSED, id="nothing predicted and nothing there"),
        pytest.param(network([(900, 900), (999, 999)]), BLOCKS, NOTHING_FOUND, id="elsewhere"),
    ],
)
def test_empty_networks(prediction: MetricGraph, reference: MetricGraph, expected: object) -> None:
    assert topo(prediction, reference, CITY_TILES) == expected


@pytest.mark.parametrize("radius", [40.0, 173.0, 1000.0])
def test_steps_lie_at_multiples_along_the_shortest_path(radius: float) -> None:
    starts = Places(np.array([0, 2, len(BLOCKS.ends) - 1]), np.array([33.3, 50.0, 0.0]))
    walk = Walk(BLOCKS, starts, dataclasses.replace(CITY_TILES, radius_m=radius))
    for start in range(len(starts)):
        points, direction = walk.reached(start)
        places, found = BLOCKS.snap(points, reach_m=1e-6)
        assert found.all()
        away = BLOCKS.path_lengths(starts.only(np.array([start])).and_then(places))[0, 1:]
        np.testing.assert_allclose(away / 5, np.round(away / 5), atol=1e-7)
        assert away.max() <= radius
        assert away.min() == pytest.approx(5)
        np.testing.assert_allclose(np.hypot(*direction.T), 1)


def test_the_whole_network_is_walked_once() -> None:
    """Every edge yields its length in steps, less or more one at each of its ends."""
    walk = Walk(BLOCKS, Places(np.array([0]), np.array([33.3])), dataclasses.replace(CITY_TILES, radius_m=1e6))
    places, _ = BLOCKS.snap(walk.reached(0)[0], reach_m=1e-6)
    steps = np.bincount(places.edge, minlength=len(BLOCKS.ends))
    np.testing.assert_allclose(5 * steps, BLOCKS.lengths_m, atol=10)
