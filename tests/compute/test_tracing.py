"""Drawn masks traced back."""

from __future__ import annotations

import math
from collections import Counter
from typing import Callable

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.traced import Traced
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.errors import Cancelled
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.road_graph import BRIDGED, RoadEdge, RoadGraph
from road_extractor_plugin.contract.trace_settings import TraceSettings

SETTINGS = TraceSettings(thresholds=Thresholds(high=0.5, low=0.3))
LOOSE = TraceSettings(SETTINGS.thresholds, min_spur_m=0, min_component_m=0, min_area_m2=0, max_hole_m2=0)
BOLD = TraceSettings(SETTINGS.thresholds, max_gap_turn_deg=0, min_gap_probability=0)


def traced(probability: np.ndarray, trace_settings: TraceSettings = SETTINGS) -> Traced:
    return trace(ArrayRows(probability), trace_settings, (1.0, 1.0))


def degrees(graph: RoadGraph) -> list[int]:
    count = Counter(node for edge in graph.edges for node in (edge.from_node, edge.to_node))
    return sorted(count[node] for node in range(len(graph.nodes)))


def length(edge: RoadEdge) -> float:
    return float(np.hypot(*np.diff(edge.points, axis=0).T).sum())


# What roads are drawn (on 160 x 120 pixels), the degrees of the nodes expected, and the number of edges.
DRAWN = [
    pytest.param(lambda c: c.road((-9, 60), (169, 60), 8).road((80, -9), (80, 129), 8), [1, 1, 1, 1, 4], id="cross"),
    pytest.param(lambda c: c.road((-9, 60), (169, 60), 8).road((80, 60), (80, 129), 6), [1, 1, 1, 3], id="tee"),
    pytest.param(
        lambda c: c.road((-9, 60), (60, 60), 8).road((56, 60), (169, 40), 8).road((56, 60), (169, 80), 8),
        [1, 1, 1, 3],
        id="shallow Y",
    ),
    pytest.param(
        lambda c: c.road((-9, 70), (169, 60), 8).road((-9, 30), (169, 100), 8),
        [1, 1, 1, 1, 4],
        id="shallow X",
    ),
    pytest.param(
        lambda c: c.road((-9, 60), (169, 60), 10).road((76, -9), (76, 60), 6).road((84, 60), (84, 129), 6),
        [1, 1, 1, 1, 4],
        id="dog-leg becomes a crossing",
    ),
    pytest.param(lambda c: c.ring((80, 60), 40, 7), [2], id="ring"),
    pytest.param(lambda c: c.ring((60, 60), 35, 7).road((95, 60), (140, 60), 7), [1, 3], id="ring with tail"),
    pytest.param(
        lambda c: c.ring((80, 60), 35, 7).road((115, 60), (169, 60), 7).road((-9, 60), (45, 60), 7),
        [1, 1, 3, 3],
        id="two parallel edges",
    ),
    pytest.param(
        lambda c: (
            c.ring((80, 60), 12, 7)
            .road((92, 60), (169, 60), 7)
            .road((-9, 60), (68, 60), 7)
            .road((80, 72), (80, 129), 7)
        ),
        [1, 1, 1, 3, 3, 3],
        id="roundabout",
    ),
    pytest.param(lambda c: c.road((20, 30), (130, 90), 12), [1, 1], id="dead-end street"),
    pytest.param(lambda c: c.road((-9, 70), (169, 50), 40).frayed(2.0), [1, 1], id="wide road with hair"),
    pytest.param(lambda c: c.road((-9, 3), (169, 3), 6).road((80, 3), (80, 129), 7), [1, 1, 1, 3], id="along the edge"),
    pytest.param(
        lambda c: c.road((10, 58), (150, 58), 8).road((10, 69), (150, 69), 8), [1, 1, 1, 1], id="dual carriageway"
    ),
    pytest.param(
        lambda c: c.road((10, 58), (150, 58), 8).road((10, 69), (150, 69), 8).road((80, -9), (80, 129), 7),
        [1, 1, 1, 1, 1, 1, 4, 4],
        id="street across a dual carriageway",
    ),
    pytest.param(lambda c: c, [], id="no road"),
]


