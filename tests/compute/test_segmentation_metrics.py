from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from road_extractor_plugin.compute.metrics.segmentation import EMPTY, SegmentationCounts, count, count_at, within

MASKS = arrays(np.bool_, (9, 11))


def brute_force(predicted: np.ndarray, true: np.ndarray, valid: np.ndarray, radius: float) -> SegmentationCounts:
    """The definition, pixel by pixel."""
    p, g = np.argwhere(predicted & valid), np.argwhere(true & valid)

    def near(some: np.ndarray, others: np.ndarray) -> int:
        return sum(any(np.hypot(*(a - b)) <= radius for b in others) for a in some)

    both = {tuple(pixel) for pixel in p} & {tuple(pixel) for pixel in g}
    return SegmentationCounts(len(p), len(g), len(both), near(p, g), near(g, p))


@given(predicted=MASKS, true=MASKS, valid=MASKS, radius=st.sampled_from([0.0, 1.0, 1.5, 3.0]))
@settings(max_examples=40, deadline=None)
def test_counts_are_those_of_the_definition(
    predicted: np.ndarray, true: np.ndarray, valid: np.ndarray, radius: float
) -> None:
    assert count(predicted, true, valid, radius) == brute_force(predicted, true, valid, radius)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@given(data=st.data(), true=MASKS, valid=MASKS, radius=st.sampled_from([0.0, 1.5, 3.0]))
@settings(max_examples=40, deadline=None)
def test_counts_at_many_thresholds_are_those_at_each(
    data: st.DataObject, true: np.ndarray, valid: np.ndarray, radius: float, kind: type
) -> None:
    thresholds = (0.05, 0.3, 0.35, 0.6)
    values = st.sampled_from([0.0, 0.05, 0.2, 0.3, 0.33, 0.35, 0.6, 1.0, float("nan")])
    probability = data.draw(arrays(kind, true.shape, elements=values.map(lambda value: float(kind(value)))))
    expected = tuple(count(probability >= threshold, true, valid, radius) for threshold in thresholds)
    assert count_at(probability, thresholds, true, valid, radius) == expected


@given(mask=arrays(np.bool_, (20, 17), elements=st.sampled_from([False] * 9 + [True])), radius=st.floats(0, 6))
@settings(max_examples=40, deadline=None)
def test_within_is_the_distance_transform(mask: np.ndarray, radius: float) -> None:
    expected = distance_transform_edt(~mask) <= radius if mask.any() else np.zeros_like(mask)
    assert (within(mask, radius) == expected).all()


@pytest.mark.parametrize(("distance", "relaxed"), [(0, 1.0), (3, 1.0), (4, 0.0)])
def test_parallel_lines_match_up_to_the_radius(distance: int, relaxed: float) -> None:
    true, predicted = np.zeros((40, 100), bool), np.zeros((40, 100), bool)
    true[10], predicted[10 + distance] = True, True
    counts = count(predicted, true, None, 3.0)
    assert (counts.relaxed_precision, counts.relaxed_recall, counts.relaxed_f1) == (relaxed, relaxed, relaxed)
    assert counts.iou == (1.0 if distance == 0 else 0.0)


def test_half_a_line_has_full_precision_and_reaches_the_radius_further() -> None:
    true, predicted = np.zeros((20, 100), bool), np.zeros((20, 100), bool)
    true[10], predicted[10, :50] = True, True
    counts = count(predicted, true, None, 3.0)
    assert counts.precision == counts.relaxed_precision == 1.0
    assert counts.recall == 0.5
    assert counts.relaxed_recall == 0.53
    assert counts.f1 == pytest.approx(2 / 3)


def test_counts_add_up_as_one_large_image() -> None:
    rng = np.random.default_rng(1)
    images = rng.random((2, 3, 16, 16)) < 0.2
    single = [count(predicted, true, None, 2.0) for predicted, true, _ in images]
    gap = np.zeros((16, 4), bool)
    wide = [np.hstack([images[0, layer], gap, images[1, layer]]) for layer in range(2)]
    assert single[0] + single[1] == count(*wide, None, 2.0)
    assert single[0] + EMPTY == single[0]


def test_empty_masks_are_perfect_against_each_other_and_worthless_against_roads() -> None:
    nothing, road = np.zeros((5, 5), bool), np.eye(5, dtype=bool)
    both = count(nothing, nothing, None, 3.0)
    assert (both.iou, both.f1, both.relaxed_f1) == (1.0, 1.0, 1.0)
    missed, invented = count(nothing, road, None, 3.0), count(road, nothing, None, 3.0)
    assert (missed.precision, missed.recall, missed.f1, missed.iou) == (1.0, 0.0, 0.0, 0.0)
    assert (invented.precision, invented.recall, invented.f1, invented.iou) == (0.0, 1.0, 0.0, 0.0)
