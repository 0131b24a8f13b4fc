"""A run that was stopped goes on, and what it leaves is what an uninterrupted run leaves, bit for bit."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest

from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.contract.errors import Cancelled, ComputeError, DiskFullError, RoadExtractorError
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import Area, ExtractRequest, TraceOptions, Views
from road_extractor_plugin.core import pipeline
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.core.unfinished import find_unfinished, forget_unfinished
from tests.run_results import results

HEIGHT, WIDTH, TILE = 500, 260, 128
STRIPS = 5


class Listening(SilentFeedback):
    """Keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


class Counting(LocalCompute):
    """Counts tiles, and fails or cancels at one of them; gets them one by one."""

    def __init__(self, path: Path, card: ModelCard, stop_at: int = 10**9, error: Exception | None = None) -> None:
        super().__init__(path, card, device="cpu", threads=1)
        self.tiles = 0
        self._stop_at = stop_at
        self._error = error or Cancelled()

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        self.tiles += 1
        if self.tiles > self._stop_at:
            raise self._error
        return super().predict(tiles)


@pytest.fixture
def request_(tmp_path: Path, raster: Callable[..., Path], tiny_model: Path) -> ExtractRequest:
    """Roads on noise with a hole, five rows of tiles by three."""
    image = np.random.default_rng(5).integers(0, 80, (3, HEIGHT, WIDTH), dtype=np.uint8)
    for row in range(50, HEIGHT, 90):
        image[:, row : row + 9, 10:250] = 235
    image[:, :, 120:129] = 235
    image[:, 200:330, 180:] = 0
    path = raster(image, "scene.tif", nodata=0)
    return ExtractRequest(raster=path, output_folder=tmp_path / "out", model=tiny_model, device="cpu")


@pytest.fixture
def compute(tiny_model: Path, card: ModelCard) -> Callable[..., Counting]:
    return lambda *how: Counting(tiny_model, card, *how)


def stop(request: ExtractRequest, compute: Any, after_tiles: int, error: Exception | None = None) -> None:
    with pytest.raises(RoadExtractorError):
        extract(request, compute(after_tiles, error), SilentFeedback())


def run_whole(request: ExtractRequest, compute: Any) -> tuple[dict[str, Any], int]:
    """What an uninterrupted run leaves, and how many tiles it computes."""
    counting = compute()
    extract(replace(request, output_folder=request.output_folder.parent / "whole"), counting, SilentFeedback())
    return results(request.output_folder.parent / "whole"), counting.tiles


@pytest.mark.parametrize("tiles", [0, 2, 3, 4, 6, 9, 12, 14, 15])
def test_going_on_after_any_tile(request_: ExtractRequest, compute: Any, tiles: int) -> None:
    expected, all_tiles = run_whole(request_, compute)
    assert all_tiles == 15
    unfinished = None
    if tiles < all_tiles:
        stop(request_, compute, tiles)
        unfinished = find_unfinished(request_)
        assert (unfinished is not None) == (tiles >= 3)
    again, feedback = compute(), Listening()
    result = extract(request_, again, feedback)
    assert results(request_.output_folder) == expected
    if unfinished is not None:
        finished = round(unfinished.fraction * STRIPS)
        assert feedback.warnings == [f"Goes on where an earlier run was stopped: {finished} of 5 strips are finished."]
        assert again.tiles == all_tiles - 3 * finished + 3 * (1 if finished < STRIPS else 0)
        assert result.report.warnings == tuple(feedback.warnings)
        assert 0 < finished <= STRIPS
    assert result.report.tiles_skipped == 0


def test_stopped_again_and_again(request_: ExtractRequest, compute: Any) -> None:
    expected, _ = run_whole(request_, compute)
    for _ in range(3):
        stop(request_, compute, 7, ComputeError("The device is lost", "Try again"))
    extract(request_, compute(), SilentFeedback())
    assert results(request_.output_folder) == expected


def test_stopped_behind_the_network(request_: ExtractRequest, compute: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = run_whole(request_, compute)

    def full(*_: object) -> None:
        raise DiskFullError(request_.output_folder, 1, 0)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "write_report", full)
        with pytest.raises(DiskFullError, match="it goes on from what is finished"):
            extract(request_, compute(), SilentFeedback())
    again = compute()
    result = extract(request_, again, SilentFeedback())
    assert again.tiles == 0
    assert result.report.megapixels_per_s == 0
    assert results(request_.output_folder) == expected


