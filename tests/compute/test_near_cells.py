"""The quick look for what may be near."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from road_extractor_plugin.compute import near_cells
from road_extractor_plugin.compute.near_cells import may_be_within


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 30.0))
def test_nothing_that_is_near_is_missed_and_little_else_found(seed: int, reach: float) -> None:
    random = np.random.default_rng(seed)
    places, others = random.uniform(-50, 200, (60, 2)), random.uniform(-50, 200, (4, 2))
    found = may_be_within(reach, places, others)
    nearest = cdist(places, others).min(axis=1)
    assert found[nearest <= reach].all()
    assert not found[nearest > 3 * reach].any()


def test_far_apart_there_are_no_more_cells_than_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_cells, "MOST_CELLS", 100)
    places = np.array([[0.0, 0.0], [0.0, 3e5], [3e5, 3e5], [3e5, 2.0]])
    assert may_be_within(1.0, places, np.array([[3e5, 1.5]])).tolist() == [False, False, False, True]


@pytest.mark.parametrize(("places", "others"), [(0, 3), (3, 0)], ids=["no places", "no others"])
def test_nothing_is_near_nothing(places: int, others: int) -> None:
    assert may_be_within(1.0, np.zeros((places, 2)), np.zeros((others, 2))).tolist() == [False] * places
