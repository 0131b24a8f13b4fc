"""Bridges over gaps, on drawn roads with pieces taken out; one pixel is one metre."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import Callable

import numpy as np
import pytest

from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.road_graph import BRIDGED, DETECTED, RoadEdge, RoadGraph
from road_extractor_plugin.contract.trace_settings import TraceSettings

SETTINGS = TraceSettings(Thresholds(high=0.5, low=0.3))
FAINT = 25
"""Stored probability in gaps: 10 %."""


def traced(probability: np.ndarray, pixel_m: float = 1.0, **settings: float) -> RoadGraph:
    return trace(ArrayRows(probability), dataclasses.replace(SETTINGS, **settings), (pixel_m, pixel_m)).graph  # type: ignore[arg-type]


def bridges(graph: RoadGraph) -> list[RoadEdge]:
    return [edge for edge in graph.edges if edge.origin == BRIDGED]


def degrees(graph: RoadGraph) -> list[int]:
    count = Counter(node for edge in graph.edges for node in (edge.from_node, edge.to_node))
    return sorted(count[node] for node in range(len(graph.nodes)))


def cut(drawn: object, part: tuple[slice, slice], stored: int = FAINT) -> np.ndarray:
    """The drawn roads with so much probability in part of the raster where there was road."""
    probability = drawn.probability  # type: ignore[attr-defined]
    probability[part] = np.where(probability[part] > 0, stored, 0)
    return probability


@pytest.fixture
def street(canvas: Callable[..., object]) -> np.ndarray:
    """A street with a gap from x = 70 to x = 90."""
    return cut(canvas().road((-9, 60), (169, 60), 7), np.s_[:, 70:90])  # type: ignore[attr-defined]


def test_a_gap_in_a_street_is_bridged(street: np.ndarray) -> None:
    graph = traced(street)
    (bridge,) = bridges(graph)
    assert degrees(graph) == [1, 1, 2, 2]
    assert sorted(bridge.points[[0, -1], 0].tolist()) == pytest.approx([70, 90], abs=0.5)
    np.testing.assert_allclose(bridge.points[:, 1], 60, atol=0.5)
    assert bridge.confidence == pytest.approx(FAINT / 254, abs=0.03)
    assert bridge.width_px == pytest.approx(7, abs=1)
    assert {edge.origin for edge in graph.edges} == {BRIDGED, DETECTED}


def test_a_side_street_is_led_to_its_road(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((-9, 40), (169, 40), 8).road((80, 40), (80, 129), 6)  # type: ignore[attr-defined]
    graph = traced(cut(drawn, np.s_[45:65, :]))
    (bridge,) = bridges(graph)
    assert degrees(graph) == [1, 1, 1, 2, 3]
    np.testing.assert_allclose(bridge.points[np.argmin(bridge.points[:, 1])], [80, 40], atol=1)


def test_a_crossing_lost_on_both_sides_is_one(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((-9, 60), (169, 60), 8).road((80, -9), (80, 129), 6)  # type: ignore[attr-defined]
    probability = cut(drawn, np.s_[42:56, :])
    probability[64:78, 70:90] = np.where(probability[64:78, 70:90] > 0, FAINT, 0)
    graph = traced(probability)
    assert len(bridges(graph)) == 2
    assert degrees(graph) == [1, 1, 1, 1, 2, 2, 4]


def test_a_bridge_leads_to_the_junction_beside_it(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((-9, 60), (169, 60), 12).road((80, -9), (80, 60), 6)  # type: ignore[attr-defined]
    graph = traced(cut(drawn.road((83, 60), (83, 129), 6), np.s_[67:85, :]))
    assert len(bridges(graph)) == 1
    assert degrees(graph) == [1, 1, 1, 1, 2, 4]


def test_a_bend_is_followed(canvas: Callable[..., object]) -> None:
    """The way through the gap goes where the road was, not straight."""
    drawn = canvas().ring((80, 120), 40, 7)  # type: ignore[attr-defined]
    (bridge,) = bridges(traced(cut(drawn, np.s_[:100, 58:102]), max_gap_m=55))
    assert bridge.points[:, 1].min() < 84, "the straight way has 86"


# The drawing, what keeps a bridge away, and what lets it come.
REFUSED = [
    pytest.param(
        lambda c: cut(c.road((-9, 60), (169, 60), 7), np.s_[:, 60:100]),
        {},
        {"max_gap_m": 45},
        id="1, too long",
    ),
    pytest.param(
        lambda c: cut(c.road((-9, 60), (68, 60), 7).road((-9, 80), (68, 80), 7)
                      .road((65, 60), (65, 80), 5), np.s_[64:76]),
        {},
        {"max_gap_turn_deg": 0},
        id="2, too sharp",
    ),
    pytest.param(
        lambda c: cut(c.road((-9, 60), (169, 60), 7), np.s_[:, 70:90], 2),
        {},
        {"min_gap_probability": 0},
        id="4, no evidence",
    ),
    pytest.param(
        lambda c: np.maximum(cut(c.road((-9, 60), (169, 60), 7), np.s_[:, 70:90]), FAINT),
        {"min_gap_ridge": 0.25},
        {},
        id="4, no ridge",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("draw", "with_rule", "without"), REFUSED)
def test_rules_keep_bridges_away(
    canvas: Callable[..., object], draw: Callable, with_rule: dict[str, float], without: dict[str, float]
) -> None:
    probability = draw(canvas())
    assert bridges(traced(probability, **with_rule)) == []
    assert len(bridges(traced(probability, **without))) == 1


def test_rule_5_no_bridge_over_a_road(canvas: Callable[..., object]) -> None:
    """Neither side of the street gets over the road in its gap other than by it."""
    drawn = canvas().road((-9, 60), (169, 60), 7).road((80, -9), (80, 129), 5)  # type: ignore[attr-defined]
    graph = traced(cut(drawn, np.s_[56:64, 68:76]), min_gap_probability=0)
    assert 4 in degrees(graph) or degrees(graph).count(3) == 2


def test_rule_6_a_dead_end_has_one_bridge(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((-9, 60), (70, 60), 7).road((86, 55), (169, 50), 6).road((86, 66), (169, 75), 6)  # type: ignore[attr-defined]
    probability = drawn.mask * np.uint8(254)
    probability[:, 70:86] = FAINT
    assert len(bridges(traced(probability))) == 1


def test_two_dead_ends_that_face_each_other_are_joined(canvas: Callable[..., object]) -> None:
    """A road beside the gap is nearer to either of them than they are to each other."""
    drawn = canvas().road((-9, 60), (169, 60), 7).road((-9, 71), (169, 76), 7)  # type: ignore[attr-defined]
    (bridge,) = bridges(traced(cut(drawn, np.s_[67:, 70:88])))
    assert np.ptp(bridge.points[:, 0]) > 15


def test_parallel_streets_are_bridged_each(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((-9, 58), (169, 58), 7).road((-9, 68), (169, 68), 7)  # type: ignore[attr-defined]
    graph = traced(cut(drawn, np.s_[:, 70:90]))
    assert [np.ptp(bridge.points[:, 1]) < 1 for bridge in bridges(graph)] == [True, True]
    assert degrees(graph) == [1, 1, 1, 1, 2, 2, 2, 2]


def test_no_bridge_at_the_edge_of_the_data(canvas: Callable[..., object]) -> None:
    probability = canvas().road((-9, 60), (169, 60), 7).probability  # type: ignore[attr-defined]
    probability[:, 70:80] = 255
    assert bridges(traced(probability, min_gap_probability=0)) == []


def test_a_ring_keeps_no_node_beside_the_one_of_the_bridge(canvas: Callable[..., object]) -> None:
    drawn = canvas().ring((60, 60), 35, 7).road((95, 60), (169, 60), 7)  # type: ignore[attr-defined]
    assert degrees(traced(cut(drawn, np.s_[:, 102:115]))) == [1, 2, 3]


def test_gaps_are_in_metres(street: np.ndarray) -> None:
    assert len(bridges(traced(street, 1.2))) == 1
    assert bridges(traced(street, 1.3)) == []


def test_small_parts_go_after_bridging(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((30, 60), (130, 60), 7)  # type: ignore[attr-defined]
    probability = cut(drawn, np.s_[:, 60:70])
    probability[:, 92:102] = np.where(probability[:, 92:102] > 0, FAINT, 0)
    assert len(traced(probability, min_component_m=70).edges) == 5
    assert traced(probability, min_component_m=70, max_gap_m=0).edges == ()


def test_a_way_back_beside_its_own_road_is_none(canvas: Callable[..., object]) -> None:
    """The straight line to the other road turns little enough, but the likely way there starts out sideways."""
    drawn = canvas().road((-9, 60), (70, 60), 7).road((-9, 82), (169, 82), 7)  # type: ignore[attr-defined]
    probability = drawn.probability
    probability[64:79, 64:69] = FAINT
    assert bridges(traced(probability)) == []


def test_a_crossing_that_is_missing_is_made(canvas: Callable[..., object]) -> None:
    """Rule 7: the bridges of its two roads would cross, so one is made, and the other road is led to it."""
    drawn = canvas().road((-9, 60), (169, 60), 8).road((80, -9), (80, 129), 7)  # type: ignore[attr-defined]
    graph = traced(cut(drawn, np.s_[48:72, 66:94]))
    assert degrees(graph) == [1, 1, 1, 1, 2, 2, 2, 2, 4]
    assert len(bridges(graph)) == 4
    assert not any(edge.crossing for edge in graph.edges)
    np.testing.assert_allclose(np.min(np.hypot(*(graph.nodes - (80, 60)).T)), 0, atol=1)


@pytest.mark.parametrize("angle", np.linspace(5, 175, 6).tolist())
def test_streets_at_all_angles(canvas: Callable[..., object], angle: float) -> None:
    way = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    centre = np.array([130.3, 130.2])
    drawn = canvas(260, 260)
    for sign in (-1, 1):
        drawn.road(tuple(centre + 10 * sign * way), tuple(centre + 90 * sign * way), 6)  # type: ignore[attr-defined]
    probability = drawn.probability  # type: ignore[attr-defined]
    probability[canvas(260, 260).road(tuple(centre - 10 * way), tuple(centre + 10 * way), 6).mask] = FAINT  # type: ignore[attr-defined]
    (bridge,) = bridges(traced(probability))
    assert np.hypot(*np.diff(bridge.points, axis=0).T).sum() == pytest.approx(20, abs=2.5)
