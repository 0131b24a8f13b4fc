"""Fewer points, the same lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import approximate_polygon

from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.simplify import simplified

paths = hnp.arrays(
    np.float64, st.tuples(st.integers(2, 30), st.just(2)), elements=st.integers(-400, 400).map(lambda v: v / 10)
)


def distance(points: np.ndarray, line: np.ndarray) -> float:
    """Largest distance of points from a line."""
    start, way = line[:-1], np.diff(line, axis=0)
    offset = points[:, None] - start
    share = np.clip((offset * way).sum(axis=2) / np.maximum((way**2).sum(axis=1), 1e-300), 0, 1)
    return float(np.hypot(*np.moveaxis(offset - share[..., None] * way, 2, 0)).min(axis=1).max())


@given(st.lists(paths, min_size=1, max_size=5), st.floats(0, 20))
def test_lines_stay_within_the_tolerance_and_keep_their_ends(lines: list[np.ndarray], tolerance: float) -> None:
    result = simplified(Polylines.of(lines), tolerance)[0].split()
    assert len(result) == len(lines)
    for before, after in zip(lines, result):
        assert np.array_equal(before[[0, -1]], after[[0, -1]])
        assert distance(before, after) <= tolerance + 1e-9


@given(paths, st.floats(0.1, 20))
def test_one_open_line_is_as_scikit_image_has_it(line: np.ndarray, tolerance: float) -> None:
    """Up to the distance: scikit-image takes that from the endless line where the foot is beyond the chord."""
    line = np.column_stack([np.sort(line[:, 0]) + np.arange(len(line)), line[:, 1] / 100])
    ours = simplified(Polylines.of([line]), tolerance)[0].points
    assert np.array_equal(ours, approximate_polygon(line, tolerance))


@pytest.mark.parametrize(
    ("lines", "sizes"),
    [
        pytest.param([[(0, 0), (1, 0.1), (2, 0)]], [2], id="nearly straight"),
        pytest.param([[(0, 0), (1, 0.6), (2, 0)]], [3], id="a bend"),
        pytest.param([[(0, 0), (0.1, 0), (0.1, 0.1), (0, 0.1), (0, 0)]], [4], id="a tiny ring stays a ring"),
        pytest.param([[(0, 0), (1, 0.1), (2, 0)], [(2, 0), (1, -0.1), (0, 0)]], [3, 3], id="parallel lines stay two"),
        pytest.param([], [], id="no lines"),
    ],
)
def test_drawn_lines(lines: list[list[tuple[float, float]]], sizes: list[int]) -> None:
    result, _ = simplified(Polylines.of([np.array(line) for line in lines]), 0.5)
    assert [len(line) for line in result.split()] == sizes
