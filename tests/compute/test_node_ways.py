"""Ways from some nodes of a network."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from road_extractor_plugin.compute.network import Vertices, measured
from road_extractor_plugin.compute.node_ways import NodeWays


@given(st.integers(0, 2**32 - 1), st.floats(20.0, 300.0))
def test_they_are_the_shortest_ways_within_the_limit(seed: int, limit: float) -> None:
    """Parallel edges and loops included; networkx is the judge."""
    random = np.random.default_rng(seed)
    vertices = Vertices.on_no_road(random.uniform(0, 200, (40, 2)))
    pairs = random.integers(0, 15, (25, 2))
    network = measured(vertices, [np.array([one, random.integers(15, 40), other]) for one, other in pairs])
    graph = nx.MultiGraph()
    for (one, other), length in zip(network.ends.tolist(), network.length_px.tolist()):
        graph.add_edge(one, other, weight=length)
    asked = np.unique(network.ends)[::3]
    ways = NodeWays(network).within(limit, asked)
    for number, start in enumerate(asked.tolist()):
        expected = nx.single_source_dijkstra_path_length(graph, start, cutoff=limit)
        nodes = np.unique(network.ends)
        length = ways.to(np.full(nodes.size, number), nodes)
        np.testing.assert_allclose(length, [expected.get(node, np.inf) for node in nodes.tolist()])
