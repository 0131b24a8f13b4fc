"""A folder of rasters: what is told meanwhile, cancelling, and a network that fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest

from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.contract.batch import BatchRequest, RasterOutcome
from road_extractor_plugin.contract.errors import Cancelled, ComputeError, DiskFullError
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import ExtractRequest, TraceOptions
from road_extractor_plugin.core import batch_runner
from road_extractor_plugin.core.batch import run_batch
from road_extractor_plugin.core.batch_runner import OneAfterAnother


class Watcher:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def found(self, rasters: tuple[Path, ...]) -> None:
        self.events.append(f"found {len(rasters)}")

    def started(self, raster: Path) -> None:
        self.events.append(f"started {raster.stem}")

    def finished(self, outcome: RasterOutcome) -> None:
        self.events.append(f"{outcome.status} {outcome.raster.stem}")


class Progress(SilentFeedback):
    """Keeps the fractions; cancels after some of them."""

    def __init__(self, cancel_at: float = 2.0) -> None:
        self.fractions: list[float] = []
        self._cancel_at = cancel_at

    def progress(self, fraction: float, stage: str) -> None:
        self.fractions.append(fraction)

    def is_cancelled(self) -> bool:
        return bool(self.fractions) and self.fractions[-1] >= self._cancel_at


class Fragile(LocalCompute):
    """Its device is lost at the second tile."""

    tiles = 0

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        self.tiles += 1
        if self.tiles == 2:
            raise ComputeError("The device is lost", "Try again")
        return super().predict(tiles)


@pytest.fixture
def request_(tmp_path: Path, raster: Callable[..., Path], tiny_model: Path) -> BatchRequest:
    """Three small rasters."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abc":
        raster(np.full((3, 64, 64), 90, dtype=np.uint8), f"in/{name}.tif")
    out = tmp_path / "out"
    return BatchRequest(folder, out, ExtractRequest(raster=folder, output_folder=out, model=tiny_model))


@pytest.fixture
def open_compute(tiny_model: Path, card: ModelCard) -> Callable[[ExtractRequest], LocalCompute]:
    return lambda _: LocalCompute(tiny_model, card)


def test_what_is_told(request_: BatchRequest, open_compute: Any) -> None:
    watcher, progress = Watcher(), Progress()
    run_batch(request_, OneAfterAnother(request_.each, open_compute), watcher, progress)
    assert watcher.events == [
        "found 3", "started a", "done a", "started b", "done b", "started c", "done c",
    ]  # fmt: skip
    assert progress.fractions == sorted(progress.fractions)
    assert progress.fractions[-1] == 1.0


def test_cancelled_half_way(tmp_path: Path, request_: BatchRequest, open_compute: Any) -> None:
    watcher = Watcher()
    with pytest.raises(Cancelled, match="stay"):
        run_batch(request_, OneAfterAnother(request_.each, open_compute), watcher, Progress(cancel_at=0.35))
    assert watcher.events[-1] == "started b"
    assert sorted(path.name for path in (tmp_path / "out").glob("*.gpkg")) == ["a_roads.gpkg"]
    assert (tmp_path / "out" / "batch_report.csv").read_text().count("\n") == 2
    assert sorted(path.name for path in (tmp_path / "out").glob(".*")) == [".b_unfinished", ".batch_unfinished"]


@pytest.mark.parametrize("overwrite", [False, True], ids=["new", "overwriting"])
def test_a_stopped_batch_goes_on_by_the_same_request(
    tmp_path: Path, request_: BatchRequest, open_compute: Any, *, overwrite: bool
) -> None:
    if overwrite:
        run_batch(request_, OneAfterAnother(request_.each, open_compute), Watcher(), SilentFeedback())
        request_ = replace(request_, each=replace(request_.each, overwrite=True))
    with pytest.raises(Cancelled):
        run_batch(request_, OneAfterAnother(request_.each, open_compute), Watcher(), Progress(cancel_at=0.35))
    first = (tmp_path / "out" / "a_roads.gpkg").stat().st_mtime_ns
    watcher = Watcher()
    result = run_batch(request_, OneAfterAnother(request_.each, open_compute), watcher, SilentFeedback())
    assert watcher.events == ["found 3", "skipped a", "started b", "done b", "started c", "done c"]
    assert result.outcomes[0].message == "Done before the batch was stopped."
    assert "Goes on where an earlier run was stopped: 1 of 1 strips are finished." in result.outcomes[1].message
    assert (tmp_path / "out" / "a_roads.gpkg").stat().st_mtime_ns == first
    assert not list((tmp_path / "out").glob(".*"))


def test_a_batch_that_came_to_its_end_is_not_gone_on_with(request_: BatchRequest, open_compute: Any) -> None:
    run_batch(request_, OneAfterAnother(request_.each, open_compute), Watcher(), SilentFeedback())
    again = run_batch(request_, OneAfterAnother(request_.each, open_compute), Watcher(), SilentFeedback())
    assert [outcome.status for outcome in again.outcomes] == ["failed"] * 3
    assert "already holds" in again.outcomes[0].message


