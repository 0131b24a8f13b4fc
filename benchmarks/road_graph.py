"""How well the tracer gives back road networks that are known, rule by rule, and how fast it is.

Without options on a drawn street network; with them on masks, vectors and predicted probabilities as well. Printed are

a. ceiling: APLS of roads that were drawn as a probability raster and traced back;
b. ablation: APLS after cutting gaps into the drawn roads and masks, and of predictions, with each rule switched off in
   turn, and of a plain trace of the skeleton, without any rule;
c. gaps: which share of the gaps was joined again, and which of the bridges run off the true roads;
d. error of width and length of drawn straight roads;
e. seconds per megapixel and stage as the raster grows.

The truth of a mask is its own trace before gaps are cut: that shows whether gaps close, not whether the mask is right.
Everything random is seeded.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr
from scipy import ndimage
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.metrics.apls import CITY_TILES, apls_cosmiq, apls_sat2graph
from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.simplify import simplified
from road_extractor_plugin.compute.skeleton_network import skeleton_network
from road_extractor_plugin.compute.tracing import MIN_TOLERANCE_PX, road_mask, trace
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.raster_coding import CERTAIN
from road_extractor_plugin.contract.road_graph import BRIDGED, RoadGraph
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.core.line_file import local_metres, read_lines

SETTINGS = TraceSettings(Thresholds(high=0.5, low=0.3))
WITHOUT = {
    "all rules": {},
    "no spur length": {"min_spur_m": 0.0},
    "no merging": {"merge_widths": 0.0},
    "no shallow crossings": {"max_shared_stretch": 0.0},
    "no bridges": {"max_gap_m": 0.0},
    "bridges: any turn": {"max_gap_turn_deg": 0.0},
    "bridges: any detour": {"min_gap_detour": 0.0},
    "bridges: no evidence": {"min_gap_probability": 0.0, "min_gap_ridge": 0.0},
    "bridges: no ridge": {"min_gap_ridge": 0.0},
    "no small parts": {"min_component_m": 0.0},
    "no areas": {"min_area_m2": 0.0, "max_hole_m2": 0.0},
}
EDGE_PX = 1.0
"""Scale on which the probability falls off at the edge of a drawn road."""
NEAR_M = 4.0
ROUND_ABOUT = 1.3
"""A gap is joined when the way over it is at most so many times as long as it was, and `NEAR_M` more."""


@dataclass(frozen=True)
class Scene:
    """A probability raster and the roads in it."""

    name: str
    probability: np.ndarray
    """(height, width), 0..254 = 0..1, 255 nodata."""
    pixel_m: float
    truth: list[np.ndarray]
    """Lines in pixels, which share their vertices where they are connected."""
    is_prediction: bool = False


@dataclass
class Gaps:
    """Gaps that were cut, and what became of them."""

    ends: list[tuple[np.ndarray, np.ndarray, float]] = field(default_factory=list)
    """Places before and behind the gap, and the length between."""


def main() -> None:
    """Print all tables."""
    options = _options()
    scenes = [drawn_town(), *vector_scenes(options), *mask_scenes(options)]
    predictions = list(prediction_scenes(options))
    print_ceiling([scene for scene in scenes if scene.name not in {path.stem for path in masks_of(options)}])
    gapped = [(cut(scene, np.random.default_rng(1)), scene) for scene in scenes]
    print_ablation("with gaps of 8 to 25 m", [scene for (scene, _), _ in gapped])
    if predictions:
        print_ablation("predictions", predictions)
        gapped += [(cut(scene, np.random.default_rng(1)), scene) for scene in predictions]
    print_gaps([gaps for gaps, _ in gapped])
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


# Scenes


def drawn_town() -> Scene:
    """Bent streets that meet at all angles, and dead ends, on 1.5 x 1.5 km."""
    random = np.random.default_rng(0)
    side, count = 1500, 10
    crossing = 60.0 + 150 * np.moveaxis(np.indices((count, count)), 0, -1)
    crossing += random.uniform(-35, 35, crossing.shape)
    lines = []
    for i, j in np.ndindex(count, count):
        for di, dj in ((1, 0), (0, 1)):
            if i + di < count and j + dj < count and random.integers(5):
                lines.append(bent(crossing[i, j], crossing[i + di, j + dj], random.normal(0, 12)))
        if random.integers(2):
            way = random.uniform(20, 60) * np.exp(1j * random.uniform(0, 2 * math.pi))
            lines.append(bent(crossing[i, j], crossing[i, j] + (way.real, way.imag), random.normal(0, 4)))
    lines = connected(lines)
    return Scene("drawn town", drawn(lines, (side, side), 7.0), 1.0, lines)


def bent(start: np.ndarray, end: np.ndarray, bulge_px: float) -> np.ndarray:
    """A line that leaves the straight one by so much in its middle."""
    share = np.linspace(0, 1, 25)[:, None]
    across = np.array([start[1] - end[1], end[0] - start[0]]) / np.hypot(*(end - start))
    return start + share * (end - start) + 4 * bulge_px * share * (1 - share) * across


def connected(lines: list[np.ndarray]) -> list[np.ndarray]:
    """Lines cut at the places where they cross."""
    network = ogr.Geometry(ogr.wkbMultiLineString)
    for line in lines:
        part = ogr.Geometry(ogr.wkbLineString)
        for x, y in line.tolist():
            part.AddPoint_2D(x, y)
        network.AddGeometry(part)
    union = network.Union(network)
    return [np.array(union.GetGeometryRef(part).GetPoints())[:, :2] for part in range(union.GetGeometryCount())]


def drawn(lines: list[np.ndarray], shape: tuple[int, int], width_px: float) -> np.ndarray:
    """Lines (k, 2) in pixels as roads of the given width, as long as the lines, in a stored probability raster."""
    points = np.concatenate([along(line, 0.25)[0] for line in without_caps(lines, width_px / 2, shape)])
    tree = cKDTree(points)
    seed = np.zeros(shape, dtype=bool)
    column, row = np.floor(points).astype(int).T
    inside = (row >= 0) & (column >= 0) & (row < shape[0]) & (column < shape[1])
    seed[row[inside], column[inside]] = True
    near = np.argwhere(ndimage.distance_transform_edt(~seed) < width_px / 2 + 8 * EDGE_PX)
    distance, _ = tree.query(near[:, ::-1] + 0.5)
    probability = np.zeros(shape)
    probability[tuple(near.T)] = 1 / (1 + np.exp((distance - width_px / 2) / (EDGE_PX / 2)))
    return stored(probability)


def without_caps(lines: list[np.ndarray], cap_px: float, shape: tuple[int, int]) -> Iterator[np.ndarray]:
    """Lines so much shorter at dead ends inside the raster, where drawing adds half a circle."""
    graph = MetricGraph.of_lines(lines)
    for line, ends, dead in zip(graph.lines.split(), graph.nodes[graph.ends], graph.degree[graph.ends] == 1):
        cap = cap_px * (dead & ((ends > 2) & (ends < np.array(shape[::-1]) - 2)).all(axis=1))  # noqa: PLR2004
        points, places = along(line, 0.25)
        inside = (places >= cap[0]) & (places <= places[-1] - cap[1])
        yield points[inside] if inside.sum() > 1 else line


def along(line: np.ndarray, step_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Points on a line about so far apart, and their distances from its start."""
    distance = np.append(0, np.cumsum(np.hypot(*np.diff(line, axis=0).T)))
    places = np.linspace(0, distance[-1], max(math.ceil(distance[-1] / step_px), 1) + 1)
    return np.column_stack([np.interp(places, distance, axis) for axis in line.T]), places


