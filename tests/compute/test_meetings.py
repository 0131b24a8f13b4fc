"""Which segments meet, against every pair looked at by itself with OGR."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from osgeo import ogr

from road_extractor_plugin.compute.meetings import meeting_segments
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.simplify import simplified

# Places on a coarse lattice, so that lines touch, lie on each other and share ends often; some segments are long.
lines_strategy = st.lists(
    hnp.arrays(np.float64, st.tuples(st.integers(2, 6), st.just(2)), elements=st.integers(0, 7).map(lambda v: 5.0 * v)),
    min_size=1,
    max_size=6,
).map(lambda lines: [line for line in lines if np.hypot(*np.diff(line, axis=0).T).all()])


def by_ogr(lines: list[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs of segments that share more than an end that they may share."""
    offsets = np.append(0, np.cumsum([len(line) for line in lines]))
    segments = [
        (int(offset) + index, ogr.CreateGeometryFromWkt(f"LINESTRING ({a[0]} {a[1]}, {b[0]} {b[1]})"))
        for offset, line in zip(offsets, lines)
        for index, (a, b) in enumerate(zip(line.tolist(), line[1:].tolist()))
    ]
    points = np.concatenate(lines)
    nodes = {int(point) for offset, line in zip(offsets, lines) for point in (offset, offset + len(line) - 1)}
    found = []
    for (one, first), (other, second) in combinations(segments, 2):
        common = first.Intersection(second)
        shared = {
            tuple(points[a].tolist())
            for a in (one, one + 1)
            for b in (other, other + 1)
            if (points[a] == points[b]).all() and (a == b or {a, b} <= nodes)
        }
        is_point = common.GetGeometryName() == "POINT"
        if not (common.IsEmpty() or (is_point and common.GetPoint_2D() in shared)):
            found.append((one, other))
    return found


@given(lines_strategy)
def test_every_pair_is_as_ogr_has_it(lines: list[np.ndarray]) -> None:
    found = meeting_segments(Polylines.of(lines))
    assert list(map(tuple, found.tolist())) == (by_ogr(lines) if lines else [])


@given(lines_strategy, st.integers(0, 2**32 - 1))
def test_pairs_of_interest(lines: list[np.ndarray], seed: int) -> None:
    together = Polylines.of(lines)
    among = np.random.default_rng(seed).random(len(together.points)) < 0.3
    all_pairs = meeting_segments(together).tolist()
    assert meeting_segments(together, among).tolist() == [pair for pair in all_pairs if among[pair].any()]


def test_a_crossing_after_simplification_is_undone() -> None:
    """A dead end close behind a bend: the chord of the bend would run over it."""
    bend = np.array([[0, 0], [5, 0.4], [10, 0.8], [15, 0.4], [20, 0]])
    dead_end = np.array([[10, -5], [10, 0.3]])
    assert [len(line) for line in simplified(Polylines.of([bend]), 1.0)[0].split()] == [2]
    result, meeting = simplified(Polylines.of([bend, dead_end]), 1.0)
    np.testing.assert_array_equal(meeting, meeting_segments(result))
    assert not meeting_segments(result).size
    assert [len(line) for line in result.split()] == [3, 2]


@pytest.mark.parametrize("tolerance", [0.5, 2.0, 9.0])
def test_lines_beside_each_other_stay_beside_each_other(tolerance: float) -> None:
    x = np.linspace(0, 300, 400)
    lines = [np.column_stack([x, 6 * np.sin(x / 9) + beside]) for beside in (0, 1.5, 3)]
    assert not meeting_segments(simplified(Polylines.of(lines), tolerance)[0]).size