@pytest.mark.parametrize("change", ["raster", "setting of the network", "setting of the lines"])
def test_results_of_a_stopped_batch_that_would_be_others_now_are_done_anew(
    tmp_path: Path, request_: BatchRequest, raster: Callable[..., Path], open_compute: Any, change: str
) -> None:
    request_ = replace(request_, each=replace(request_.each, overwrite=True))
    with pytest.raises(Cancelled):
        run_batch(request_, OneAfterAnother(request_.each, open_compute), Watcher(), Progress(cancel_at=0.35))
    if change == "raster":
        raster(np.full((3, 64, 64), 91, dtype=np.uint8), "in/a.tif")
    elif change == "setting of the network":
        request_ = replace(request_, each=replace(request_.each, tile_px=96))
    else:
        request_ = replace(request_, each=replace(request_.each, trace=TraceOptions(threshold=0.3)))
    watcher = Watcher()
    run_batch(request_, OneAfterAnother(request_.each, open_compute), watcher, SilentFeedback())
    assert watcher.events[:3] == ["found 3", "started a", "done a"]


def test_what_has_changed_since_kept_results_were_made_is_named(
    request_: BatchRequest, raster: Callable[..., Path], open_compute: Any
) -> None:
    run_batch(request_, OneAfterAnother(request_.each, open_compute), Watcher(), SilentFeedback())
    again = replace(request_, skip_existing=True, each=replace(request_.each, tile_px=96))
    result = run_batch(again, OneAfterAnother(again.each, open_compute), Watcher(), SilentFeedback())
    assert {outcome.message for outcome in result.outcomes} == {
        "The results of an earlier run are kept. Something has changed since: tile: as the model says -> 96 px."
    }


def test_a_batch_that_fails_before_anything_is_done_leaves_nothing(tmp_path: Path, request_: BatchRequest) -> None:
    def cannot_open(_: ExtractRequest) -> LocalCompute:
        raise ComputeError("No device", "Get one")

    with pytest.raises(ComputeError):
        run_batch(request_, OneAfterAnother(request_.each, cannot_open), Watcher(), SilentFeedback())
    assert not list(tmp_path.glob("out/*"))


def test_a_lost_device_is_opened_again(request_: BatchRequest, tiny_model: Path, card: ModelCard) -> None:
    opened: list[LocalCompute] = []

    def open_fragile(_: ExtractRequest) -> LocalCompute:
        opened.append(LocalCompute(tiny_model, card) if opened else Fragile(tiny_model, card))
        return opened[-1]

    result = run_batch(request_, OneAfterAnother(request_.each, open_fragile), Watcher(), SilentFeedback())
    assert [outcome.status for outcome in result.outcomes] == ["done", "failed", "done"]
    assert "The device is lost" in result.outcomes[1].message
    assert len(opened) == 2


def test_a_full_disk_ends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request_: BatchRequest, open_compute: Any
) -> None:
    extract = batch_runner.extract

    def full_at_b(job: ExtractRequest, *others: Any) -> Any:
        if job.raster.stem == "b":
            raise DiskFullError(job.output_folder, 100, 1)
        return extract(job, *others)

    monkeypatch.setattr(batch_runner, "extract", full_at_b)
    watcher = Watcher()
    with pytest.raises(DiskFullError):
        run_batch(request_, OneAfterAnother(request_.each, open_compute), watcher, SilentFeedback())
    assert watcher.events[-2:] == ["done a", "started b"]
    assert (tmp_path / "out" / "a_roads.gpkg").exists()


def test_an_unreadable_report_of_an_earlier_run(tmp_path: Path, request_: BatchRequest, open_compute: Any) -> None:
    run_batch(request_, OneAfterAnother(request_.each, open_compute), Watcher(), SilentFeedback())
    (tmp_path / "out" / "a_report.json").write_text("{")
    again = BatchRequest(request_.folder, request_.output_folder, request_.each, skip_existing=True)
    result = run_batch(again, OneAfterAnother(again.each, open_compute), Watcher(), SilentFeedback())
    assert [outcome.status for outcome in result.outcomes] == ["skipped"] * 3
    assert "cannot be read" in result.outcomes[0].message
    assert result.outcomes[1].length_km is not None


def test_regions_go_of_a_raster_that_was_done_before_the_batch_heard_of_it(
    tmp_path: Path, request_: BatchRequest, open_compute: Any
) -> None:
    with pytest.raises(Cancelled):
        run_batch(request_, OneAfterAnother(request_.each, open_compute), Watcher(), Progress(cancel_at=0.35))
    region = tmp_path / "out" / ".a_regions_unfinished" / "rows_0_2"
    region.mkdir(parents=True)
    (region / "ledger.jsonl").write_text("{}")
    run_batch(request_, OneAfterAnother(request_.each, open_compute), Watcher(), SilentFeedback())
    assert not list((tmp_path / "out").glob(".*"))