def stored(probability: np.ndarray) -> np.ndarray:
    """Probability 0..1 as it is stored."""
    return np.rint(probability * CERTAIN).astype(np.uint8)


def vector_scenes(options: argparse.Namespace) -> Iterator[Scene]:
    """Road vectors drawn as probability, to where they were cut off."""
    for path in options.lines:
        (lines,) = local_metres((read_lines(path),))
        west, north = np.concatenate(lines).min(axis=0)[0], np.concatenate(lines).max(axis=0)[1]
        pixels = [np.column_stack([line[:, 0] - west, north - line[:, 1]]) / options.pixel for line in lines]
        width, height = np.ceil(np.concatenate(pixels).max(axis=0)).astype(int)
        probability = drawn(pixels, (height, width), options.width / options.pixel)
        yield Scene(path.stem[:28], probability, options.pixel, pixels)


def masks_of(options: argparse.Namespace) -> list[Path]:
    """The masks to use."""
    return sorted(options.masks.iterdir())[: options.limit] if options.masks else []


def mask_scenes(options: argparse.Namespace) -> Iterator[Scene]:
    """Masks, a little blurred, as probability; their truth is their own trace."""
    for path in masks_of(options):
        probability = stored(ndimage.gaussian_filter(read_mask(path).astype(float), 1.5))
        yield Scene(path.stem, probability, 1.0, lines_of(traced(probability, 1.0, max_gap_m=0.0)))


