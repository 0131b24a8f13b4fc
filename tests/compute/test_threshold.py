"""From probability to mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.filters import apply_hysteresis_threshold
from skimage.measure import label

from road_extractor_plugin.compute.raster_rows import ArrayRows, RasterRows
from road_extractor_plugin.compute.threshold import fill_small_holes, hysteresis, is_road
from road_extractor_plugin.contract.model_card import Thresholds

probabilities = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.integers(0, 254)
)


def raster(*rows: str) -> np.ndarray:
    """`#` high, `+` between the thresholds, `.` low, `x` nodata."""
    return np.array([[{"#": 200, "+": 100, ".": 20, "x": 255}[sign] for sign in row] for row in rows], dtype=np.uint8)


def road(mask: RasterRows) -> np.ndarray:
    """Where it is road."""
    return mask.read(0, mask.shape[0]) == 1


@given(probability=probabilities, percents=st.tuples(st.integers(0, 100), st.integers(0, 100)))
def test_hysteresis_is_that_of_scikit_image(probability: np.ndarray, percents: tuple[int, int]) -> None:
    low, high = sorted(percent / 100 for percent in percents)
    mask = road(hysteresis(ArrayRows(probability), Thresholds(high=high, low=low)))
    values = probability / 254
    # scikit-image asks for more than the threshold and joins over sides only; we ask for at least it, and over corners
    pieces = label(values >= low, connectivity=2)
    assert np.array_equal(mask, np.isin(pieces, np.unique(pieces[values >= high])) & (pieces > 0))
    sides = apply_hysteresis_threshold(values, np.nextafter(low, -1), np.nextafter(high, -1))
    assert mask[sides].all()


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        pytest.param(["....", ".++.", "...."], 0, id="weak alone goes"),
        pytest.param(["....", ".+#.", "...."], 2, id="weak beside strong stays"),
        pytest.param(["#...", ".+..", "...."], 2, id="over a corner"),
        pytest.param(["xxxx", "x##x", "xxxx"], 2, id="nodata is no road"),
    ],
)
def test_hysteresis_on_drawn_pieces(rows: list[str], kept: int) -> None:
    mask = hysteresis(ArrayRows(raster(*rows)), Thresholds(high=0.5, low=0.3))
    assert road(mask).sum() == kept


@pytest.mark.parametrize(("threshold", "expected"), [(1.0, 1), (0.5, 2), (0.0, 3)])
def test_a_threshold_is_reached_by_the_value_that_stores_it(threshold: float, expected: int) -> None:
    probability = np.array([[0, 127, 254]], dtype=np.uint8)
    assert road(hysteresis(ArrayRows(probability), Thresholds(threshold, threshold))).sum() == expected


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        pytest.param([".....", ".##..", "....."], 0, id="too small"),
        pytest.param([".....", ".###.", "....."], 3, id="large enough"),
        pytest.param(["##...", ".....", "....."], 2, id="at the raster's edge"),
        pytest.param([".....", ".##x.", "....."], 2, id="beside nodata"),
        pytest.param(["....x", "..#..", ".#...", "....."], 0, id="a corner away from the nodata pixel's neighbour"),
    ],
)
def test_small_pieces_go_unless_the_data_end_there(rows: list[str], kept: int) -> None:
    mask = hysteresis(ArrayRows(raster(*rows)), Thresholds(high=0.5, low=0.3), min_area_px=3)
    assert road(mask).sum() == kept


def test_places_on_road() -> None:
    mask = ArrayRows(np.array([[0, 1], [255, 0]], dtype=np.uint8))
    xy = np.array([[1.0, 0.0], [1.9, 0.9], [0.5, 0.5], [0.5, 1.5], [-0.1, 0.0], [2.0, 0.5]])
    assert is_road(mask, xy).tolist() == [True, True, False, False, False, False]


@pytest.mark.parametrize(
    ("rows", "filled"),
    [
        pytest.param(["#####", "#..##", "#####"], 2, id="small hole"),
        pytest.param(["#####", "#...#", "#####"], 0, id="larger hole"),
        pytest.param(["#####", "#.###", "##.##", "#####"], 2, id="two holes that meet at a corner are two"),
        pytest.param(["#.###", "#.###", "#####"], 0, id="open to the raster's edge"),
        pytest.param(["#####", "#.x##", "#####"], 0, id="beside nodata"),
    ],
)
def test_small_holes_are_filled(rows: list[str], filled: int) -> None:
    mask = hysteresis(ArrayRows(raster(*rows)), Thresholds(high=0.5, low=0.3))
    assert (road(fill_small_holes(mask, max_area_px=2)) & ~road(mask)).sum() == filled
