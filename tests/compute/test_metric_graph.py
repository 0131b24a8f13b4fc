"""Lines become a network, places are found on it, and paths are as long as networkx says."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest

from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph, Places


def lines(*coordinates: list[tuple[float, float]]) -> list[np.ndarray]:
    return [np.array(line, dtype=float) for line in coordinates]


def random_graph(seed: int, size: int = 6) -> MetricGraph:
    """A street grid with bent streets, some missing."""
    random = np.random.default_rng(seed)
    crossing = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1) * 80.0
    crossing += random.normal(0, 8, crossing.shape)
    streets = [(crossing[i, j], crossing[i, j + 1]) for i in range(size) for j in range(size - 1)]
    streets += [(crossing[i, j], crossing[i + 1, j]) for i in range(size - 1) for j in range(size)]
    kept = [street for street in streets if random.uniform() < 0.8]
    return MetricGraph.of_lines([np.array([a, (a + b) / 2 + random.normal(0, 6, 2), b]) for a, b in kept])


def random_places(graph: MetricGraph, count: int, seed: int = 0) -> Places:
    random = np.random.default_rng(seed)
    edge = random.integers(0, len(graph.ends), count)
    return Places(edge, random.uniform(0, 1, count) * graph.lengths_m[edge])


def cut_at(graph: MetricGraph, places: Places) -> Any:
    """The graph as networkx has it, cut at places, which are its nodes ("place", k)."""
    cut = nx.Graph()
    for edge, (low, high) in enumerate(graph.ends.tolist()):
        here = np.flatnonzero(places.edge == edge)
        stops = [(places.along_m[k], ("place", k)) for k in here[np.argsort(places.along_m[here], kind="stable")]]
        middle = (graph.lengths_m[edge] / 2, ("middle", edge))  # keeps parallel edges and loops apart
        stops = [(0.0, low), *sorted([*stops, middle], key=lambda stop: stop[0]), (graph.lengths_m[edge], high)]
        for (along, node), (further, following) in zip(stops, stops[1:]):
            cut.add_edge(node, following, weight=further - along)
    return cut


@pytest.mark.parametrize(
    ("drawn", "nodes", "edges", "length"),
    [
        pytest.param(lines([(0, 0), (10, 0)], [(10, 0), (10, 5)]), 2, 1, 15, id="end to end: one edge"),
        pytest.param(lines([(0, 0), (5, 0), (10, 0)], [(5, 0), (5, 5)]), 4, 3, 15, id="shared vertex: a junction"),
        pytest.param(lines([(0, 0), (10, 0)], [(5, -5), (5, 5)]), 4, 2, 20, id="mere crossing: an overpass"),
        pytest.param(lines([(0, 0), (4, 0), (4, 3), (0, 0)]), 1, 1, 12, id="ring"),
        pytest.param(lines([(0, 0), (9, 0)], [(9, 0), (0, 0)]), 2, 1, 9, id="drawn twice: counts once"),
        pytest.param(
            lines([(0, 0), (3, 4), (6, 0)], [(0, 0), (6, 0)]), 1, 1, 16, id="two ways between two places: a ring"
        ),
        pytest.param(lines([(0, 0), (0, 0), (7, 0)], [(7, 0), (7, 0)]), 2, 1, 7, id="repeated vertices"),
        pytest.param(lines([(0, 0), (5, 0)], [(5.004, 0), (9, 0)]), 2, 1, 9, id="ends within a centimetre"),
        pytest.param(lines([(0, 0), (5, 0)], [(5.02, 0), (9, 0)]), 4, 2, 8.98, id="ends two centimetres apart"),
        pytest.param([], 0, 0, 0, id="nothing"),
    ],
)
def test_lines_connect_where_they_share_a_vertex(
    drawn: list[np.ndarray], nodes: int, edges: int, length: float
) -> None:
    graph = MetricGraph.of_lines(drawn)
    assert (len(graph.nodes), len(graph.ends)) == (nodes, edges)
    assert graph.lengths_m.sum() == pytest.approx(length, abs=0.005)


@pytest.mark.parametrize("seed", range(3))
def test_edges_lead_from_node_to_node(seed: int) -> None:
    graph = random_graph(seed)
    for (low, high), line in zip(graph.ends, graph.lines.split()):
        np.testing.assert_array_equal(graph.nodes[[low, high]], line[[0, -1]])
    np.testing.assert_allclose(graph.xy(graph.node_places()), graph.nodes, atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_path_lengths_are_those_of_networkx(seed: int) -> None:
    graph = random_graph(seed)
    places = random_places(graph, 40).and_then(graph.node_places())
    oracle = dict(nx.all_pairs_dijkstra_path_length(cut_at(graph, places)))
    expected = [[oracle["place", i].get(("place", j), np.inf) for j in range(len(places))] for i in range(len(places))]
    np.testing.assert_allclose(graph.path_lengths(places), expected, atol=1e-9)


def test_paths_take_the_shorter_of_parallel_edges_and_the_short_way_round_a_loop() -> None:
    graph = MetricGraph.of_lines(
        lines(
            [(0, 0), (-10, 0)],
            [(0, 0), (5, 40), (10, 0)],
            [(0, 0), (5, -1), (10, 0)],
            [(10, 0), (20, 0)],
            [(20, 0), (30, 10), (40, 0), (30, -10), (20, 0)],
        )
    )
    places, found = graph.snap(np.array([(-10.0, 0), (20, 0), (25, 5), (25, -5)]), reach_m=0.1)
    assert found.all()
    shortest = graph.path_lengths(places)
    assert shortest[0, 1] == pytest.approx(10 + 2 * np.hypot(5, 1) + 10)
    assert shortest[2, 3] == pytest.approx(2 * np.hypot(5, 5))


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_place_is_that_of_brute_force(seed: int) -> None:
    graph = random_graph(seed)
    points = np.random.default_rng(seed).uniform(-50, 450, (300, 2))
    dense = graph.xy(graph.centres(np.full(len(graph.ends), 5000)))
    away = np.array([np.hypot(*(dense - point).T).min() for point in points])
    places, found = graph.snap(points, reach_m=12)
    np.testing.assert_array_equal(found, away <= 12)
    distance = np.hypot(*(graph.xy(places) - points[found]).T)
    np.testing.assert_allclose(distance, away[found], atol=0.05)  # half a step of the dense points


def test_roads_that_run_otherwise_are_passed_over() -> None:
    graph = MetricGraph.of_lines(lines([(0, -50), (0, 50)], [(-50, 3), (50, 3)]))
    point, eastwards = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])
    np.testing.assert_allclose(graph.xy(graph.snap(point, 5)[0]), [[0, 0]], atol=1e-9)
    np.testing.assert_allclose(graph.xy(graph.snap(point, 5, eastwards, 0.9)[0]), [[1, 3]], atol=1e-9)
    assert not graph.snap(point, 2.9, eastwards, 0.9)[1].any()


def test_places_on_long_straights_are_found_exactly() -> None:
    graph = MetricGraph.of_lines(lines([(0, 0), (1000, 0)]))
    points = np.column_stack([np.arange(0.0, 1001, 7), np.full(143, 4.0)])
    places, found = graph.snap(points, reach_m=4.0)
    assert found.all()
    np.testing.assert_allclose(graph.xy(places)[:, 0], points[:, 0])


def test_cuts_and_centres_divide_edges_equally() -> None:
    graph = MetricGraph.of_lines(lines([(0, 0), (10, 0)], [(0, 5), (0, 35)]))
    pieces = np.array([1, 3])
    np.testing.assert_allclose(graph.xy(graph.cuts(pieces)), [(0, 15), (0, 25)])
    np.testing.assert_allclose(graph.xy(graph.centres(pieces)), [(5, 0), (0, 10), (0, 20), (0, 30)])