def read_mask(path: Path) -> np.ndarray:
    """(height, width), True on road."""
    pixels = gdal.Open(str(path)).ReadAsArray()
    return (pixels[0] if pixels.ndim > 2 else pixels) > pixels.max() / 2  # noqa: PLR2004


def prediction_scenes(options: argparse.Namespace) -> Iterator[Scene]:
    """Predictions; their truth is the trace of the mask."""
    for path in masks_of(options) if options.predictions else []:
        probability = gdal.Open(str(options.predictions / f"{path.stem}_probability.tif")).ReadAsArray()
        truth = traced(stored(read_mask(path).astype(float)), 1.0, max_gap_m=0.0)
        yield Scene(f"{path.stem} predicted", probability, 1.0, lines_of(truth), is_prediction=True)


# Tracing and scores


def traced(probability: np.ndarray, pixel_m: float, **changes: object) -> RoadGraph:
    """The graph with some settings changed."""
    return trace(ArrayRows(probability), dataclasses.replace(SETTINGS, **changes), (pixel_m, pixel_m)).graph


def lines_of(graph: RoadGraph) -> list[np.ndarray]:
    """Its edges."""
    return [edge.points for edge in graph.edges]


def plainly_traced(probability: np.ndarray, pixel_m: float) -> list[np.ndarray]:
    """The skeleton of the thresholded probability, its lines smoothed and simplified."""
    settings = dataclasses.replace(SETTINGS, min_area_m2=0.0, max_hole_m2=0.0)
    network = skeleton_network(road_mask(ArrayRows(probability), settings, pixel_m))
    return simplified(network.lines(), max(SETTINGS.simplify_m / pixel_m, MIN_TOLERANCE_PX)).split()


def metres(lines: list[np.ndarray], pixel_m: float) -> MetricGraph:
    """Lines in pixels as a graph for the metrics."""
    return MetricGraph.of_lines([line * pixel_m for line in lines])


def print_ceiling(scenes: list[Scene]) -> None:
    """Table a."""
    print("a. ceiling                      CosmiQ  plain trace   Sat2Graph  plain trace   length error")
    for scene in scenes:
        truth = metres(scene.truth, scene.pixel_m)
        ours = metres(lines_of(traced(scene.probability, scene.pixel_m)), scene.pixel_m)
        plain = metres(plainly_traced(scene.probability, scene.pixel_m), scene.pixel_m)
        figures = [
            score
            for protocol in (apls_cosmiq, lambda one, other: apls_sat2graph(one, other, CITY_TILES))
            for score in (protocol(ours, truth).score, protocol(plain, truth).score)
        ]
        error = ours.lengths_m.sum() / truth.lengths_m.sum() - 1
        print(f"{scene.name:<30} {'  '.join(f'{value:>9.3f}' for value in figures)} {error:>12.1%}")


def print_ablation(title: str, scenes: list[Scene]) -> None:
    """Table b: means over scenes."""
    print(f"\nb. ablation, {title} ({len(scenes)})      APLS CosmiQ    Sat2Graph")
    truths = [metres(scene.truth, scene.pixel_m) for scene in scenes]
    rows = {
        name: [lines_of(traced(scene.probability, scene.pixel_m, **changes)) for scene in scenes]
        for name, changes in WITHOUT.items()
    }
    rows["plain trace"] = [plainly_traced(scene.probability, scene.pixel_m) for scene in scenes]
    for name, networks in rows.items():
        ours = [metres(lines, scene.pixel_m) for lines, scene in zip(networks, scenes)]
        cosmiq = np.mean([apls_cosmiq(one, truth).score for one, truth in zip(ours, truths)])
        sat2graph = np.mean([apls_sat2graph(one, truth, CITY_TILES).score for one, truth in zip(ours, truths)])
        print(f"{name:<44} {cosmiq:>8.3f} {sat2graph:>12.3f}")


# Gaps


