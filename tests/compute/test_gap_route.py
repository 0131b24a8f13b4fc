"""The way across a gap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable

import numpy as np
import pytest

from road_extractor_plugin.compute.gap_route import (
    NO_RIDGE,
    Evidence,
    GapRoutes,
    Gaps,
    likely_routes,
    straight_routes,
)
from road_extractor_plugin.compute.raster_rows import ArrayRows

START, END = np.array([10.5, 20.5]), np.array([40.5, 20.5])


@dataclass(frozen=True)
class Route:
    """One way out of many."""

    points: np.ndarray
    gap_px: float
    cost: float
    probability: float
    ridge_share: float


def the_only(routes: GapRoutes) -> Route:
    (points,) = routes.lines.split()
    return Route(points, *(float(of[0]) for of in (routes.gap_px, routes.cost, routes.probability, routes.ridge_share)))


def likely_route(start: np.ndarray, end: np.ndarray, width_px: float, evidence: Evidence) -> Route:
    return the_only(likely_routes(Gaps(start[None], end[None], np.array([width_px])), evidence))


def straight_route(start: np.ndarray, end: np.ndarray, evidence: Evidence) -> Route:
    return the_only(straight_routes(Gaps(start[None], end[None], np.array([1.0])), evidence))


@pytest.fixture
def detour() -> np.ndarray:
    """Nothing is likely but a way that goes round by y = 14.5; road up to x = 13 and from x = 38."""
    probability = np.zeros((40, 60), dtype=np.uint8)
    for x in range(10, 41):
        probability[int(14.5 + abs(x - 25.5) * 0.4), x] = 127
    probability[20, 8:13] = probability[20, 38:44] = 254
    return probability


def test_it_goes_where_road_is_likely(detour: np.ndarray) -> None:
    route = likely_route(START, END, 6, Evidence(ArrayRows(detour), 0.6))
    np.testing.assert_allclose(route.points[[0, -1]], [START, END])
    assert route.points[:, 1].min() == pytest.approx(14.5, abs=1)
    assert route.probability > straight_route(START, END, Evidence(ArrayRows(detour), 0.6)).probability


@pytest.mark.parametrize("stored", [0, 13, 100, 255], ids=["none", "faint", "likely", "nodata"])
def test_gap_cost_and_probability_of_a_straight_way(stored: int) -> None:
    probability = np.full((40, 60), stored, dtype=np.uint8)
    probability[:, :15] = probability[:, 36:] = 254
    expected = max(stored % 255 / 254, 0.002)
    route = likely_route(START, END, 6, Evidence(ArrayRows(probability), 0.6))
    assert route.gap_px == pytest.approx(21, abs=1)
    assert route.probability == pytest.approx(expected, rel=0.05)
    assert route.cost == pytest.approx(21 * (1 - math.log(expected) + NO_RIDGE), rel=0.1)


def test_without_a_gap_nothing_is_paid() -> None:
    route = likely_route(START, END, 6, Evidence(ArrayRows(np.full((40, 60), 254, dtype=np.uint8)), 0.5))
    assert (route.gap_px, route.cost, route.probability) == (0, 0, 1)


@pytest.mark.parametrize("turn", [0, 45, 90])
def test_orientation_that_disagrees_makes_it_dearer(turn: float) -> None:
    twice = math.radians(2 * turn)
    sure = 0.8
    orientation = np.full((2, 40, 60), sure * np.array([math.cos(twice), math.sin(twice)])[:, None, None], np.float32)
    probability = np.full((40, 60), 127, dtype=np.uint8)
    plain = likely_route(START, END, 6, Evidence(ArrayRows(probability), 0.6))
    other = likely_route(START, END, 6, Evidence(ArrayRows(probability), 0.6, orientation))
    expected = plain.gap_px * sure * math.sin(math.radians(turn)) ** 2
    assert other.cost - plain.cost == pytest.approx(expected, abs=0.01)


def test_only_the_window_is_read_and_beyond_the_raster_is_nothing() -> None:
    probability = np.full((22, 60), 127, dtype=np.uint8)
    route = likely_route(START, END, 6, Evidence(ArrayRows(probability), 0.6))
    assert (route.points[:, 1] < 22).all()
    assert route.probability == pytest.approx(0.5, abs=0.01)


def test_a_road_stands_out_and_the_space_between_two_does_not() -> None:
    probability = np.full((40, 60), 25, dtype=np.uint8)
    assert likely_route(START, END, 6, Evidence(ArrayRows(probability), 0.6)).ridge_share == 0
    probability[np.r_[:17, 24:40]] = 5
    assert likely_route(START, END, 6, Evidence(ArrayRows(probability), 0.6)).ridge_share == 1
    probability[35:] = 254  # another road beside it
    assert likely_route(START, END, 6, Evidence(ArrayRows(probability), 0.6)).ridge_share == 1


@pytest.mark.parametrize("find", [likely_routes, straight_routes], ids=["likely", "straight"])
def test_a_way_does_not_depend_on_those_found_with_it(find: Callable[[Gaps, Evidence], GapRoutes]) -> None:
    """Short and long ones, in all directions, some of them beyond the raster and through nodata."""
    random = np.random.default_rng(3)
    evidence = Evidence(ArrayRows(random.integers(0, 256, (90, 110), dtype=np.uint8)), 0.6)
    start = random.uniform(-5, 95, (40, 2))
    gaps = Gaps(start, start + random.uniform(-45, 45, (40, 2)), random.uniform(2, 15, 40))
    together = find(gaps, evidence)
    for number in range(40):
        alone, one = find(gaps.at(np.array([number])), evidence), together.lines.split()[number]
        np.testing.assert_array_equal(one, alone.lines.points)
        for of in ("gap_px", "cost", "probability", "ridge_share"):
            assert getattr(together, of)[number] == pytest.approx(getattr(alone, of)[0])
