"""Relaxed precision and recall of skeletons, with scipy's chessboard distance as the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import distance_transform_cdt

from road_extractor_plugin.compute.metrics.skeletons import count_skeletons
from road_extractor_plugin.compute.skeleton import thin


@pytest.mark.parametrize(("distance", "relaxed"), [(0, 1), (3, 1), (4, 1), (5, 0)])
def test_parallel_lines_match_up_to_the_reach(distance: int, relaxed: float) -> None:
    first, second = np.zeros((2, 40, 120), dtype=bool)
    first[10, 10:110] = True
    second[10 + distance, 10:110] = True
    counts = count_skeletons(first, second, None, 4)
    assert (counts.relaxed_precision, counts.relaxed_recall) == (relaxed, relaxed)


@pytest.mark.parametrize("turned", [False, True], ids=["top", "left"])
def test_lines_at_the_image_s_edge_are_found_too(turned: bool) -> None:
    true, predicted = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    true[0], predicted[2] = True, True
    counts = count_skeletons(*((predicted.T, true.T) if turned else (predicted, true)), None, 4)
    assert (counts.predicted_near, counts.true_near) == (counts.predicted, counts.true)
    assert counts.true > 50


def test_the_width_of_a_road_does_not_matter(canvas: Any) -> None:
    narrow = canvas().road((10, 60), (150, 60), 3).mask
    wide = canvas().road((10, 60), (150, 60), 9).mask
    counts = count_skeletons(narrow, wide, None, 4)
    assert counts.relaxed_f1 == 1
    assert counts.iou > 0.9


def test_counts_are_those_of_the_chessboard_distance(canvas: Any) -> None:
    first = canvas().road((10, 20), (150, 90), 7).road((80, 5), (80, 110), 5).mask
    second = canvas().road((10, 26), (150, 92), 7).ring((90, 60), 30, 6).mask
    valid = np.ones_like(first)
    valid[:, 120:] = False
    counts = count_skeletons(first, second, valid, 4)
    thin_first, thin_second = thin(first & valid), thin(second & valid)
    near_second = distance_transform_cdt(~thin_second, metric="chessboard") <= 4
    near_first = distance_transform_cdt(~thin_first, metric="chessboard") <= 4
    assert counts.predicted_near == np.count_nonzero(thin_first & near_second)
    assert counts.true_near == np.count_nonzero(thin_second & near_first)
    assert 0 < counts.predicted_near < counts.predicted == np.count_nonzero(thin_first)