def cut(scene: Scene, random: np.random.Generator) -> tuple[Scene, Gaps]:
    """A scene with a gap in every fourth road, each filled with one probability of 0.05 to 0.3 of what was there."""
    probability = scene.probability.astype(float)
    graph = traced(scene.probability, scene.pixel_m, max_gap_m=0.0)
    parts = [along(edge.points, 0.5) for edge in graph.edges]
    owner = np.repeat(np.arange(len(parts)), [len(points) for points, _ in parts])
    distance = np.concatenate([places for _, places in parts])
    road = np.argwhere(probability > 0)
    away, nearest = cKDTree(np.concatenate([points for points, _ in parts])).query(road[:, ::-1] + 0.5)
    gaps = Gaps()
    for number, (points, places) in enumerate(parts):
        gap = random.uniform(8, 25) / scene.pixel_m
        spare = places[-1] - gap - 2 * graph.edges[number].width_px - 10 / scene.pixel_m
        if spare <= 0 or random.random() > 1 / 4:
            continue
        start = (places[-1] - gap - spare) / 2 + random.uniform(0, spare)
        inside = (owner[nearest] == number) & (distance[nearest] >= start) & (distance[nearest] <= start + gap)
        inside &= away <= 2 * graph.edges[number].width_px
        probability[tuple(road[inside].T)] *= random.uniform(0.05, 0.3)
        before, behind = (points[np.searchsorted(places, place)] for place in (start - 2, start + gap + 2))
        gaps.ends.append((before, behind, gap + 4))
    return dataclasses.replace(scene, probability=np.rint(probability).astype(np.uint8)), gaps


def print_gaps(cases: list[tuple[Scene, Gaps]]) -> None:
    """Table c."""
    print("\nc. gaps of 8 to 25 m                         cut   joined again   bridges   off the roads")
    for is_prediction in (False, True):
        chosen = [(scene, gaps) for scene, gaps in cases if scene.is_prediction == is_prediction]
        for name in ("no bridges", "bridges: no evidence", "all rules"):
            counts = np.sum([joined(scene, gaps, WITHOUT[name]) for scene, gaps in chosen], axis=0)
            if chosen:
                print_gap_row(f"{'predictions' if is_prediction else 'masks'}, {name}", *counts.tolist())


def print_gap_row(name: str, cut_count: int, joined_count: int, bridge_count: int, false_count: int) -> None:
    """One row of table c."""
    print(
        f"{name:<42} {cut_count:>5} {joined_count / cut_count:>14.1%} {bridge_count:>9} "
        f"{false_count / max(bridge_count, 1):>15.1%}"
    )


def joined(scene: Scene, gaps: Gaps, changes: dict[str, float]) -> tuple[int, int, int, int]:
    """Gaps cut and joined again, bridges made and those of them that are false."""
    graph = traced(scene.probability, scene.pixel_m, **changes)
    network = metres(lines_of(graph), scene.pixel_m)
    ends = np.array([place for before, behind, _ in gaps.ends for place in (before, behind)]) * scene.pixel_m
    places, found = network.snap(ends, NEAR_M)
    paths = np.full((len(ends), len(ends)), np.inf)
    paths[np.ix_(found, found)] = network.path_lengths(places)
    limit = ROUND_ABOUT * scene.pixel_m * np.array([length for *_, length in gaps.ends]) + NEAR_M
    again = int(np.sum(paths[np.arange(0, len(ends), 2), np.arange(1, len(ends), 2)] <= limit))
    truth = cKDTree(np.concatenate([along(line, 0.5)[0] for line in scene.truth]))
    bridges = [along(edge.points, 0.5)[0] for edge in graph.edges if edge.origin == BRIDGED]
    false = [np.mean(truth.query(points)[0] * scene.pixel_m > NEAR_M) > 1 / 4 for points in bridges]
    return len(gaps.ends), again, len(bridges), int(np.sum(false))


# Widths and speed


def print_widths() -> None:
    """Table d."""
    print("\nd. straight roads drawn   median |error| of width px   largest   of length")
    for width in (3, 4, 6, 8, 12, 20, 40):
        widths, lengths = [], []
        for angle in np.linspace(0.02, math.pi, 24):
            way = 120 * np.array([math.cos(angle), math.sin(angle)])
            probability = drawn([np.array([150.3 - way, 150.3 + way])], (301, 301), width)
            (edge,) = traced(probability, 1.0, thresholds=Thresholds(0.5, 0.5)).edges
            widths.append(abs(edge.width_px - width))
            lengths.append(abs(along(edge.points, 1)[1][-1] / 240 - 1))
        print(f"{width:>22} px {np.median(widths):>22.2f} {np.max(widths):>12.2f} {np.max(lengths):>10.2%}")


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
        stages = [
            f"{name} {(after - before) / mpx:.3f}" for (name, before), (_, after) in zip(clock.marks, clock.marks[1:])
        ]
        print(f"{mpx:>6.1f} {total / mpx:>12.3f}   {', '.join(stages)}")


if __name__ == "__main__":
    main()
