"""The graph rules, one by one, on networks of drawn roads."""

from __future__ import annotations

from typing import Callable

import numpy as np
import pytest

from road_extractor_plugin.compute.graph_rules import drop_small_components, merge_junctions, prune_forks, prune_spurs
from road_extractor_plugin.compute.network import Network
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.skeleton_network import skeleton_network

WIDTHS = 1.5


def network_of(mask: np.ndarray) -> Network:
    return skeleton_network(ArrayRows(mask.astype(np.uint8)))


def degrees(network: Network) -> list[int]:
    return sorted(degree for degree in network.degree.tolist() if degree)


@pytest.mark.parametrize(
    ("stub_px", "min_spur_px", "expected"),
    [
        pytest.param(12, 0, [1, 1], id="shorter than 1.5 widths"),
        pytest.param(25, 0, [1, 1, 1, 3], id="longer"),
        pytest.param(25, 30, [1, 1], id="shorter than the setting"),
    ],
)
def test_rule_1_drops_short_dead_ends(
    canvas: Callable[..., object], stub_px: float, min_spur_px: float, expected: list[int]
) -> None:
    mask = canvas().road((10, 60), (150, 60), 10).road((80, 60), (80, 60 + stub_px), 5).mask  # type: ignore[attr-defined]
    assert degrees(prune_spurs(network_of(mask), min_spur_px, WIDTHS)) == expected


def test_rule_1_can_be_switched_off(canvas: Callable[..., object]) -> None:
    mask = canvas().road((10, 60), (150, 60), 10).road((80, 60), (80, 68), 5).mask  # type: ignore[attr-defined]
    network = network_of(mask)
    assert degrees(prune_forks(network, WIDTHS)) == [1, 1]
    assert prune_spurs(prune_forks(network, 0), 0, 0).paths == network.paths


def test_rule_1_keeps_the_end_of_a_road_beside_a_stub(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((10, 60), (150, 60), 5).road((138, 60), (138, 69), 3)  # type: ignore[attr-defined]
    network = network_of(drawn.mask)
    assert degrees(network) == [1, 1, 1, 3]
    pruned = prune_spurs(network, 20, WIDTHS)
    assert degrees(pruned) == [1, 1]
    assert pruned.vertices.xy[pruned.ends[0], 0].max() > 145


def test_rule_1_leaves_a_road_of_a_star(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((60, 60), (92, 60), 4).road((80, 40), (80, 76), 4)  # type: ignore[attr-defined]
    pruned = prune_spurs(network_of(drawn.mask), 100, WIDTHS)
    assert degrees(pruned) == [1, 1]
    assert pruned.length_px[0] > 30


@pytest.mark.parametrize(
    ("offset_px", "expected"),
    [
        pytest.param(6, [1, 1, 1, 1, 4], id="less than the width"),
        pytest.param(16, [1, 1, 1, 1, 3, 3], id="more than the width"),
    ],
)
def test_rule_2_merges_the_junctions_of_a_dog_leg(
    canvas: Callable[..., object], offset_px: float, expected: list[int]
) -> None:
    drawn = canvas().road((5, 60), (155, 60), 11)  # type: ignore[attr-defined]
    drawn.road((80, 5), (80, 60), 6).road((80 + offset_px, 60), (80 + offset_px, 115), 6)
    assert degrees(merge_junctions(prune_spurs(network_of(drawn.mask), 0, WIDTHS))) == expected


def test_rule_2_does_not_draw_a_whole_ladder_together(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((5, 60), (155, 60), 11)  # type: ignore[attr-defined]
    for index in range(8):
        drawn.road((45 + 10 * index, 60), (45 + 10 * index, 115 if index % 2 else 5), 5)
    network = prune_spurs(network_of(drawn.mask), 0, WIDTHS)
    merged = merge_junctions(network)
    assert sum(degree > 2 for degree in degrees(merged)) >= 4
    assert merged.length_px.sum() == pytest.approx(network.length_px.sum(), rel=0.06)  # four pairs, bent to each other


def test_rule_2_leaves_no_two_edges_alike() -> None:
    rows = [".####", "#.###", ".#.##", "..#.#", "#.###"]
    network = merge_junctions(network_of(np.array([[sign == "#" for sign in row] for row in rows])))
    lines = {network.vertices.xy[path if path[0] < path[-1] else path[::-1]].tobytes() for path in network.paths}
    assert len(lines) == len(network.paths)


def test_rule_3_counts_the_whole_component(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((20, 30), (60, 30), 5).road((40, 10), (40, 50), 5)  # type: ignore[attr-defined]
    network = network_of(drawn.road((20, 90), (60, 90), 5).mask)
    assert degrees(drop_small_components(network, 50)) == [1, 1, 1, 1, 4]
    assert degrees(drop_small_components(network, 100)) == []


def test_rule_3_keeps_what_touches_the_edge(canvas: Callable[..., object]) -> None:
    network = network_of(canvas().road((-9, 30), (20, 30), 5).road((60, 30), (90, 30), 5).mask)  # type: ignore[attr-defined]
    assert len(drop_small_components(network, 100).paths) == 1


@pytest.mark.parametrize(
    "rule",
    [
        lambda network: prune_spurs(network, 5, WIDTHS),
        merge_junctions,
        lambda network: drop_small_components(network, 5),
    ],
    ids=["1", "2", "3"],
)
def test_an_empty_network_stays_empty(rule: Callable[[Network], Network]) -> None:
    assert rule(network_of(np.zeros((9, 9), dtype=bool))).paths == ()


def test_rule_1_keeps_a_short_end_at_the_edge_of_the_data(canvas: Callable[..., object]) -> None:
    drawn = canvas().road((-9, 112), (169, 112), 10).road((80, 112), (80, 129), 10)  # type: ignore[attr-defined]
    assert degrees(prune_forks(network_of(drawn.mask), WIDTHS)) == [1, 1, 1, 3]
