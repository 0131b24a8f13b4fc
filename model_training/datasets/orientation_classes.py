"""The published orientation labels: directions of roads in 36 classes of 10 degrees, background, at three strides.

Batra et al., "Improved Road Connectivity by Joint Learning of Orientation and Segmentation", CVPR 2019, as used by
"Graph Reasoned Multi-Scale Road Segmentation in Remote Sensing Imagery", IGARSS 2023.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from model_training.datasets.folders import Bytes
from road_extractor_plugin.compute.chains import follow
from road_extractor_plugin.compute.pixel_graph import pixel_graph
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.simplify import simplified
from road_extractor_plugin.compute.skeleton import thin

Floats = npt.NDArray[np.float64]

CLASS_DEGREES = 10
BACKGROUND_CLASS = 36
CLASS_COUNT = 37
IGNORED = 255
"""Where a cell holds an invalid pixel."""
STRIDES = (4, 2, 1)
TOLERANCE_PX = {4: 1.0, 2: 2.0, 1: 4.0}
"""Per stride, how far a line may lie from the skeleton, in pixels of that stride."""
BAND_PX = 10
"""A line labels all pixels this near, in pixels of its stride."""


def orientation_classes(road: Bytes, valid: Bytes) -> tuple[Bytes, ...]:
    """The labels at strides 4, 2 and 1.

    Args:
        road: (height, width) 0 or 1, both multiples of 4; 0 where not valid.
        valid: (height, width) 0 or 1.

    Returns:
        Three arrays (height / s, width / s): 0..35 roads, 36 background, 255 not valid.
    """
    return tuple(_classes_at(road, valid, stride) for stride in STRIDES)


def _classes_at(road: Bytes, valid: Bytes, stride: int) -> Bytes:
    small = road[::stride, ::stride]
    height, width = small.shape
    classes = paint(centre_lines(small > 0, TOLERANCE_PX[stride]), (height, width))
    if not valid.all():
        some_invalid = valid.reshape(height, stride, width, stride).min(axis=(1, 3)) == 0
        classes[some_invalid] = IGNORED
    return classes


def centre_lines(road: npt.NDArray[np.bool_], tolerance_px: float) -> list[Floats]:
    """The road's lines between junctions and ends, each leading towards the image's origin.

    1. The mask is thinned; the lines of the skeleton run between pixels with one or more than two neighbours.
    2. Each is simplified to the tolerance (Douglas-Peucker).
    3. It is turned round when its last point is further from the top left corner than its first.

    Args:
        road: (height, width).
        tolerance_px: Largest distance of a left-out point from its line.

    Returns:
        Lines (points, 2) of x, y.
    """
    graph = pixel_graph(thin(road))  # 1
    tails = graph.links.ravel()
    chains = follow(graph.links, len(graph.pixels))
    paths = [np.append(tails[chain], tails[chain[-1] ^ 1]) for chain in chains]
    places = graph.pixels[:, ::-1].astype(np.float64)  # (n, 2) x, y
    lines, _ = simplified(Polylines.of([places[path] for path in paths]), tolerance_px)  # 2
    return [_towards_origin(line) for line in lines.split()]


def _towards_origin(line: Floats) -> Floats:
    return line[::-1] if np.hypot(*line[-1]) > np.hypot(*line[0]) else line  # 3


def paint(lines: list[Floats], shape: tuple[int, int]) -> Bytes:
    """Draw each segment as a band of its class; later ones cover earlier ones.

    1. The class is the direction in whole steps of 10 degrees: 0 along x, growing towards y (rows, downwards).
    2. A pixel belongs to a segment when it is no further than `BAND_PX` from the endless line through it,
    3. and lies in the segment's bounding box grown by `BAND_PX`, whose right and lower sides are left out.

    Args:
        lines: Lines (points, 2) of x, y, whole numbers.
        shape: (height, width).
    """
    classes = np.full(shape, BACKGROUND_CLASS, dtype=np.uint8)
    for line in lines:
        for start, stop in zip(line[:-1], line[1:]):
            (left, top), (right, bottom) = np.minimum(start, stop) - BAND_PX, np.maximum(start, stop) + BAND_PX
            left, top = max(int(left), 0), max(int(top), 0)
            box = classes[top : int(bottom), left : int(right)]  # 3
            rows, columns = np.arange(top, top + box.shape[0])[:, None], np.arange(left, left + box.shape[1])
            dx, dy = (stop - start).tolist()
            across = dx * (rows - start[1]) - dy * (columns - start[0])
            box[np.abs(across) <= BAND_PX * math.hypot(dx, dy)] = class_of(dx, dy)  # 2
    return classes


def class_of(dx: float, dy: float) -> int:
    """Rule 1 of `paint`."""
    degrees = math.degrees(math.atan2(dy, dx)) % 360.0
    return min(int(degrees // CLASS_DEGREES), BACKGROUND_CLASS - 1)
