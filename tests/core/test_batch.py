"""A folder of rasters: what is told meanwhile, cancelling, and a network that fails."""

from __future__ import annotations

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
from road_extractor_plugin.contract.request import ExtractRequest
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
    assert not list((tmp_path / "out").glob(".*"))


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