@pytest.mark.parametrize(("draw", "expected"), DRAWN)
def test_the_network_of_drawn_roads(canvas: Callable[..., object], draw: Callable, expected: list[int]) -> None:
    graph = traced(draw(canvas()).probability).graph
    assert degrees(graph) == expected
    assert 2 * len(graph.edges) == sum(expected)


@pytest.mark.parametrize(("draw", "expected"), DRAWN)
def test_lines_follow_the_turned_image(canvas: Callable[..., object], draw: Callable, expected: list[int]) -> None:
    probability = draw(canvas()).probability
    for turned in (probability[::-1], probability[:, ::-1], probability.T):
        assert degrees(traced(np.ascontiguousarray(turned)).graph) == expected


def crossings_without_node(graph: RoadGraph) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of straight parts of lines that cross inside both."""
    starts = np.concatenate([np.empty((0, 2)), *(edge.points[:-1] for edge in graph.edges)])
    ends = np.concatenate([np.empty((0, 2)), *(edge.points[1:] for edge in graph.edges)])
    start, end = starts[:, None], ends[:, None]

    def side(places: np.ndarray) -> np.ndarray:
        way, offset = end - start, places[None] - start
        return way[..., 0] * offset[..., 1] - way[..., 1] * offset[..., 0]

    divides = side(starts) * side(ends) < -1e-9
    return [(starts[one], starts[other]) for one, other in np.argwhere(divides & divides.T)]


@pytest.mark.parametrize(("draw", "expected"), DRAWN)
def test_lines_cross_at_nodes_only(canvas: Callable[..., object], draw: Callable, expected: list[int]) -> None:
    assert crossings_without_node(traced(draw(canvas()).probability).graph) == []


def test_a_road_through_nodata_ends_on_both_sides(canvas: Callable[..., object]) -> None:
    probability = canvas().road((-9, 50), (169, 70), 8).probability
    probability[:, 70:85] = 255
    graph = traced(probability).graph
    assert degrees(graph) == [1, 1, 1, 1]
    assert sorted(graph.nodes[:, 0].tolist()) == pytest.approx([0, 70, 85, 160], abs=1)


def test_one_pixel_dots_give_no_edge() -> None:
    probability = np.zeros((40, 40), dtype=np.uint8)
    probability[::7, ::7] = 254
    assert traced(probability, LOOSE).graph.edges == ()
    assert traced(probability, LOOSE).graph.nodes.shape == (0, 2)


def test_all_road_is_traced() -> None:
    result = traced(np.full((60, 90), 254, dtype=np.uint8))
    assert (result.mask.read(0, 60) == 1).all()
    assert len(result.graph.edges) >= 1


def test_all_nodata() -> None:
    result = traced(np.full((6, 9), 255, dtype=np.uint8))
    assert (result.mask.read(0, 6) == 255).all()
    assert result.graph.edges == ()


@pytest.mark.parametrize("slope", [0.0, 0.25, 0.6, -0.4], ids=lambda slope: f"slope {slope}")
def test_roads_reach_the_edge_of_the_data(canvas: Callable[..., object], slope: float) -> None:
    probability = canvas().road((-40, 60 - slope * 120), (200, 60 + slope * 120), 9).probability
    probability[:, 130:] = 255
    (edge,) = traced(probability).graph.edges
    west, east = sorted(edge.points[[0, -1]].tolist())
    assert 0 <= west[0] < 1
    assert 129 <= east[0] < 130
    for x, y in (west, east):
        assert y == pytest.approx(60 + slope * (x - 80), abs=1.0)


def test_a_dead_end_is_drawn_to_the_end_of_the_road(canvas: Callable[..., object]) -> None:
    (edge,) = traced(canvas().road((20, 30), (130, 80), 11).probability).graph.edges
    ends = edge.points[[0, -1]]
    np.testing.assert_allclose(ends[np.argsort(ends[:, 0])], [(20, 30), (130, 80)], atol=1.5)


@pytest.mark.parametrize("width", [3, 4, 7, 12, 20, 33, 40])
def test_width_and_length_at_all_angles(canvas: Callable[..., object], width: int) -> None:
    widths, lengths = [], []
    for angle in np.linspace(0, np.pi, 16, endpoint=False) + 0.01 * width:
        reach = 100 * np.array([math.cos(angle), math.sin(angle)])
        centre = np.array([130.2, 130.4])
        drawn = canvas(260, 260).road(tuple(centre - reach), tuple(centre + reach), width)
        (edge,) = traced(drawn.probability).graph.edges
        widths.append(edge.width_px - width)
        lengths.append(length(edge) / 200 - 1)
    assert np.median(np.abs(widths)) <= 0.6
    assert np.max(np.abs(widths)) <= 1.0
    assert np.max(np.abs(lengths)) <= 0.01


def error_of_ring(make: Callable[..., object], radius: float, width: float, place: tuple[float, float]) -> float:
    """By how much the line is longer than the middle of the ring's pixels, which follows from their areas."""
    side = math.ceil(2 * radius + width) + 12
    drawn = make(side, side).ring((side / 2 + place[0], side / 2 + place[1]), radius, width)
    (edge,) = traced(drawn.probability).graph.edges
    outer, road = (area.sum() / math.pi for area in (ndimage.binary_fill_holes(drawn.mask), drawn.mask))
    return length(edge) / (math.pi * (math.sqrt(outer) + math.sqrt(outer - road))) - 1


