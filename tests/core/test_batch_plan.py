"""What a batch will take, told from a few tiles."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest

from road_extractor_plugin.cli.plan import plan_in_words
from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.contract.batch import BatchRequest, RasterOutcome
from road_extractor_plugin.contract.batch_plan import longest_seconds
from road_extractor_plugin.contract.errors import BatchError
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.core.batch import run_batch
from road_extractor_plugin.core.batch_plan import fitted, plan_batch
from road_extractor_plugin.core.batch_runner import OneAfterAnother

SECONDS_PER_MEGAPIXEL = 10.0


class Slow(LocalCompute):
    """A network whose time is known, and so long that nothing else counts."""

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        time.sleep(tiles.shape[-1] * tiles.shape[-2] / 1e6 * SECONDS_PER_MEGAPIXEL)
        return super().predict(tiles)


class Silent:
    """Watches nothing."""

    def found(self, rasters: tuple[Path, ...]) -> None: ...

    def started(self, raster: Path) -> None: ...

    def finished(self, outcome: RasterOutcome) -> None: ...


@pytest.fixture
def request_(tmp_path: Path, raster: Callable[..., Path], tiny_model: Path) -> BatchRequest:
    """Five rasters of different sizes, and one that is none."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, (height, width) in enumerate([(64, 64), (100, 180), (240, 240), (300, 90), (330, 260)]):
        image = np.full((3, height, width), 30, np.uint8)
        image[:, height // 2 : height // 2 + 8, :] = 235
        raster(image, f"in/r{number}.tif")
    (folder / "none.tif").write_text("no raster")
    out = tmp_path / "out"
    return BatchRequest(folder, out, ExtractRequest(raster=folder, output_folder=out, model=tiny_model))


@pytest.fixture
def open_slow(tiny_model: Path, card: ModelCard) -> Callable[[ExtractRequest], LocalCompute]:
    return lambda _: Slow(tiny_model, card)


def test_against_a_real_run(request_: BatchRequest, open_slow: Any) -> None:
    plan = plan_batch(request_, 1, open_slow, SilentFeedback())
    assert not request_.output_folder.exists()
    started = time.monotonic()
    result = run_batch(request_, OneAfterAnother(request_.each, open_slow), Silent(), SilentFeedback())
    took = time.monotonic() - started
    assert plan.rasters == result.count("done") == 5
    assert plan.area_km2 == pytest.approx(sum(outcome.area_km2 or 0 for outcome in result.outcomes), rel=0.01)
    assert plan.hours * 3600 == pytest.approx(took, rel=0.5)  # on a machine that does other things too
    written = sum(path.stat().st_size for path in request_.output_folder.rglob("*") if path.suffix != ".csv")
    assert plan.results_bytes == pytest.approx(written, rel=0.5)
    assert len(plan.unreadable) == 1
    assert "none.tif" in plan.unreadable[0]


def test_results_that_are_kept_are_no_work(request_: BatchRequest, open_slow: Any) -> None:
    for name in ("r0_roads.gpkg", "r0_report.json"):
        request_.output_folder.mkdir(exist_ok=True)
        (request_.output_folder / name).touch()
    again = BatchRequest(request_.folder, request_.output_folder, request_.each, skip_existing=True)
    plan = plan_batch(again, 4, open_slow, SilentFeedback())
    assert (plan.rasters, plan.kept) == (4, 1)
    assert plan.merge_hours < plan.hours_with_workers < plan.hours
    words = plan_in_words(plan)
    assert "4 machines like this one" in words
    assert "would fail: Cannot read" in words


def test_nothing_to_measure(tmp_path: Path, tiny_model: Path, open_slow: Any) -> None:
    (tmp_path / "a.tif").write_text("no raster")
    each = ExtractRequest(raster=tmp_path, output_folder=tmp_path / "out", model=tiny_model)
    with pytest.raises(BatchError, match="Nothing could be measured"):
        plan_batch(BatchRequest(tmp_path, tmp_path / "out", each), 1, open_slow, SilentFeedback())


@pytest.mark.parametrize(
    ("samples", "per_raster", "per_pixel"),
    [
        pytest.param([(100, 52.0), (400, 202.0), (50, 27.0), (900, 452.0)], 2.0, 0.5, id="a line"),
        pytest.param([(100, 52.0), (100, 52.0), (300, 152.0), (300, 152.0)], 2.0, 0.5, id="one tile each"),
        pytest.param([(100, 3.0), (100, 3.5), (100, 2.5), (100, 2.0)], 2.75, 0.0, id="all of one size"),
        pytest.param([(100, 3.0), (400, 2.0)], 2.5, 0.0, id="noise"),
        pytest.param([(100, 1.0), (400, 8.0)], 0.0, 0.018, id="steep"),
    ],
)
def test_what_grows_with_pixels_comes_apart_from_what_does_not(
    samples: list[tuple[float, float]], per_raster: float, per_pixel: float
) -> None:
    cost = fitted(samples)
    assert (cost.per_raster, cost.per_pixel) == pytest.approx((per_raster, per_pixel))


@pytest.mark.parametrize(
    ("workers", "seconds"), [(1, 10.0), (2, 6.0), (3, 4.0), (9, 4.0)], ids=["one", "two", "three", "many"]
)
def test_several_workers(workers: int, seconds: float) -> None:
    """Each takes the next raster as soon as it is free; the longest raster bounds them all."""
    assert longest_seconds([4.0, 3.0, 1.0, 2.0], workers) == seconds
