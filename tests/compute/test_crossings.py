"""Shallow crossings: which pairs of T junctions become one."""

from __future__ import annotations

import math
from typing import Callable

import numpy as np
import pytest

from road_extractor_plugin.compute.crossings import merge_shallow_crossings
from road_extractor_plugin.compute.graph_rules import merge_junctions, prune_spurs
from road_extractor_plugin.compute.network import Network
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.skeleton_network import skeleton_network
from road_extractor_plugin.compute.threshold import fill_small_holes

CENTRE = np.array([150.3, 150.4])


def before_and_after(mask: np.ndarray) -> tuple[Network, Network]:
    filled = fill_small_holes(ArrayRows(mask.astype(np.uint8)), 30)
    network = merge_junctions(prune_spurs(skeleton_network(filled), 10, 1.5))
    return network, merge_shallow_crossings(network)


def junctions(network: Network) -> list[int]:
    return sorted(degree for degree in network.degree.tolist() if degree > 2)


@pytest.mark.parametrize("widths", [(8, 8), (5, 5), (12, 6), (20, 8)], ids=lambda widths: "x".join(map(str, widths)))
@pytest.mark.parametrize("angle", [15, 20, 30, 45])
@pytest.mark.parametrize("turn", [0, 37, 110])
def test_two_straight_roads_cross_once(
    canvas: Callable[..., object], widths: tuple[int, int], angle: int, turn: int
) -> None:
    drawn = canvas(300, 300)
    for width, degrees in zip(widths, (turn, turn + angle)):
        way = 140 * np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
        drawn.road(tuple(CENTRE - way), tuple(CENTRE + way), width)  # type: ignore[attr-defined]
    _, after = before_and_after(drawn.mask)  # type: ignore[attr-defined]
    assert junctions(after) == [4]
    (crossing,) = np.flatnonzero(after.degree == 4)
    assert np.hypot(*(after.vertices.xy[crossing] - CENTRE)) <= 2
    distance = np.hypot(*np.concatenate([np.diff(line, axis=0) for line in after.lines().split()]).T)
    assert distance.sum() == pytest.approx(after.length_px.sum())


# What is drawn (on 160 x 120 pixels): two T junctions with a stretch between them that stay.
APART = [
    pytest.param(
        lambda c: c.road((60, 60), (100, 60), 7).road((100, 60), (169, 40), 7).road((100, 60), (169, 80), 7)
        .road((60, 60), (-9, 40), 7).road((60, 60), (-9, 80), 7),
        id="two roads share a way",
    ),
    pytest.param(
        lambda c: c.road((60, 60), (100, 60), 9).road((98, 60), (112, 53), 6).road((98, 60), (112, 67), 6)
        .road((62, 60), (48, 53), 6).road((62, 60), (48, 67), 6).road((110, 53), (169, 53), 6)
        .road((110, 67), (169, 67), 6).road((50, 53), (-9, 53), 6).road((50, 67), (-9, 67), 6),
        id="a dual carriageway before and behind a bridge",
    ),
    pytest.param(
        lambda c: c.road((-9, 60), (169, 60), 8).road((70, -9), (70, 60), 6).road((84, 60), (84, 129), 6),
        id="staggered side streets",
    ),
    pytest.param(
        lambda c: c.road((-9, 60), (169, 60), 8).road((70, -9), (70, 60), 6).road((90, -9), (90, 60), 6),
        id="side streets on one side",
    ),
    pytest.param(
        lambda c: c.road((-9, 54), (169, 54), 6).road((-9, 66), (169, 66), 6).road((80, 54), (80, 66), 6),
        id="a link between two carriageways",
    ),
]  # fmt: skip


@pytest.mark.parametrize("draw", APART)
def test_what_is_no_crossing_stays(canvas: Callable[..., object], draw: Callable) -> None:
    before, after = before_and_after(draw(canvas()).mask)
    assert junctions(before) == [3, 3]
    assert after is before


def test_an_empty_network_stays_empty() -> None:
    _, after = before_and_after(np.zeros((9, 9), dtype=bool))
    assert after.paths == ()
