"""What each rule of the road graph is made for, with it and without it: is it worth being on?

python benchmarks/road_graph_rules.py [DATA SPLIT PREDICTIONS]

a. On predictions of the default model at its thresholds, held out and learnt from (never test): the measures of
   `road_graph_measures.py` with all rules, and what each rule gives: positive is better, `*` beyond two standard errors
   over draws of scenes. The truth is the trace of the label mask without the rules under test, so that none of them is
   right by definition. Needs the three folders that `road_graph_figures.py` takes, and uses its predictions.
b. On drawn roads, where the truth is known: crossings at shallow angles, roads that share a way, roads with holes,
   rough roads, and dead ends.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path

import numpy as np
from road_graph import metres
from road_graph_figures import HELD_OUT, LEARNT, TRAIN, scenes_of
from road_graph_measures import MEASURES, counts, dead_ends, distance_to_edge, gained, measures, small_loops
from road_graph_scenes import DRAWN_AT, SETTINGS, Scene, drawn, drawn_town, lines_of, read_mask, stored, traced
from scipy import ndimage
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA

RULES = {
    "spur length": {"min_spur_m": 0.0},
    "spurs, 10 m": {"min_spur_m": 10.0},
    "spurs, all": {"min_spur_m": 0.0, "min_spur_widths": 0.0},
    "merging": {"merge_widths": 0.0},
    "shallow crossings": {"max_shared_stretch": 0.0},
    "dead ends drawn": {"max_drawn_widths": 0.0},
    "bridges": {"max_gap_m": 0.0},
    "bridges' turn": {"max_gap_turn_deg": 0.0},
    "bridges' evidence": {"min_gap_probability": 0.0},
    "bridges, ridge": {"min_gap_ridge": 0.25},
    "small parts": {"min_component_m": 0.0},
    "small areas": {"min_area_m2": 0.0},
    "areas, 60 m2": {"min_area_m2": 60.0},
    "holes": {"max_hole_m2": 0.0},
}
"""What switches each rule off, or makes it as the name says."""
UNDER_TEST = {
    "min_spur_m": 0.0,
    "max_shared_stretch": 0.0,
    "max_gap_m": 0.0,
    "min_component_m": 0.0,
    "min_area_m2": 0.0,
    "max_hole_m2": 0.0,
}
SIDE_PX = 220
CASES = 40


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="folder with massachusetts/train")
    parser.add_argument("split", type=Path, nargs="?", help="split.csv of the model's training run")
    parser.add_argument("predictions", type=Path, nargs="?", help="folder for predictions")
    parser.add_argument("--parts", nargs="+", default=[HELD_OUT, LEARNT], help="of the training folder (default: both)")
    options = parser.parse_args()
    if options.predictions:
        for name in options.parts:
            print_rules(name, options)
    print_crossings()
    print_holes()
    print_hair()
    print_dead_ends()


# Predictions


def print_rules(name: str, options: argparse.Namespace) -> None:
    """Table a for one part."""
    scenes = [scene for scene in scenes_of(name, options) if not is_empty(scene)]
    masks = [mask_of(scene, options) for scene in scenes]
    truths = [metres(lines_of(traced(mask, 1.0, **UNDER_TEST)), 1.0) for mask in masks]
    labels = [mask == CERTAIN for mask in masks]
    ours = counted(scenes, truths, labels, {})
    km = sum(truth.lengths_m.sum() for truth in truths) / 1000
    print(f"\na. {name}, {len(scenes)} scenes, {km:.1f} km")
    print(f"{'':<20}" + "".join(f"{measure:>16}" for measure in MEASURES))
    print(f"{'all rules':<20}" + "".join(f"{value:>16.4f}" for value in measures(ours.sum(axis=0))))
    for rule, changes in RULES.items():
        gains = zip(*gained(ours, counted(scenes, truths, labels, changes)))
        cells = [f"{gain:+.4f}{'*' if abs(gain) > 2 * spread > 0 else ' '}" for gain, spread in gains]
        print(f"{rule:<20}" + "".join(f"{cell:>16}" for cell in cells), flush=True)


def is_empty(scene: Scene) -> bool:
    """Whether nothing is found in it."""
    return not scene.traced().edges


def mask_of(scene: Scene, options: argparse.Namespace) -> np.ndarray:
    """The label mask, without data where the prediction has none."""
    (path,) = (options.data / TRAIN / "masks").glob(f"{scene.name.split()[0]}.*")
    mask = stored(read_mask(path).astype(float))
    mask[scene.probability == NODATA] = NODATA
    return mask


def counted(
    scenes: list[Scene], truths: list[MetricGraph], labels: list[np.ndarray], changes: dict[str, float]
) -> np.ndarray:
    """(scenes, counts) with some settings changed."""
    settings = dataclasses.replace(SETTINGS, **changes)
    rows = []
    for scene, truth, label in zip(scenes, truths, labels):
        found = trace(ArrayRows(scene.probability), settings, (1.0, 1.0))
        rows.append(counts(found, truth, label, distance_to_edge(scene.probability)))
    return np.array(rows)


# Drawn roads


def rough(lines: list[np.ndarray], width_px: float, roughness_px: float, random: np.random.Generator) -> np.ndarray:
    """Roads whose edges go in and out by so much, as a stored probability."""
    places = np.indices((SIDE_PX, SIDE_PX))[::-1] + 0.5
    away = np.min([distances(places, *ends) for line in lines for ends in zip(line, line[1:])], axis=0)
    bays = ndimage.gaussian_filter(random.normal(size=away.shape), 2.0)
    return stored(1 / (1 + np.exp((away + roughness_px * bays / bays.std() - width_px / 2) / 0.5)))


def distances(places: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Of places (2, height, width) to a straight line between two."""
    beyond, way = places - start[:, None, None], (end - start)[:, None, None]
    share = np.clip((beyond * way).sum(axis=0) / (way**2).sum(), 0, 1)
    return np.hypot(*(beyond - share * way))


