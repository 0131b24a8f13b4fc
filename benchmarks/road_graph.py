"""How well the tracer gives back road networks that are known, rule by rule, and how fast it is.

Without options on a drawn street network; with them on masks, vectors and predicted probabilities as well. Printed are

a. ceiling: APLS of roads that were drawn as a probability raster and traced back;
b. ablation: APLS, TOPO and crossings after cutting gaps into the drawn roads and masks, and of predictions: of a plain
   trace of the thresholded raster without any rule, with one rule after the other, and with each switched off in turn;
c. gaps: which share of the gaps was joined again, and which of the bridges join what was not joined before the cut;
d. error of width and length of drawn straight roads, and of length of drawn rings;
e. seconds per megapixel and stage as the raster grows.

The truth of a mask is its own trace before gaps are cut: that shows whether gaps close, not whether the mask is right.
Everything random is seeded.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
from road_graph_scenes import (
    DRAWN_AT,
    SETTINGS,
    Gaps,
    Scene,
    along,
    cut,
    drawn,
    drawn_town,
    lines_of,
    mask_scenes,
    masks_of,
    prediction_scenes,
    traced,
    vector_scenes,
)
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.metrics.apls import CITY_TILES, apls_cosmiq, apls_sat2graph
from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph
from road_extractor_plugin.compute.metrics.segmentation import harmonic_mean
from road_extractor_plugin.compute.metrics.topo import CITY_TILES as TOPO_CITY_TILES
from road_extractor_plugin.compute.metrics.topo import topo
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.road_graph import BRIDGED, RoadGraph

WITHOUT = {
    "all rules": {},
    "no spur length": {"min_spur_m": 0.0},
    "no spurs pruned": {"min_spur_m": 0.0, "min_spur_widths": 0.0},
    "no merging": {"merge_widths": 0.0},
    "no shallow crossings": {"max_shared_stretch": 0.0},
    "dead ends as thinned": {"max_drawn_widths": 0.0},
    "no bridges": {"max_gap_m": 0.0},
    "bridges: any turn": {"max_gap_turn_deg": 0.0},
    "bridges: no evidence": {"min_gap_probability": 0.0},
    "bridges: on a ridge": {"min_gap_ridge": 0.25},
    "no small parts dropped": {"min_component_m": 0.0},
    "no small areas dropped": {"min_area_m2": 0.0},
    "no holes filled": {"max_hole_m2": 0.0},
}
"""Each rule left out of all, and one that is off by default with it."""
STEPS = {
    "plain trace": set(),
    "+ small areas dropped": {"min_area_m2"},
    "+ holes filled": {"max_hole_m2"},
    "+ spurs pruned": {"min_spur_m", "min_spur_widths"},
    "+ merging": {"merge_widths"},
    "+ shallow crossings": {"max_shared_stretch"},
    "+ dead ends drawn": {"max_drawn_widths"},
    "+ bridges": {"max_gap_m"},
    "+ small parts dropped": {"min_component_m"},
}
"""Each rule added to those before it."""
PLAIN = dict.fromkeys(set().union(*STEPS.values()), 0.0)
"""Threshold, thinning, lines; no rule."""
NEAR_M = 4.0
ROUND_ABOUT = 1.3
"""A gap is joined when the way over it is at most so many times as long as it was, and `NEAR_M` more."""
OLD_PX, OLD_SHARE = 3.0, 0.75
"""A bridge with more than this share so near to a bridge from before the cut has nothing to do with it."""
CROSSING_DEGREE, CROSSING_M = 4, 10.0


def main() -> None:
    """Print all tables."""
    options = _options()
    scenes = [drawn_town(), *vector_scenes(options), *mask_scenes(options)]
    predictions = list(prediction_scenes(options))
    print_ceiling([scene for scene in scenes if scene.name not in {path.stem for path in masks_of(options)}])
    gapped = [(scene, *cut(scene, np.random.default_rng(1))) for scene in [*scenes, *predictions]]
    print_ablation("with gaps of 8 to 25 m", [cut_scene for scene, cut_scene, _ in gapped if not scene.is_prediction])
    if predictions:
        print_ablation("predictions", predictions)
    print_gaps(gapped)
    print_widths()
    print_speed(predictions[0].probability if predictions else scenes[-1].probability)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=Path, nargs="+", default=[], metavar="FILE", help="road vectors to draw")
    parser.add_argument("--pixel", type=float, default=0.5, help="metres per pixel to draw them at (default: 0.5)")
    parser.add_argument("--width", type=float, default=6.0, help="metres to draw them wide (default: 6)")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="road masks, 1 m per pixel")
    parser.add_argument("--predictions", type=Path, metavar="DIR", help="STEM_probability.tif for STEM.png in --masks")
    parser.add_argument("--limit", type=int, default=4, help="use so many masks (default: 4)")
    return parser.parse_args()


# Tracing and scores


def metres(lines: list[np.ndarray], pixel_m: float) -> MetricGraph:
    """Lines in pixels as a graph for the metrics."""
    return MetricGraph.of_lines([line * pixel_m for line in lines])


def print_ceiling(scenes: list[Scene]) -> None:
    """Table a."""
    print("a. ceiling                      CosmiQ  plain trace   Sat2Graph  plain trace   length error")
    for scene in scenes:
        truth = metres(scene.truth, scene.pixel_m)
        ours = metres(lines_of(scene.traced()), scene.pixel_m)
        plain = metres(lines_of(scene.traced(**PLAIN)), scene.pixel_m)
        figures = [score for one in zip(scores(ours, truth), scores(plain, truth)) for score in one][:4]
        error = ours.lengths_m.sum() / truth.lengths_m.sum() - 1
        print(f"{scene.name:<30} {'  '.join(f'{value:>9.3f}' for value in figures)} {error:>12.1%}")


def scores(ours: MetricGraph, truth: MetricGraph) -> tuple[float, float, float, float]:
    """APLS CosmiQ, APLS Sat2Graph, F1 of TOPO, F1 of crossings."""
    cosmiq, sat2graph = apls_cosmiq(ours, truth), apls_sat2graph(ours, truth, CITY_TILES)
    return cosmiq.score, sat2graph.score, topo(ours, truth, TOPO_CITY_TILES).f1, crossings_found(ours, truth)


def crossings_found(ours: MetricGraph, truth: MetricGraph) -> float:
    """F1 of the nodes with four roads or more: one is right when there is one in the other network within 10 m."""
    here, there = (graph.nodes[graph.degree >= CROSSING_DEGREE] for graph in (ours, truth))
    if not len(here) or not len(there):
        return float(len(here) == len(there))
    shares = [
        np.mean(cKDTree(others).query(nodes)[0] <= CROSSING_M) for nodes, others in ((here, there), (there, here))
    ]
    return harmonic_mean(float(shares[0]), float(shares[1]))


def print_ablation(title: str, scenes: list[Scene]) -> None:
    """Table b: means over scenes."""
    print(f"\nb. ablation, {title} ({len(scenes)})      APLS CosmiQ    Sat2Graph      TOPO   crossings")
    truths = [metres(scene.truth, scene.pixel_m) for scene in scenes]
    off = dict(PLAIN)
    rows = {}
    for name, added in STEPS.items():
        off = {setting: value for setting, value in off.items() if setting not in added}
        rows[name] = off
    for name, changes in {**rows, **WITHOUT}.items():
        graphs = [scene.traced(**changes) for scene in scenes]
        ours = [metres(lines_of(graph), scene.pixel_m) for graph, scene in zip(graphs, scenes)]
        mean = np.mean([scores(one, truth) for one, truth in zip(ours, truths)], axis=0)
        print(f"{name:<44} {mean[0]:>8.4f} {mean[1]:>12.4f} {mean[2]:>9.4f} {mean[3]:>11.3f}", flush=True)


# Gaps


def print_gaps(cases: list[tuple[Scene, Scene, Gaps]]) -> None:
    """Table c."""
    print("\nc. gaps of 8 to 25 m                         cut   joined again   bridges over them   false joins")
    for is_prediction in (False, True):
        chosen = [case for case in cases if case[0].is_prediction == is_prediction]
        for name in ("no bridges", "bridges: no evidence", "bridges: on a ridge", "all rules"):
            counts = np.sum([joined(*case, WITHOUT[name]) for case in chosen], axis=0)
            if chosen:
                print_gap_row(f"{'predictions' if is_prediction else 'masks'}, {name}", *counts.tolist())


def print_gap_row(name: str, cut_count: int, joined_count: int, bridge_count: int, false_count: int) -> None:
    """One row of table c."""
    print(
        f"{name:<42} {cut_count:>5} {joined_count / cut_count:>14.1%} {bridge_count:>19} "
        f"{false_count / max(bridge_count, 1):>13.1%}"
    )


def joined(scene: Scene, gapped: Scene, gaps: Gaps, changes: dict[str, float]) -> tuple[int, int, int, int]:
    """Gaps cut and joined again, bridges that the cuts brought about, and those of them that are false.

    A join is false when its ends were not connected before the cut by a way about as short.
    """
    before, after = (one.traced(**changes) for one in (scene, gapped))
    ends = np.array([place for one, other, _ in gaps.ends for place in (one, other)]).reshape(-1, 2)
    limits = np.array([length for *_, length in gaps.ends])
    again = are_joined(after, ends, limits, scene.pixel_m)
    old = [along(edge.points, 0.5)[0] for edge in before.edges if edge.origin == BRIDGED]
    tree = cKDTree(np.concatenate([np.full((1, 2), -1e6), *old]))
    bridges = [along(edge.points, 0.5) for edge in after.edges if edge.origin == BRIDGED]
    new = [(points, places) for points, places in bridges if np.mean(tree.query(points)[0] < OLD_PX) <= OLD_SHARE]
    tips = np.array([points[[0, -1]] for points, _ in new]).reshape(-1, 2)
    lengths = np.array([places[-1] for _, places in new])
    right = are_joined(before, tips, lengths, scene.pixel_m, NEAR_M + OLD_PX * scene.pixel_m)
    return len(limits), int(again.sum()), len(new), int((~right).sum())


def are_joined(
    graph: RoadGraph, ends: np.ndarray, lengths_px: np.ndarray, pixel_m: float, reach_m: float = NEAR_M
) -> np.ndarray:
    """Whether the two of each pair of places (2 k, 2) are on the network and joined by a way about as long as given."""
    network = metres(lines_of(graph), pixel_m)
    if network.is_empty or not len(ends):
        return np.zeros(len(ends) // 2, dtype=bool)
    places, found = network.snap(ends * pixel_m, reach_m)
    paths = np.full((len(ends), len(ends)), np.inf)
    paths[np.ix_(found, found)] = network.path_lengths(places)
    way = paths[np.arange(0, len(ends), 2), np.arange(1, len(ends), 2)]
    return way <= ROUND_ABOUT * lengths_px * pixel_m + NEAR_M


# Widths and speed


def print_widths() -> None:
    """Table d."""
    print("\nd. straight roads drawn   median |error| of width px   largest   of length")
    for width in (3, 4, 6, 8, 12, 20, 40):
        widths, lengths = [], []
        for angle in np.linspace(0.02, math.pi, 24):
            way = 120 * np.array([math.cos(angle), math.sin(angle)])
            probability = drawn([np.array([150.3 - way, 150.3 + way])], (301, 301), width)
            (edge,) = traced(probability, 1.0, thresholds=DRAWN_AT).edges
            widths.append(abs(edge.width_px - width))
            lengths.append(abs(along(edge.points, 1)[1][-1] / 240 - 1))
        print(f"{width:>22} px {np.median(widths):>22.2f} {np.max(widths):>12.2f} {np.max(lengths):>10.2%}")
    print("   rings 7 px wide, radius px: error of length")
    for radius in (10, 12, 15, 25, 50, 100, 200):
        print(f"{radius:>22} px {ring_error(radius, 7.0):>22.2%}")


def ring_error(radius_px: float, width_px: float) -> float:
    """By how much the traced ring is longer than the drawn one."""
    centre, angle = radius_px + width_px + 8.3, np.linspace(0, 2 * math.pi, 500)
    ring = centre + radius_px * np.column_stack([np.cos(angle), np.sin(angle)])
    ring[-1] = ring[0]
    side = math.ceil(2 * centre)
    lines = lines_of(traced(drawn([ring], (side, side), width_px), 1.0, max_hole_m2=0.0, thresholds=DRAWN_AT))
    return sum(float(along(line, 1)[1][-1]) for line in lines) / (2 * math.pi * radius_px) - 1


class _StageClock(SilentFeedback):
    """Seconds per stage."""

    def __init__(self) -> None:
        self.marks: list[tuple[str, float]] = [("thresholding", time.perf_counter())]

    def progress(self, fraction: float, stage: str) -> None:  # noqa: ARG002  (the protocol's)
        self.marks.append((stage, time.perf_counter()))


def print_speed(probability: np.ndarray) -> None:
    """Table e."""
    print("\ne. Mpx     s per Mpx   stages")
    probability = np.pad(probability, [(0, -side % 4) for side in probability.shape], mode="edge")
    for times in (1, 2, 4):
        raster = np.pad(probability, [(0, (times - 1) * side) for side in probability.shape], mode="symmetric")
        clock = _StageClock()
        trace(ArrayRows(raster), SETTINGS, (1.0, 1.0), clock)
        mpx = raster.size / 1e6
        total = clock.marks[-1][1] - clock.marks[0][1]
        stages: dict[str, float] = {}
        for (name, before), (_, after) in zip(clock.marks, clock.marks[1:]):
            stages[name] = stages.get(name, 0.0) + (after - before) / mpx
        shares = ", ".join(f"{name} {seconds:.3f}" for name, seconds in stages.items())
        print(f"{mpx:>6.1f} {total / mpx:>12.3f}   {shares}")


if __name__ == "__main__":
    main()
