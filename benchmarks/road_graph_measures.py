"""What the rules of the road graph are made for, as counts that add up over scenes, and as measures made of them.

Per kilometre is per kilometre of reference. Nothing within `EDGE_M` of the edge of the data counts as a dead end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from osgeo import ogr
from road_graph import metres, scores
from road_graph_scenes import lines_of
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.metrics.buffered_length import buffered_length
from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph
from road_extractor_plugin.compute.threshold import ROAD
from road_extractor_plugin.compute.traced import Traced
from road_extractor_plugin.contract.raster_coding import NODATA

BUFFER_M = 5.0
NEAR_M = 10.0
"""Dead ends and junctions no further apart match."""
EDGE_M = 4.0
SMALL_LOOP_M = 60.0
"""Longest perimeter of a small loop."""
ANY_DEGREE = 3
DRAWS = 2000
"""Samples of scenes from which the spread of a difference is taken."""

COUNTS = (
    *("reference_m", "predicted_m", "matched_m", "found_m", "dead", "true_dead", "false_dead", "missed_dead"),
    *("cosmiq_m", "sat2graph_m", "topo_m", "false_surfaces", "right_surfaces"),
    *("away_m", "matched_dead", "false_parts", "false_loops", "missed_loops", "wrong_degree", "matched_junctions"),
)
MEASURES = {
    "APLS CosmiQ": "means over scenes, weighted by length of reference",
    "APLS Sat2Graph": "likewise",
    "TOPO": "likewise, F1",
    "correctness": "share of the predicted length within 5 m of the reference (Wiedemann et al. 1998)",
    "completeness": "share of the reference's length within 5 m of the prediction",
    "quality": "matched over matched, invented and missed length",
    "dead end F1": "dead ends with one of the other network within 10 m",
    "false dead/km": "dead ends without one of the reference within 10 m",
    "missed dead/km": "dead ends of the reference without a predicted one within 10 m",
    "dead end off m": "mean distance of matched dead ends",
    "false parts/km": "connected parts of which less than half the length is within 5 m of the reference",
    "false loops/km": "small loops, up to 60 m round, without one of the reference within 10 m of its middle",
    "lost loops/km": "small loops of the reference without a predicted one there",
    "false surf./km": "pieces of the mask with no road of the reference within 5 m",
    "right surf./km": "all other pieces of the mask",
    "wrong degree": "share of the matched junctions at which another number of roads meets",
}
"""In words, in the order of `measures`."""
HIGH_IS_GOOD = np.array([*[True] * 7, *[False] * 7, True, False])


def counts(found: Traced, truth: MetricGraph, label: np.ndarray, beside_data: np.ndarray) -> np.ndarray:
    """What `COUNTS` names, for one scene of 1 m per pixel.

    Args:
        found: Predicted network, not empty, and mask.
        truth: Reference, not empty.
        label: Its mask.
        beside_data: Distance in metres from each pixel of 1 m to the edge of the data.
    """
    ours, mask = metres(lines_of(found.graph), 1.0), found.mask.read(0, len(label))
    lengths = buffered_length(ours, truth, BUFFER_M)
    reference_m, predicted_m = truth.lengths_m.sum(), ours.lengths_m.sum()
    dead, true_dead = (dead_ends(graph, beside_data) for graph in (ours, truth))
    all_true = truth.nodes[truth.degree == 1]
    away = _nearest(dead, all_true)
    missed = _nearest(true_dead, ours.nodes[ours.degree == 1]) > NEAR_M
    matched = away[away <= NEAR_M]
    loops, true_loops = small_loops(ours), small_loops(truth)
    false_loops, missed_loops = (
        (_nearest(loops, true_loops) > NEAR_M).sum(),
        (_nearest(true_loops, loops) > NEAR_M).sum(),
    )
    wrong, junctions = wrong_degrees(ours, truth)
    lengths_m = (reference_m, predicted_m, lengths.correctness * predicted_m, lengths.completeness * reference_m)
    graph_scores = [score * reference_m for score in scores(ours, truth)[:3]]
    ends = (len(dead), len(true_dead), (away > NEAR_M).sum(), missed.sum())
    rest = (matched.sum(), len(matched), false_parts(ours, truth), false_loops, missed_loops, wrong, junctions)
    return np.array([*lengths_m, *ends, *graph_scores, *surfaces(mask, label), *rest], dtype=float)


def measures(summed: np.ndarray) -> np.ndarray:
    """What `MEASURES` names, from sums of counts (..., counts)."""
    sums = dict(zip(COUNTS, np.moveaxis(np.asarray(summed, dtype=float), -1, 0)))
    km = sums["reference_m"] / 1000
    right = 1 - sums["false_dead"] / np.maximum(sums["dead"], 1)
    found = 1 - sums["missed_dead"] / np.maximum(sums["true_dead"], 1)
    return np.stack(
        [
            *(sums[score] / sums["reference_m"] for score in ("cosmiq_m", "sat2graph_m", "topo_m")),
            sums["matched_m"] / sums["predicted_m"],
            sums["found_m"] / sums["reference_m"],
            sums["matched_m"] / (sums["predicted_m"] + sums["reference_m"] - sums["found_m"]),
            2 * right * found / np.maximum(right + found, 1e-9),
            sums["false_dead"] / km,
            sums["missed_dead"] / km,
            sums["away_m"] / np.maximum(sums["matched_dead"], 1),
            sums["false_parts"] / km,
            sums["false_loops"] / km,
            sums["missed_loops"] / km,
            sums["false_surfaces"] / km,
            sums["right_surfaces"] / km,
            sums["wrong_degree"] / np.maximum(sums["matched_junctions"], 1),
        ],
        axis=-1,
    )


def gained(with_rule: np.ndarray, without: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much a rule makes each measure better, and the standard error of that, over draws of scenes.

    Args:
        with_rule: (scenes, counts)
        without: Likewise, of the same scenes.
    """
    random = np.random.default_rng(0)
    drawn = random.multinomial(len(with_rule), np.full(len(with_rule), 1 / len(with_rule)), DRAWS)
    sign = np.where(HIGH_IS_GOOD, 1.0, -1.0)
    spread = (measures(drawn @ with_rule) - measures(drawn @ without)).std(axis=0)
    return sign * (measures(with_rule.sum(axis=0)) - measures(without.sum(axis=0))), spread


