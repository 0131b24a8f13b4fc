"""TOPO: whether what can be reached from a place is the same in two road networks.

Biagioni & Eriksson 2012 (doi:10.3141/2291-08), in the form that Sat2Graph (arXiv:2007.09547) made common.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph, Places, repeated
from road_extractor_plugin.compute.metrics.segmentation import harmonic_mean

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_BLOCK = 256
"""Starts whose distances are held at once."""
_SAME_M = 1e-9
"""Rounding error of a distance along the network."""


@dataclass(frozen=True)
class TopoProtocol:
    """Settings of `topo`."""

    radius_m: float
    """How far is walked from a start."""
    start_spacing_m: float = 50.0
    start_reach_m: float = 10.0
    start_min_cosine: float = 0.96
    """Of the angle between the roads at a start, about 16 degrees."""
    step_m: float = 5.0
    """Distance along the road between two marbles or holes."""
    match_m: float = 10.0
    match_min_cosine: float = math.cos(math.radians(30))

    @property
    def in_words(self) -> str:
        """For reports."""
        return (
            f"TOPO, Sat2Graph: radius {self.radius_m:g} m, marbles every {self.step_m:g} m, matched one to one within "
            f"{self.match_m:g} m and {math.degrees(math.acos(self.match_min_cosine)):.0f} degrees"
        )


CITY_TILES = TopoProtocol(radius_m=300.0)
"""For tiles of a kilometre and more."""
SMALL_TILES = TopoProtocol(radius_m=150.0)
"""For smaller ones."""


@dataclass(frozen=True)
class Topo:
    """Figures, 0..1."""

    precision: float
    recall: float
    f1: float
    coverage: float
    """Share of the starts that the prediction has a road at."""


NOTHING_MISSED = Topo(1.0, 1.0, 1.0, 1.0)
NOTHING_FOUND = Topo(0.0, 0.0, 0.0, 0.0)


def topo(prediction: MetricGraph, reference: MetricGraph, protocol: TopoProtocol) -> Topo:
    """TOPO of a predicted network.

    1. Starts divide each edge of the reference into equal parts of about the start spacing, at least two; an edge
       shorter than half the spacing has none.
    2. A start is matched with the nearest place of the prediction within its reach where the road runs the same way.
    3. From a matched start both networks are walked along all roads up to the radius. Marbles drop on the prediction
       and holes open on the reference at every step's distance from the start, by the shortest path.
    4. Marbles are matched with holes one to one, as many as possible, within the match distance and angle.
    5. Precision is the mean over matched starts of the share of marbles matched. Recall is the mean over all starts of
       the share of holes matched, 0 for starts without a match.

    Networks without a start, and a prediction that no start is matched with, score 0; two without one score 1.
    """
    starts = _starts(reference, protocol)  # 1
    if not len(starts):
        return NOTHING_FOUND if len(_starts(prediction, protocol)) else NOTHING_MISSED
    matched, found = prediction.snap(  # 2
        reference.xy(starts), protocol.start_reach_m, reference.direction(starts), protocol.start_min_cosine
    )
    if not found.any():
        return NOTHING_FOUND
    holes, marbles = Walk(reference, starts.only(found), protocol), Walk(prediction, matched, protocol)
    shares = np.array([_matched_shares(marbles.reached(i), holes.reached(i), protocol) for i in range(len(matched))])
    coverage = float(found.mean())
    precision, recall = float(shares[:, 0].mean()), float(shares[:, 1].mean()) * coverage  # 5
    return Topo(precision, recall, harmonic_mean(precision, recall), coverage)


def _starts(graph: MetricGraph, protocol: TopoProtocol) -> Places:
    parts = 1 + np.maximum((graph.lengths_m / protocol.start_spacing_m).astype(np.int64), 1)
    parts[graph.lengths_m < protocol.start_spacing_m / 2] = 1
    return graph.cuts(parts)


class Walk:
    """What is reached from each of several starts on one network."""

    def __init__(self, graph: MetricGraph, starts: Places, protocol: TopoProtocol) -> None:
        self._graph = graph
        self._starts = starts
        self._protocol = protocol
        self._block = -1
        self._distances = np.empty((0, 0))

    def reached(self, start: int) -> tuple[Floats, Floats]:
        """Points (k, 2) at every step's distance from a start by the shortest path, up to the radius, and directions.

        Every road in reach is walked from both ends to where the walkers meet. The start cuts its own edge in two.

              at_low                   at_high            distance of the start from the two ends
                 o----->----->--|--<-----o
                low                     high              distance along the edge
        """
        ends, distance = self._graph.ends, self._distances_of(start)
        own, along = self._starts.edge[start], self._starts.along_m[start]
        edge = np.flatnonzero(np.isfinite(distance[ends]).any(axis=1))
        edge = np.concatenate([edge[edge != own], [own, own]])
        low, high = np.zeros(len(edge)), self._graph.lengths_m[edge]
        at_low, at_high = distance[ends[edge]].T
        high[-2], at_high[-2] = along, 0.0
        low[-1], at_low[-1] = along, 0.0
        up, up_m = self._steps(at_low, at_high, high - low)
        down, down_m = self._steps(at_high, at_low, high - low)
        places = Places(edge[up], low[up] + up_m).and_then(Places(edge[down], high[down] - down_m))
        return self._graph.xy(places), self._graph.direction(places)

    def _steps(self, here: Floats, there: Floats, length: Floats) -> tuple[Indices, Floats]:
        """Steps that fall on roads walked from one end: the road of each, and how far it is along the road.

        Args:
            here: (r,) Distance from the start of the end that is walked from; inf when out of reach.
            there: (r,) Distance of the other end.
            length: (r,) Length of the road.
        """
        step = self._protocol.step_m
        road = np.flatnonzero(np.isfinite(here))
        here, there, length = here[road], there[road], length[road]
        until = np.minimum(here + np.clip((length + there - here) / 2, 0.0, length), self._protocol.radius_m)
        first = np.floor((here + _SAME_M) / step) + 1
        last = np.floor((until + _SAME_M) / step)
        index, rank = repeated(np.maximum(last - first + 1, 0).astype(np.int64))
        return road[index], (first[index] + rank) * step - here[index]

    def _distances_of(self, start: int) -> Floats:
        """(n,) Distance of each node from a start."""
        block, row = divmod(start, _BLOCK)
        if block != self._block:
            starts = self._starts.only(np.arange(block * _BLOCK, min((block + 1) * _BLOCK, len(self._starts))))
            self._distances = self._graph.distances_to_nodes(starts, self._protocol.radius_m)
            self._block = block
        distances: Floats = self._distances[row]
        return distances


def _matched_shares(
    marbles: tuple[Floats, Floats], holes: tuple[Floats, Floats], protocol: TopoProtocol
) -> tuple[float, float]:
    """Shares of the marbles and of the holes, each points and directions (k, 2), that are matched by rule 4."""
    (marble_xy, marble_direction), (hole_xy, hole_direction) = marbles, holes
    if not len(marble_xy) or not len(hole_xy):
        return 0.0, 0.0
    near = cKDTree(marble_xy).sparse_distance_matrix(cKDTree(hole_xy), protocol.match_m, output_type="ndarray")
    marble, hole = near["i"], near["j"]
    cosine = np.abs(np.einsum("ij,ij->i", marble_direction[marble], hole_direction[hole]))
    alike = cosine >= protocol.match_min_cosine
    pairs = (np.ones(np.count_nonzero(alike), dtype=bool), (marble[alike], hole[alike]))
    candidates = csr_matrix(pairs, shape=(len(marble_xy), len(hole_xy)))
    count = np.count_nonzero(maximum_bipartite_matching(candidates, perm_type="column") >= 0)
    return count / len(marble_xy), count / len(hole_xy)
