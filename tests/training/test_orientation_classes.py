from __future__ import annotations

import math
import time
import timeit

import numpy as np
import pytest

from model_training.datasets.orientation_classes import (
    BACKGROUND_CLASS,
    BAND_PX,
    IGNORED,
    STRIDES,
    TOLERANCE_PX,
    centre_lines,
    class_of,
    orientation_classes,
    paint,
)


def straight_road(degrees: float, side: int = 96, half_width_px: float = 3.5) -> np.ndarray:
    angle = math.radians(degrees)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return (np.abs(x * math.sin(angle) - y * math.cos(angle)) < half_width_px).astype(np.uint8)


def streets(side: int) -> np.ndarray:
    """A grid of straight streets, bent by noise, of 7 px."""
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(4)
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    for place in range(30, side, 90):
        ends = rng.integers(-15, 15, 4).tolist()
        draw.line([(place + ends[0], 0), (place + ends[1], side)], fill=1, width=7)
        draw.line([(0, place + ends[2]), (side, place + ends[3])], fill=1, width=7)
    return np.asarray(mask)


def painted_pixel_by_pixel(lines: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The definition as a loop over pixels."""
    classes = np.full(shape, BACKGROUND_CLASS)
    for line in lines:
        for (x1, y1), (x2, y2) in zip(line[:-1], line[1:]):
            direction = math.degrees(math.atan2(y2 - y1, x2 - x1)) % 360
            for row in range(int(min(y1, y2)) - BAND_PX, int(max(y1, y2)) + BAND_PX):
                for column in range(int(min(x1, x2)) - BAND_PX, int(max(x1, x2)) + BAND_PX):
                    if not (0 <= row < shape[0] and 0 <= column < shape[1]):
                        continue
                    area = (x2 - x1) * (row - y1) - (y2 - y1) * (column - x1)
                    if abs(area) / math.hypot(x2 - x1, y2 - y1) <= BAND_PX:
                        classes[row, column] = direction // 10
    return classes


@pytest.mark.parametrize(
    ("dx", "dy", "expected"),
    [(1, 0, 0), (1, 1, 4), (0, 1, 9), (-1, 0, 18), (-1, -1, 22), (0, -1, 27), (1, -1e-9, 35), (1, -1e-20, 35)],
    ids=["east", "south-east", "south", "west", "north-west", "north", "just above east", "rounded to 360"],
)
def test_classes_are_steps_of_10_degrees_from_east_over_south(dx: float, dy: float, expected: int) -> None:
    assert class_of(dx, dy) == expected


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [(5, 18), (45, 22), (85, 26)],
    ids=["flat leads west", "diagonal leads north-west", "steep leads north"],
)
@pytest.mark.parametrize("index", range(3), ids=[f"stride {stride}" for stride in STRIDES])
def test_a_straight_road_leads_towards_the_origin_at_each_stride(degrees: float, expected: int, index: int) -> None:
    road = straight_road(degrees)
    classes = orientation_classes(road, np.ones_like(road))[index]
    side = 96 // STRIDES[index]
    assert classes.shape == (side, side)
    middle = slice(side // 3, 2 * side // 3)
    on_road = classes[middle, middle][road[:: STRIDES[index], :: STRIDES[index]][middle, middle] > 0]
    assert on_road.size
    assert np.abs(on_road.astype(int) - expected).max() <= (STRIDES[index] == 4)  # whole pixels bend a short line


def test_a_horizontal_road_labels_a_band_of_21_px() -> None:
    line = np.array([[60.0, 50.0], [20.0, 50.0]])
    classes = paint([line], (96, 96))
    assert (np.flatnonzero(classes[:, 40] == 18) == range(40, 60)).all()  # the box leaves its lower side out
    assert (np.flatnonzero(classes[50] == 18) == range(10, 70)).all()


def test_bands_are_those_of_the_definition_pixel_by_pixel() -> None:
    road = streets(96)
    for stride in STRIDES:
        small = road[::stride, ::stride]
        lines = centre_lines(small > 0, TOLERANCE_PX[stride])
        assert len(lines) >= 4
        expected = painted_pixel_by_pixel(lines, small.shape)
        assert (orientation_classes(road, np.ones_like(road))[STRIDES.index(stride)] == expected).all()


def test_lines_run_between_junctions_and_keep_few_points() -> None:
    cross = straight_road(0) | straight_road(90)
    lines = centre_lines(cross > 0, 1.0)
    assert len(lines) in {4, 5}  # the middle may be two junctions, a pixel apart
    assert max(len(line) for line in lines) <= 3
    for line in lines:
        assert np.hypot(*line[-1]) <= np.hypot(*line[0])


def test_no_road_is_all_background_and_invalid_cells_are_ignored() -> None:
    road, valid = np.zeros((64, 96), np.uint8), np.ones((64, 96), np.uint8)
    valid[10, 21] = 0
    for stride, classes in zip(STRIDES, orientation_classes(road, valid)):
        assert (classes == IGNORED).sum() == 1
        assert classes[10 // stride, 21 // stride] == IGNORED
        assert (classes == BACKGROUND_CLASS).sum() == classes.size - 1


def test_whole_arrays_are_far_faster_than_a_loop_over_pixels() -> None:
    road = streets(128)
    valid = np.ones_like(road)
    whole = min(timeit.repeat(lambda: orientation_classes(road, valid), number=1, repeat=5))
    started = time.perf_counter()
    for stride in STRIDES:
        small = road[::stride, ::stride]
        painted_pixel_by_pixel(centre_lines(small > 0, TOLERANCE_PX[stride]), small.shape)
    assert time.perf_counter() - started > 3 * whole