@given(st.floats(15, 200), st.floats(3, 9), st.tuples(st.floats(0, 1), st.floats(0, 1)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_ring_is_as_long_as_it_was_drawn(
    canvas: Callable[..., object], radius: float, width: float, place: tuple[float, float]
) -> None:
    assert abs(error_of_ring(canvas, radius, width, place)) <= 0.01


@pytest.mark.parametrize("radius", [10, 12])
def test_so_are_rings_as_small_as_roundabouts_in_the_mean(canvas: Callable[..., object], radius: int) -> None:
    """Of one of them the pixels tell the radius to a tenth of a pixel only."""
    errors = [error_of_ring(canvas, radius, 3 + 6 * share, (share, 1 - share**2)) for share in np.linspace(0, 1, 25)]
    assert abs(np.mean(errors)) <= 0.01
    assert np.max(np.abs(errors)) <= 0.02


@pytest.mark.parametrize("other_way", [False, True], ids=["falling", "rising"])
def test_a_diagonal_staircase_becomes_a_straight_line(other_way: bool) -> None:
    probability = np.zeros((120, 120), dtype=np.uint8)
    steps = np.arange(10, 110)
    probability[steps, steps] = probability[steps + 1, steps] = 254
    (edge,) = traced(probability[:, ::-1] if other_way else probability).graph.edges
    assert len(edge.points) == 2
    assert length(edge) == pytest.approx(100 * math.sqrt(2), rel=0.02)


def test_places_are_pixel_centres(canvas: Callable[..., object]) -> None:
    probability = canvas().road((-9, 60.5), (169, 60.5), 5).probability
    (edge,) = traced(probability).graph.edges
    np.testing.assert_allclose(edge.points[:, 1], 60.5, atol=0.05)


def test_distances_are_in_metres(canvas: Callable[..., object]) -> None:
    probability = canvas().road((-9, 60), (169, 60), 4).road((80, 60), (80, 78), 4).probability
    assert degrees(traced(probability).graph) == [1, 1, 1, 3]
    assert degrees(trace(ArrayRows(probability), SETTINGS, (0.4, 0.5)).graph) == [1, 1]


def test_small_networks_go_unless_the_data_end_there(canvas: Callable[..., object]) -> None:
    probability = canvas().road((50, 60), (65, 60), 6).road((-9, 20), (14, 20), 6).probability
    (edge,) = traced(probability).graph.edges
    assert edge.points[:, 1].max() < 25


def test_a_short_stub_stays_where_the_data_end(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((-9, 108), (169, 108), 6).road((40, 108), (40, 129), 4).road((90, 108), (90, 98), 4)
    graph = traced(drawn.probability).graph
    assert degrees(graph) == [1, 1, 1, 3]
    assert graph.nodes[:, 1].max() > 119


def test_confidence_is_the_probability_on_the_line(canvas: Callable[..., object]) -> None:
    probability = canvas().road((-9, 60), (169, 60), 5).probability // 254 * 127 + 20
    probability[:, 60:80] //= 2
    (edge,) = traced(probability, TraceSettings(Thresholds(high=0.5, low=0.2))).graph.edges
    assert edge.min_confidence == pytest.approx(73 / 254)
    assert edge.confidence == pytest.approx((73 * 20 + 147 * 140) / 160 / 254, abs=0.005)


def test_cancelling_stops() -> None:
    class Impatient(SilentFeedback):
        def is_cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        trace(ArrayRows(np.zeros((9, 9), dtype=np.uint8)), SETTINGS, (1.0, 1.0), Impatient())


def test_cancelling_stops_between_rules() -> None:
    class ChangesItsMind(SilentFeedback):
        def __init__(self) -> None:
            self.stage, self.asked_while_cleaning = "", 0

        def progress(self, fraction: float, stage: str) -> None:
            self.stage = stage

        def is_cancelled(self) -> bool:
            self.asked_while_cleaning += self.stage == "cleaning the road network"
            return self.asked_while_cleaning > 2

    feedback = ChangesItsMind()
    with pytest.raises(Cancelled):
        trace(ArrayRows(np.zeros((9, 9), dtype=np.uint8)), SETTINGS, (1.0, 1.0), feedback)
    assert feedback.stage == "cleaning the road network"


@st.composite
def probabilities(draw: st.DrawFn) -> np.ndarray:
    """Random blobs and straight roads with some nodata."""
    height, width = draw(st.integers(1, 80)), draw(st.integers(1, 80))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    field = ndimage.gaussian_filter(random.standard_normal((height, width)), draw(st.floats(0.3, 4.0)))
    field = field / (np.abs(field).max() + 1e-9)
    y, x = np.mgrid[:height, :width]
    for _ in range(draw(st.integers(0, 6))):
        normal = random.standard_normal(2)
        along = (x - random.uniform(0, width)) * normal[0] + (y - random.uniform(0, height)) * normal[1]
        field += np.abs(along) < random.uniform(0.5, 4)
    stored = np.clip(field * 254, 0, 254).astype(np.uint8)
    if draw(st.booleans()):
        stored[random.integers(0, height) :, random.integers(0, width) :] = 255
    return stored


@given(probabilities(), st.sampled_from([SETTINGS, LOOSE, BOLD]), st.sampled_from([0.3, 1.0, 3.0]))
@settings(max_examples=300)
def test_the_graph_is_sound(probability: np.ndarray, trace_settings: TraceSettings, pixel_m: float) -> None:
    result = trace(ArrayRows(probability), trace_settings, (pixel_m, pixel_m))
    graph, mask = result.graph, result.mask.read(0, len(probability))
    assert np.array_equal(mask == 255, probability == 255)
    height, width = probability.shape
    for edge in graph.edges:
        assert np.array_equal(edge.points[0], graph.nodes[edge.from_node])
        assert np.array_equal(edge.points[-1], graph.nodes[edge.to_node])
        assert edge.from_node <= edge.to_node
        assert (np.hypot(*np.diff(edge.points, axis=0).T) > 0).all()
        assert ((edge.points >= 0) & (edge.points <= (width, height))).all()
        assert 0 <= edge.min_confidence <= edge.confidence + 1e-9 <= 1 + 2e-9
        assert edge.width_px >= 1
    keys = [(edge.from_node, edge.to_node, edge.points.tobytes()) for edge in graph.edges]
    assert len(set(keys)) == len(keys)
    assert [key[:2] for key in keys] == sorted(key[:2] for key in keys)
    roads = nx.MultiGraph((edge.from_node, edge.to_node) for edge in graph.edges)
    assert set(roads) == set(range(len(graph.nodes)))
    bridged = {node for edge in graph.edges if edge.origin == BRIDGED for node in (edge.from_node, edge.to_node)}
    assert all(degree != 2 or roads.has_edge(node, node) or node in bridged for node, degree in roads.degree())