def distance_to_edge(probability: np.ndarray) -> np.ndarray:
    """Metres from each pixel of 1 m to the edge of the data."""
    data = np.pad(probability != NODATA, 1)
    return ndimage.distance_transform_edt(data)[1:-1, 1:-1]


def dead_ends(graph: MetricGraph, beside_data: np.ndarray) -> np.ndarray:
    """(k, 2) Dead ends that are not at the edge of the data."""
    dead = graph.nodes[graph.degree == 1]
    column, row = np.clip(np.floor(dead).astype(int).T, 0, np.array(beside_data.shape[::-1])[:, None] - 1)
    return dead[beside_data[row, column] > EDGE_M]


def false_parts(ours: MetricGraph, truth: MetricGraph) -> int:
    """Connected parts of which less than half the length is near the reference."""
    pieces = np.maximum(np.ceil(ours.lengths_m).astype(np.int64), 1)
    middles = ours.centres(pieces)
    _, near = truth.snap(ours.xy(middles), BUFFER_M)
    ones = np.ones(len(ours.ends))
    links = coo_matrix((ones, tuple(ours.ends.T)), shape=(len(ours.nodes), len(ours.nodes)))
    part = connected_components(links, directed=False)[1][ours.ends[middles.edge, 0]]
    length = (ours.lengths_m / pieces)[middles.edge]
    return int((np.bincount(part, near * length) < 0.5 * np.bincount(part, length)).sum())


def small_loops(graph: MetricGraph) -> np.ndarray:
    """(k, 2) Middles of the faces with a perimeter of at most `SMALL_LOOP_M`."""
    network = ogr.Geometry(ogr.wkbMultiLineString)
    for line in graph.lines.split():
        part = ogr.Geometry(ogr.wkbLineString)
        for x, y in line.tolist():
            part.AddPoint_2D(x, y)
        network.AddGeometry(part)
    collected = network.Polygonize()
    faces = [collected.GetGeometryRef(face) for face in range(collected.GetGeometryCount())]
    small = [face.Centroid() for face in faces if face.GetGeometryRef(0).Length() <= SMALL_LOOP_M]
    return np.array([(middle.GetX(), middle.GetY()) for middle in small]).reshape(-1, 2)


def surfaces(mask: np.ndarray, label: np.ndarray) -> tuple[int, int]:
    """Pieces of the mask far from all road of the label, and the others."""
    pieces, count = ndimage.label(mask == ROAD, np.ones((3, 3)))
    near = ndimage.distance_transform_edt(~label) <= BUFFER_M
    right = np.count_nonzero(np.unique(pieces[near]))
    return count - right, right


def wrong_degrees(ours: MetricGraph, truth: MetricGraph) -> tuple[int, int]:
    """Junctions of the reference where another number of roads meets than at the nearest predicted one, and all."""
    here, there = np.flatnonzero(ours.degree >= ANY_DEGREE), np.flatnonzero(truth.degree >= ANY_DEGREE)
    if not len(here) or not len(there):
        return 0, 0
    away, nearest = cKDTree(ours.nodes[here]).query(truth.nodes[there])
    near = away <= NEAR_M
    wrong = ours.degree[here[nearest[near]]] != truth.degree[there[near]]
    return int(wrong.sum()), int(near.sum())


def _nearest(places: np.ndarray, others: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Distance of each place to the nearest of others; infinite where there is none."""
    if not len(places) or not len(others):
        return np.full(len(places), np.inf)
    return cKDTree(others).query(places)[0]
