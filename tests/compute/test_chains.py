"""Following links through vertices of degree two."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_extractor_plugin.compute.chains import follow


def chains_of(links: list[tuple[int, int]]) -> list[list[int]]:
    """The chains as lists of vertices."""
    array = np.array(links, dtype=np.int64).reshape(-1, 2)
    tails = array.ravel()
    darts = follow(array, int(array.max(initial=-1)) + 1)
    return [[*tails[chain].tolist(), int(tails[chain[-1] ^ 1])] for chain in darts]


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(1, 0), (1, 2)], [[0, 1, 2]], id="line"),
        pytest.param([(0, 1), (1, 2), (2, 0)], [[0, 1, 2, 0]], id="ring"),
        pytest.param([(3, 3)], [[3, 3]], id="self-loop"),
        pytest.param([(0, 1), (0, 1)], [[0, 1, 0]], id="ring of two parallel links"),
        pytest.param([(0, 1), (1, 2), (2, 3), (3, 1)], [[0, 1], [1, 2, 3, 1]], id="ring with a tail"),
        pytest.param([(0, 1), (1, 2), (1, 3)], [[0, 1], [1, 2], [1, 3]], id="tee"),
    ],
)
def test_drawn_graphs(links: list[tuple[int, int]], expected: list[list[int]]) -> None:
    assert chains_of(links) == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_every_link_is_in_one_chain_and_the_topology_stays(links: list[tuple[int, int]]) -> None:
    array = np.array(links, dtype=np.int64).reshape(-1, 2)
    used = sorted(dart >> 1 for chain in follow(array, 10) for dart in chain)
    assert used == list(range(len(links)))

    before = nx.MultiGraph(links)
    after = nx.MultiGraph((chain[0], chain[-1]) for chain in chains_of(links))
    assert nx.number_connected_components(before) == nx.number_connected_components(after)
    assert before.number_of_edges() - len(before) == after.number_of_edges() - len(after)
    rings = {node for node, other in after.edges() if node == other}
    assert all(degree != 2 or node in rings for node, degree in after.degree())
    for chain in chains_of(links):
        assert all(before.has_edge(one, other) for one, other in zip(chain, chain[1:]))
