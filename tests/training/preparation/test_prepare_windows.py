from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_training.preparation.settings import Cutting
from model_training.preparation.windows import crop_windows, paper_starts
from road_extractor_plugin.contract.errors import RequestError

LENGTHS = st.integers(1, 3000)
CROPS = st.integers(8, 800)


@pytest.mark.parametrize(
    ("length", "crop", "with_overlap", "starts"),
    [
        pytest.param(1024, 512, True, (0, 256, 512), id="DeepGlobe training"),
        pytest.param(1024, 512, False, (0, 512), id="DeepGlobe validation"),
        pytest.param(1536, 512, True, (0, 256, 512, 768, 1024), id="Massachusetts training"),
        pytest.param(1536, 512, False, (0, 512, 1024), id="Massachusetts validation"),
        pytest.param(1300, 650, True, (0, 325, 650), id="SpaceNet training"),
        pytest.param(1300, 650, False, (0, 650), id="SpaceNet validation"),
        pytest.param(512, 512, True, (0,), id="as large as a crop"),
        pytest.param(300, 512, False, (0,), id="smaller than a crop"),
        pytest.param(1299, 650, False, (0, 649), id="one pixel beyond the image is moved back"),
    ],
)
def test_the_papers_crops_start_where_its_code_has_them(
    length: int, crop: int, with_overlap: bool, starts: tuple[int, ...]
) -> None:
    assert paper_starts(length, crop, with_overlap=with_overlap) == starts


@given(length=LENGTHS, crop=CROPS, with_overlap=st.booleans())
def test_the_papers_crops_lie_inside_any_image_that_holds_one(length: int, crop: int, with_overlap: bool) -> None:
    starts = paper_starts(length, crop, with_overlap=with_overlap)
    assert starts[0] == 0
    assert list(starts) == sorted(set(starts))
    assert starts[-1] + crop <= max(length, crop)


@given(height=LENGTHS, width=LENGTHS, crop=CROPS, share=st.floats(0, 0.9))
def test_crops_cover_every_pixel_and_have_unique_names(height: int, width: int, crop: int, share: float) -> None:
    windows = crop_windows(height, width, Cutting(crop_px=crop, overlap_px=int(share * crop)), "train")
    for length, axis in ((height, "row"), (width, "column")):
        covered = np.zeros(length, bool)
        for piece in windows:
            start = getattr(piece.window, axis)
            covered[start : start + crop] = True
        assert covered.all()
    assert len({piece.crop_name("scene") for piece in windows}) == len(windows)


def test_rows_are_rows_in_an_image_that_is_not_square() -> None:
    windows = crop_windows(100, 250, Cutting(crop_px=100), "train")
    assert [(piece.window.row, piece.window.column) for piece in windows] == [(0, 0), (0, 100), (0, 150)]
    assert [piece.crop_name("scene") for piece in windows] == ["scene_1_1", "scene_1_2", "scene_1_3"]


def test_only_training_crops_of_the_paper_overlap() -> None:
    counts = [len(crop_windows(1024, 1024, Cutting(by_paper=True), split)) for split in ("train", "validation", "test")]
    assert counts == [9, 4, 4]


def test_splits_asked_for_stay_whole() -> None:
    (whole,) = crop_windows(70, 90, Cutting(crop_px=32, whole_splits=("test",)), "test")
    assert (whole.window.height, whole.window.width) == (70, 90)


@pytest.mark.parametrize(("crop", "overlap"), [(0, 0), (64, 64), (64, -1)])
def test_a_cutting_without_step_is_refused(crop: int, overlap: int) -> None:
    with pytest.raises(RequestError, match="--"):
        Cutting(crop_px=crop, overlap_px=overlap)
