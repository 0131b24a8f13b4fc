"""A batch on three worker processes: the same results as in one, also when a worker is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from osgeo import gdal, osr

from road_extractor_plugin.contract.batch import BatchRequest, BatchResult, RasterOutcome
from road_extractor_plugin.contract.errors import BatchError, Cancelled
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.core import cluster
from road_extractor_plugin.core.batch import run_batch
from road_extractor_plugin.core.batch_runner import OneAfterAnother
from road_extractor_plugin.core.cluster import affordable_workers, on_scheduler
from road_extractor_plugin.core.cluster_check import problem_with
from road_extractor_plugin.engine.open_compute import open_compute, open_tracer
from tests.run_results import results

distributed = pytest.importorskip("distributed")

SIDE_PX = 160
GOOD = {"code": "1a", "raster": "10", "marker": "2b", "writable": "True", "model": "3c"}


class Listener(SilentFeedback):
    """Keeps what it is told, as feedback and as watcher; cancels when a raster is begun, if that is wished."""

    def __init__(self, cancel_at: str = "") -> None:
        self.events: list[str] = []
        self.warnings: list[str] = []
        self.fractions: list[float] = []
        self._cancel_at = cancel_at

    def progress(self, fraction: float, stage: str) -> None:
        self.fractions.append(fraction)

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def is_cancelled(self) -> bool:
        return self._cancel_at in self.events

    def found(self, rasters: tuple[Path, ...]) -> None:
        self.events.append(f"found {len(rasters)}")

    def started(self, raster: Path) -> None:
        self.events.append(f"started {raster.stem}")

    def finished(self, outcome: RasterOutcome) -> None:
        self.events.append(f"{outcome.status} {outcome.raster.stem}")


@pytest.fixture(scope="module")
def three_workers() -> Iterator[str]:
    """Address of a scheduler with three worker processes."""
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, memory_limit=0, dashboard_address=":0", silence_logs=50
    ) as running:
        yield running.scheduler_address


@pytest.fixture
def request_(tmp_path: Path, tiny_model: Path) -> BatchRequest:
    """Six rasters side by side with a street through all of them, and a file that is none."""
    folder = tmp_path / "in"
    folder.mkdir()
    image = np.full((3, SIDE_PX, SIDE_PX), 30, np.uint8)
    image[:, 70:79, :] = 235
    for number, name in enumerate("abcdef"):
        write_raster(folder / f"{name}.tif", image, 500_000 + number * SIDE_PX)
    (folder / "g.tif").write_text("no raster")
    out = tmp_path / "out"
    return BatchRequest(folder, out, ExtractRequest(raster=folder, output_folder=out, model=tiny_model, device="cpu"))


def write_raster(path: Path, image: Any, west: float) -> None:
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), image.shape[2], image.shape[1], 3)
    dataset.SetGeoTransform((west, 1, 0, 5_000_000, 0, -1))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32632)
    dataset.SetProjection(reference.ExportToWkt())
    dataset.WriteArray(image)


def with_accident(folder: Path, accident: Callable[[], None]) -> Callable[[ExtractRequest, int], Any]:
    """What loads the model, and lets one worker, once, meet an accident at its second tile."""

    def opened(request: ExtractRequest, threads: int) -> Any:
        from road_extractor_plugin.engine.open_compute import open_compute

        compute = open_compute(request, threads)
        predict, calls = compute.predict, []

        def fragile(tiles: Any) -> Any:
            calls.append(1)
            if len(calls) == 2:
                try:
                    (folder / "accident").touch(exist_ok=False)
                except FileExistsError:
                    return predict(tiles)
                accident()
            return predict(tiles)

        compute.predict = fragile
        return compute

    return opened


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_one_process(request: BatchRequest, folder: Path) -> dict[str, Any]:
    each = replace(request.each, output_folder=folder)
    alone = BatchRequest(request.folder, folder, each)
    run_batch(alone, OneAfterAnother(each, open_compute), Listener(), SilentFeedback())
    return results(folder)


def on_three(request: BatchRequest, address: str, opened: Any, listener: Listener) -> BatchResult:
    return run_batch(request, on_scheduler(address, request, opened, open_tracer), listener, listener)


def left_over(folder: Path) -> list[Path]:
    """What is hidden there, but for what a stopped batch goes on from."""
    return [path for path in folder.glob(".*") if not path.name.endswith("_unfinished")]


def test_a_killed_worker_costs_nothing_but_time(tmp_path: Path, request_: BatchRequest, three_workers: str) -> None:
    listener = Listener()
    result = on_three(request_, three_workers, with_accident(tmp_path, die), listener)
    assert (tmp_path / "accident").exists()
    assert [outcome.status for outcome in result.outcomes] == ["done"] * 6 + ["failed"]
    assert "no raster" in result.outcomes[6].message or "not recognized" in result.outcomes[6].message
    assert results(tmp_path / "out") == in_one_process(request_, tmp_path / "alone")
    assert [text for text in listener.warnings if "was lost" in text and "is done anew" in text]
    assert sorted(listener.events[1:]) == sorted(
        f"{what} {name}" for name in "abcdefg" for what in ("started", "failed" if name == "g" else "done")
    )
    assert listener.fractions[-1] == 1.0
    names = [line.split(",")[0] for line in result.table.read_text().splitlines()]
    assert names == ["raster", *(f"{name}.tif" for name in "abcdefg")]


@pytest.fixture
def tall(request_: BatchRequest) -> BatchRequest:
    """Two of the rasters, and one of 18 rows of tiles with nodata in it; each is worth sharing."""
    for name in "cdefg":
        (request_.folder / f"{name}.tif").unlink()
    image = np.full((3, 600, SIDE_PX), 30, np.uint8)
    image[:, :, 70:79] = image[:, 200:206, :] = 235
    image[:, 300:420, :60] = 0
    write_raster(request_.folder / "c.tif", image, 600_000)
    dataset = gdal.Open(str(request_.folder / "c.tif"), gdal.GA_Update)
    dataset.GetRasterBand(1).SetNoDataValue(0)
    dataset.FlushCache()
    return replace(request_, each=replace(request_.each, tile_px=64), split_tiles=1)


@pytest.mark.parametrize("accident", [False, True], ids=["all goes well", "a worker is killed"])
def test_rasters_that_workers_share(tmp_path: Path, tall: BatchRequest, three_workers: str, accident: bool) -> None:
    listener = Listener()
    opened = with_accident(tmp_path, die) if accident else open_compute
    result = on_three(tall, three_workers, opened, listener)
    assert [outcome.status for outcome in result.outcomes] == ["done"] * 3
    assert results(tmp_path / "out") == in_one_process(tall, tmp_path / "alone")
    counts = [json.loads(outcome.paths.report.read_text())["regions"] for outcome in result.outcomes]
    assert counts == [2, 2, 9]
    assert sorted(listener.events[1:]) == sorted(f"{what} {name}" for name in "abc" for what in ("started", "done"))
    lost = [text for text in listener.warnings if "was lost; " in text and ", region " in text and "anew" in text]
    assert bool(lost) == accident
    assert np.diff(listener.fractions).min() > -0.2
    assert not left_over(tmp_path / "out")


def test_a_region_that_fails_is_the_whole_raster(tmp_path: Path, tall: BatchRequest, three_workers: str) -> None:
    def fail() -> None:
        from road_extractor_plugin.contract.errors import RasterUnreadableError

        raise RasterUnreadableError("some.tif", "it breaks off")

    listener = Listener()
    result = on_three(tall, three_workers, with_accident(tmp_path, fail), listener)
    assert sorted(outcome.status for outcome in result.outcomes) == ["done", "done", "failed"]
    failed = next(outcome for outcome in result.outcomes if outcome.status == "failed")
    assert failed.message.startswith("Cannot read 'some.tif' as a raster: it breaks off")
    assert sorted(event for event in listener.events if event.startswith("started")) == [
        f"started {name}" for name in "abc"
    ]
    assert not left_over(tmp_path / "out")


def test_cancelled_in_a_region(tmp_path: Path, tall: BatchRequest, three_workers: str) -> None:
    with pytest.raises(Cancelled, match="stay"):
        on_three(tall, three_workers, open_compute, Listener(cancel_at="started c"))
    assert not left_over(tmp_path / "out")
    on_three(tall, three_workers, open_compute, Listener())
    assert results(tmp_path / "out") == in_one_process(tall, tmp_path / "alone")
    assert not list((tmp_path / "out").glob(".*"))


@pytest.fixture
def plain_hosts(tmp_path: Path) -> Iterator[str]:
    """Address of a scheduler without Road Extractor, and a worker that has it, both started as the guide says."""
    file, home = tmp_path / "scheduler.json", Path(__file__).parents[2]
    dask = [sys.executable, "-m", "distributed.cli."]
    options = ["--scheduler-file", str(file), "--no-dashboard"]
    commands = [
        ([*dask[:2], f"{dask[2]}dask_scheduler", "--host", "127.0.0.1", "--port", "0", *options], ""),
        ([*dask[:2], f"{dask[2]}dask_worker", "--nworkers", "1", "--nthreads", "2", *options], str(home)),
    ]
    started = [
        subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL)
        for command, path in commands
    ]
    try:
        while not file.exists():
            time.sleep(0.1)
        yield json.loads(file.read_text())["address"]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def test_plain_hosts_as_the_guide_says(tmp_path: Path, tall: BatchRequest, plain_hosts: str) -> None:
    result = on_three(tall, plain_hosts, open_compute, Listener())
    assert [outcome.message for outcome in result.outcomes if outcome.status != "done"] == []
    assert json.loads(result.outcomes[2].paths.report.read_text())["regions"] > 1


def test_a_lost_device_is_tried_again(tmp_path: Path, request_: BatchRequest, three_workers: str) -> None:
    def lose() -> None:
        from road_extractor_plugin.contract.errors import ComputeError

        raise ComputeError("The device is lost", "Try again")

    listener = Listener()
    result = on_three(request_, three_workers, with_accident(tmp_path, lose), listener)
    assert result.count("done") == 6
    assert [text for text in listener.warnings if "is tried again: The device is lost" in text]


def test_a_full_disk_ends_it(tmp_path: Path, request_: BatchRequest, three_workers: str) -> None:
    def fill() -> None:
        from road_extractor_plugin.contract.errors import DiskFullError

        raise DiskFullError(Path("out"), 5_000_000, 1_000_000)

    with pytest.raises(BatchError.__bases__[0], match="1 MB free, about 5 MB are needed"):
        on_three(request_, three_workers, with_accident(tmp_path, fill), Listener())
    assert not left_over(tmp_path / "out")


def test_cancelled(tmp_path: Path, request_: BatchRequest, three_workers: str) -> None:
    def wait() -> None:
        import time

        time.sleep(1)

    listener = Listener(cancel_at="done b")
    with pytest.raises(Cancelled, match="stay"):
        on_three(request_, three_workers, with_accident(tmp_path, wait), listener)
    done = {event[-1] for event in listener.events if event.startswith("done")}
    assert "b" in done
    assert {path.name[0] for path in (tmp_path / "out").glob("*_roads.gpkg")} >= done
    assert not left_over(tmp_path / "out")


def test_a_scheduler_that_goes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request_: BatchRequest) -> None:
    monkeypatch.setattr(cluster, "_ANSWER_WITHIN_S", 1)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, memory_limit=0, dashboard_address=":0", silence_logs=50
    ) as short:

        class Closes(Listener):
            def finished(self, outcome: RasterOutcome) -> None:
                short.close()

        with pytest.raises(BatchError, match="does not answer any more"):
            on_three(request_, short.scheduler_address, open_compute, Closes())
    assert (tmp_path / "out" / "batch_report.csv").read_text().count("\n") == 2


@pytest.mark.parametrize(
    ("differs", "sentence"),
    [
        ({"code": ""}, "has no Road Extractor"),
        ({"code": "9f"}, "has another Road Extractor (version 9f, here is 1a)"),
        ({"raster": ""}, "does not see"),
        ({"marker": ""}, "does not see the output folder"),
        ({"writable": "False"}, "may not write"),
        ({"model": "77"}, "does not see the model"),
        ({}, ""),
    ],
    ids=["no package", "other package", "no raster", "no output folder", "read-only", "other model", "all right"],
)
def test_what_a_worker_does_not_see(request_: BatchRequest, differs: dict[str, str], sentence: str) -> None:
    problem = problem_with({**GOOD, **differs}, GOOD, request_, request_.folder / "a.tif")
    assert sentence in (problem[0] if problem else "")
    assert (problem is None) == (not sentence)


def test_memory_for_fewer_workers() -> None:
    listener = Listener()
    assert affordable_workers(8, 1_000_000_000, 3_500_000_000, listener) == 3
    assert listener.warnings == ["8 workers need about 8.0 GB of memory, 3.5 GB are free: 3 will work."]
    assert affordable_workers(2, 1_000_000_000, 3_500_000_000, listener) == 2
    assert affordable_workers(2, 1_000_000_000, 500_000_000, listener) == 1


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, request_: BatchRequest) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BatchError, match="pip install distributed"):
        on_scheduler("tcp://127.0.0.1:1", request_, open_compute, open_tracer)


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch, request_: BatchRequest) -> None:
    monkeypatch.setattr(cluster, "_ANSWER_WITHIN_S", 0.5)
    with pytest.raises(BatchError, match="No scheduler of Dask answers"):
        on_scheduler("tcp://127.0.0.1:1", request_, open_compute, open_tracer)