def straight(angle: float, centre: np.ndarray, reach_px: float = 2.0 * SIDE_PX) -> np.ndarray:
    """A line through a place."""
    way = reach_px * np.array([math.cos(angle), math.sin(angle)])
    return np.array([centre - way, centre + way])


def shallow(degrees: float, random: np.random.Generator) -> list[np.ndarray]:
    """Two roads that cross at that angle, turned at random."""
    centre, turn = SIDE_PX / 2 + random.uniform(-4, 4, 2), random.uniform(0, math.pi)
    return [straight(turn, centre), straight(turn + math.radians(degrees), centre)]


def shared(degrees: float, random: np.random.Generator) -> list[np.ndarray]:
    """Two roads that come together at that angle, share a way of 40 to 70 px and part again, on their own sides."""
    turn, half = random.uniform(0, math.pi), random.uniform(20, 35)
    rise = 200 * math.tan(math.radians(degrees) / 2)
    turned = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    way = np.array([(-half - 200, rise), (-half, 0), (half, 0), (half + 200, rise)])
    return [SIDE_PX / 2 + (way * (1, side)) @ turned for side in (1, -1)]


def junction_degrees(probability: np.ndarray, **changes: float) -> list[int]:
    """Degrees of all nodes with three roads or more."""
    graph = metres(lines_of(traced(probability, 1.0, thresholds=DRAWN_AT, **changes)), 1.0)
    return sorted(graph.degree[graph.degree > 2].tolist())  # noqa: PLR2004


def print_crossings() -> None:
    """Table b, crossings: one node of degree 4 and no other is right, and two of degree 3 where a way is shared."""
    print("\nb. one node of four roads at a crossing       with the rule   without;   shared way kept, with   without")
    for degrees in (10, 12, 15, 20, 25, 30):
        random = np.random.default_rng(degrees)
        right = np.zeros((CASES, 4), dtype=bool)
        for case in right:
            width, roughness = random.uniform(5, 10), random.uniform(0, 0.8)
            crossing = rough(shallow(degrees, random), width, roughness, random)
            one_way = rough(shared(degrees, random), width, roughness, random)
            for place, changes in enumerate(({}, RULES["shallow crossings"])):
                case[place] = junction_degrees(crossing, **changes) == [4]
                case[2 + place] = junction_degrees(one_way, **changes) == [3, 3]
        print(f"{degrees:>5} degrees {right[:, 0].mean():>46.0%} {right[:, 1].mean():>9.0%}", end="")
        print(f"{right[:, 2].mean():>25.0%} {right[:, 3].mean():>9.0%}", flush=True)


def print_holes() -> None:
    """Table b, holes: false small loops of a road 7 to 14 m wide with six trees in it."""
    random = np.random.default_rng(3)
    false = []
    for _ in range(CASES):
        line = straight(random.uniform(0, math.pi), np.full(2, SIDE_PX / 2))
        probability = rough([line], random.uniform(7, 14), 0.5, random)
        row, column = np.indices(probability.shape) + 0.5
        for place in np.linspace(0.32, 0.68, 6):
            x, y = line[0] + place * (line[1] - line[0]) + random.uniform(-1, 1, 2)
            probability[np.hypot(column - x, row - y) < random.uniform(0.8, 3.2)] = 10
        graphs = [traced(probability, 1.0, thresholds=DRAWN_AT, **changes) for changes in ({}, RULES["holes"])]
        false.append([len(small_loops(metres(lines_of(graph), 1.0))) for graph in graphs])
    with_rule, without = np.mean(false, axis=0).tolist()
    print(f"\nb. false loops of a road with 6 trees in it: {with_rule:.2f} with, {without:.2f} without")


def print_hair() -> None:
    """Table b, spurs: dead ends of a rough road through the whole scene, where there is none."""
    print("\nb. false dead ends of a rough road, width px: all spur rules, no length, none")
    names = ({}, RULES["spur length"], RULES["spurs, all"])
    for width in (6, 10, 20, 40):
        random = np.random.default_rng(width)
        found = []
        for _ in range(CASES):
            line = straight(random.uniform(0, math.pi), np.full(2, SIDE_PX / 2))
            probability = rough([line], width, 0.12 * width, random)
            inside = distance_to_edge(probability)
            graphs = [metres(lines_of(traced(probability, 1.0, thresholds=DRAWN_AT, **one)), 1.0) for one in names]
            found.append([len(dead_ends(graph, inside)) for graph in graphs])
        print(f"{width:>6} {'  '.join(f'{value:.2f}' for value in np.mean(found, axis=0))}", flush=True)


def print_dead_ends() -> None:
    """Table b, dead ends: how far from where they were drawn, in a town."""
    town = drawn_town()
    truth = metres(town.truth, 1.0)
    inside = distance_to_edge(town.probability)
    for width in (5.0, 7.0):
        probability = drawn(town.truth, town.probability.shape, width)
        for name, changes in (("drawn on", {}), ("as thinned", RULES["dead ends drawn"])):
            ours = metres(lines_of(traced(probability, 1.0, thresholds=DRAWN_AT, **changes)), 1.0)
            away = cKDTree(dead_ends(ours, inside)).query(dead_ends(truth, inside))[0]
            print(f"b. dead ends of roads {width:.0f} px wide, {name}: median {np.median(away):.2f} px off")


if __name__ == "__main__":
    main()