def test_other_settings_of_the_lines_use_the_same_strips(request_: ExtractRequest, compute: Any) -> None:
    stop(request_, compute, 10)
    again = compute()
    extract(replace(request_, trace=TraceOptions(threshold=0.3)), again, SilentFeedback())
    assert again.tiles == 15 - 9 + 3


def touch(request: ExtractRequest) -> ExtractRequest:
    os.utime(str(request.raster), (1_000_000_000, 1_000_000_000))
    return request


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (touch, r"imagery: 3[\d,]+ bytes of .* -> 3[\d,]+ bytes of 2001-09-0"),
        (lambda request: replace(request, tile_px=96), r"tile: as the model says -> 96 px; tiles: 3 x 5 .* -> "),
        (lambda request: replace(request, views=Views("flips")), "augmentation: none, scales 1.0 -> flips, scales 1.0"),
        (lambda request: replace(request, band_indexes=(3, 2, 1)), "bands: by their meaning -> 3, 2, 1"),
        (
            lambda request: replace(
                request, area=Area("POLYGON ((500000 5999500, 500000 6000000, 500250 6000000, 500000 5999500))", "")
            ),
            r"area: the whole raster -> polygons \(\w{8}\); grid: 260 x 500 px",
        ),
    ],
    ids=["imagery", "tile", "augmentation", "bands", "area"],
)
def test_what_has_changed_is_named(request_: ExtractRequest, compute: Any, change: Any, told: str) -> None:
    stop(request_, compute, 10)
    changed = change(request_)
    unfinished = find_unfinished(changed)
    assert unfinished is not None
    assert unfinished.changes
    feedback = Listening()
    extract(changed, compute(), feedback)
    (sentence,) = feedback.warnings
    assert sentence.startswith("All is computed anew, not from where an earlier run was stopped, for something has")
    assert re.search(told, sentence), sentence


def test_another_model_is_named(
    request_: ExtractRequest, compute: Any, card: ModelCard, tmp_path: Path, network_file: Callable[..., Path]
) -> None:
    stop(request_, compute, 10)
    other = network_file(tmp_path / "other.onnx", replace(card, name="another network", version="7"))
    feedback = Listening()
    extract(replace(request_, model=other), compute(), feedback)
    assert "model: test network 1 (" in feedback.warnings[0]
    assert "-> another network 7 (" in feedback.warnings[0]


def test_a_damaged_strip_is_computed_anew_with_all_behind_it(request_: ExtractRequest, compute: Any) -> None:
    expected, _ = run_whole(request_, compute)
    stop(request_, compute, 13)
    path = request_.output_folder / ".scene_unfinished" / "probability.rows"
    content = bytearray(path.read_bytes())
    content[150 * WIDTH] ^= 1
    path.write_bytes(content)
    feedback, again = Listening(), compute()
    extract(request_, again, feedback)
    assert feedback.warnings == ["Of the 4 strips that an earlier run left, 3 are damaged; they are computed anew."]
    assert again.tiles == 15
    assert results(request_.output_folder) == expected


def test_forgetting(request_: ExtractRequest, compute: Any) -> None:
    assert find_unfinished(request_) is None
    assert not forget_unfinished(request_)
    stop(request_, compute, 10)
    unfinished = find_unfinished(request_)
    assert unfinished is not None
    assert unfinished.fraction == pytest.approx(0.6)
    assert unfinished.changes == ()
    assert forget_unfinished(request_)
    assert find_unfinished(request_) is None
    assert not list(request_.output_folder.iterdir())


def test_keeping_nothing(request_: ExtractRequest, compute: Any) -> None:
    stop(replace(request_, keep_unfinished=False), compute, 10)
    assert not request_.output_folder.exists()


def test_cancelling_says_what_is_kept(request_: ExtractRequest, compute: Any) -> None:
    with pytest.raises(Cancelled, match="What is finished is kept; the same run goes on from there"):
        extract(request_, compute(10), SilentFeedback())
    forget_unfinished(request_)
    with pytest.raises(Cancelled, match="Nothing was written"):
        extract(request_, compute(1), SilentFeedback())
    assert not list(request_.output_folder.iterdir())
