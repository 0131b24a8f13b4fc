"""Thinning, the pixel graph and the network of it: the same topology at each step."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import euler_number, label

from road_extractor_plugin.compute.network import Network
from road_extractor_plugin.compute.pixel_graph import pixel_graph
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.skeleton import thin
from road_extractor_plugin.compute.skeleton_network import skeleton_network


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    """Random blobs, from dust to lakes."""
    shape = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).standard_normal(shape)
    smooth = ndimage.gaussian_filter(noise, draw(st.floats(0.0, 4.0)))
    return smooth > np.quantile(smooth, draw(st.floats(0.05, 0.95)))


def multigraph(network: Network) -> nx.MultiGraph:
    """The network's nodes and edges."""
    return nx.MultiGraph(network.ends.tolist())


@given(masks())
@settings(max_examples=200)
def test_thinning_keeps_pieces_and_holes(mask: np.ndarray) -> None:
    skeleton = thin(mask)
    assert not (skeleton & ~mask).any()
    assert label(skeleton, connectivity=2).max() == label(mask, connectivity=2).max()
    assert euler_number(skeleton, connectivity=2) == euler_number(mask, connectivity=2)


@given(masks())
@settings(max_examples=200)
def test_the_pixel_graph_has_the_euler_number_of_the_skeleton(mask: np.ndarray) -> None:
    skeleton = thin(mask)
    graph = pixel_graph(skeleton)
    assert len(graph.pixels) - len(graph.links) == euler_number(skeleton, connectivity=2)


@given(masks())
@settings(max_examples=200)
def test_the_network_loses_no_skeleton_pixel_and_no_cycle(mask: np.ndarray) -> None:
    skeleton = thin(mask)
    graph = pixel_graph(skeleton)
    network = skeleton_network(ArrayRows(mask.astype(np.uint8)))
    on_edges = np.zeros(len(graph.pixels), dtype=bool)
    for path in network.paths:
        on_edges[path] = True
    dots = np.bincount(graph.links.ravel(), minlength=len(graph.pixels)) == 0
    assert np.array_equal(on_edges, ~dots)

    roads = multigraph(network)
    assert nx.number_connected_components(roads) + dots.sum() == label(skeleton, connectivity=2).max()
    assert len(roads) - roads.number_of_edges() + dots.sum() == euler_number(skeleton, connectivity=2)
    assert (network.length_px > 0).all()


@pytest.mark.parametrize(
    ("rows", "degrees"),
    [
        pytest.param(["..#..", "..#..", "#####", "..#..", "..#.."], [1, 1, 1, 1, 4], id="cross"),
        pytest.param(["#...#", ".#.#.", "..#..", ".#.#.", "#...#"], [1, 1, 1, 1, 4], id="diagonal cross"),
        pytest.param(["#....", "##...", ".##..", "..##.", "...##"], [1, 1], id="staircase"),
        pytest.param([".###.", "#...#", "#...#", ".###."], [2], id="ring"),
        pytest.param(["#..#", ".##.", ".##.", "#..#"], [1, 1, 1, 1, 3, 3], id="arms of a full block"),
        pytest.param(["#....", "....#"], [], id="dots"),
    ],
)
def test_nodes_of_drawn_skeletons(rows: list[str], degrees: list[int]) -> None:
    skeleton = np.array([[sign == "#" for sign in row] for row in rows])
    roads = multigraph(skeleton_network(ArrayRows(skeleton.astype(np.uint8))))
    assert sorted(degree for _, degree in roads.degree()) == degrees


@pytest.mark.parametrize("flipped", [False, True], ids=["main diagonal", "other diagonal"])
def test_a_staircase_keeps_its_length(flipped: bool) -> None:
    mask = np.zeros((60, 60), dtype=bool)
    steps = np.arange(5, 55)
    mask[steps, steps] = mask[steps + 1, steps] = True
    mask = mask[:, ::-1] if flipped else mask
    assert np.flatnonzero(thin(mask).any(axis=1)).size >= steps.size
