"""Road networks that are known, as probability rasters, and gaps cut into them."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr
from scipy import ndimage
from scipy.spatial import cKDTree

from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA
from road_extractor_plugin.contract.road_graph import RoadGraph
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.core.line_file import local_metres, read_lines
from road_extractor_plugin.engine.models import default_model

SETTINGS = TraceSettings(read_card(default_model()).thresholds)
"""With the thresholds of the default model."""
DRAWN_AT = Thresholds(high=0.5, low=0.5)
"""Where a drawn road is as wide as it was drawn."""
EDGE_PX = 1.0
"""Scale on which the probability falls off at the edge of a drawn road."""


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

    def traced(self, **changes: object) -> RoadGraph:
        """Its graph with some settings changed, at the thresholds of the model or those of what was drawn."""
        thresholds = SETTINGS.thresholds if self.is_prediction else DRAWN_AT
        return traced(self.probability, self.pixel_m, **{"thresholds": thresholds, **changes})


@dataclass
class Gaps:
    """Gaps that were cut, and what became of them."""

    ends: list[tuple[np.ndarray, np.ndarray, float]] = field(default_factory=list)
    """Places before and behind the gap, and the length between."""


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
        yield Scene(path.stem, probability, 1.0, lines_of(traced(probability, 1.0, max_gap_m=0.0, thresholds=DRAWN_AT)))


def read_mask(path: Path) -> np.ndarray:
    """(height, width), True on road."""
    pixels = gdal.Open(str(path)).ReadAsArray()
    return (pixels[0] if pixels.ndim > 2 else pixels) > pixels.max() / 2  # noqa: PLR2004


def prediction_scenes(options: argparse.Namespace, stems: set[str] | None = None) -> Iterator[Scene]:
    """Predictions; their truth is the trace of the mask.

    Where a mask of the same name lies in `valid` beside the masks, both are cut to it.
    """
    for path in masks_of(options) if options.predictions else []:
        if stems is not None and path.stem not in stems:
            continue
        probability = gdal.Open(str(options.predictions / f"{path.stem}_probability.tif")).ReadAsArray()
        mask = stored(read_mask(path).astype(float))
        valid = path.parent.with_name("valid") / path.name
        if valid.is_file():
            probability[~read_mask(valid)] = mask[~read_mask(valid)] = NODATA
        truth = traced(mask, 1.0, max_gap_m=0.0)
        yield Scene(f"{path.stem} predicted", probability, 1.0, lines_of(truth), is_prediction=True)


def traced(probability: np.ndarray, pixel_m: float, **changes: object) -> RoadGraph:
    """The graph with some settings changed."""
    return trace(ArrayRows(probability), dataclasses.replace(SETTINGS, **changes), (pixel_m, pixel_m)).graph


def lines_of(graph: RoadGraph) -> list[np.ndarray]:
    """Its edges."""
    return [edge.points for edge in graph.edges]


def cut(scene: Scene, random: np.random.Generator) -> tuple[Scene, Gaps]:
    """A scene with a gap in every fourth road, each filled with one probability of 0.05 to 0.3 of what was there."""
    probability = scene.probability.astype(float)
    graph = scene.traced(max_gap_m=0.0)
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
