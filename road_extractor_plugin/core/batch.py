"""A folder of rasters, one after another: what is wrong with one stops none of the others."""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Callable

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.batch import (
    DONE,
    FAILED,
    SKIPPED,
    BatchRequest,
    BatchResult,
    BatchWatcher,
    RasterOutcome,
)
from road_extractor_plugin.contract.errors import (
    BatchError,
    Cancelled,
    ComputeError,
    DiskFullError,
    OutputError,
    RoadExtractorError,
)
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import ExtractResult, OutputPaths, RoadCounts
from road_extractor_plugin.core.merge import merge_networks
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.core.progress import PartOf

OpenCompute = Callable[[ExtractRequest], Compute]
"""Loads the model of a request."""

_MERGING = 0.9
"""Progress of the whole batch when only the merging is left."""
_OURS = ("_probability.tif", "_mask.tif", "_preview.png")


def find_rasters(request: BatchRequest) -> tuple[Path, ...]:
    """The rasters of a batch, in the order of their names.

    Not among them: hidden files, everything in the output folder, and the rasters that a run left beside its report.

    Raises:
        BatchError: The folder cannot be read, or holds none.
    """
    if not request.folder.is_dir():
        raise BatchError(f"'{request.folder}' is not a folder", "Choose a folder with rasters")
    found = tuple(sorted(path for path in _files(request) if _is_wanted(path, request)))
    if not found:
        where = " or below it" if request.recursive else ""
        problem = f"In '{request.folder}'{where} no file is named {' or '.join(request.patterns)}"
        raise BatchError(problem, "Choose another folder or other patterns")
    return found


def _files(request: BatchRequest) -> Iterator[Path]:
    output = request.output_folder.resolve()
    for folder, below, names in os.walk(request.folder):
        here = Path(folder)
        below[:] = [name for name in below if not name.startswith(".") and (here / name).resolve() != output]
        if not request.recursive:
            below.clear()
        yield from (here / name for name in names if not name.startswith("."))


def _is_wanted(path: Path, request: BatchRequest) -> bool:
    name = path.name.lower()
    if not any(fnmatch(name, pattern.lower()) for pattern in request.patterns):
        return False
    endings = [ending for ending in _OURS if path.name.endswith(ending)]
    return not any(path.with_name(path.name[: -len(ending)] + "_report.json").exists() for ending in endings)


def run_batch(
    request: BatchRequest, open_compute: OpenCompute, watcher: BatchWatcher, feedback: Feedback
) -> BatchResult:
    """Find the roads in every raster of a folder.

    The table is written anew after each raster, so that it is true whenever the batch ends. Files of rasters that are
    done stay, also when the batch is cancelled.

    Args:
        request: What to do.
        open_compute: Called once, and again after the network failed.
        watcher: Told what becomes of each raster.
        feedback: Told of the progress of the whole; asked whether to stop.

    Raises:
        BatchError: There is no raster.
        DiskFullError: There is no room for the next raster's results.
        OutputError: The table cannot be written.
        Cancelled: The user asked for it.
        RoadExtractorError: The model cannot be loaded, or the networks not be merged.
    """
    rasters = find_rasters(request)
    watcher.found(rasters)
    batch = _Batch(request, open_compute, watcher, feedback)
    try:
        outcomes = batch.run(rasters)
        merged = batch.merge(outcomes) if request.merge else None
    except Cancelled as error:
        raise Cancelled("Rasters that were done stay; go on later with their results kept") from error
    finally:
        batch.close()
    feedback.progress(1.0, "done")
    return BatchResult(outcomes, request.table, request.merged_roads if merged else None, merged)


class _Batch:
    """A batch under way, with its model loaded."""

    def __init__(
        self, request: BatchRequest, open_compute: OpenCompute, watcher: BatchWatcher, feedback: Feedback
    ) -> None:
        self._request = request
        self._open_compute = open_compute
        self._watcher = watcher
        self._feedback = feedback
        self._compute: Compute | None = open_compute(request.each)
        self._settings = request.each.trace.settings(self._compute.card.thresholds)

    def close(self) -> None:
        compute, self._compute = self._compute, None
        if compute is not None:
            compute.close()

    def run(self, rasters: tuple[Path, ...]) -> tuple[RasterOutcome, ...]:
        outcomes: list[RasterOutcome] = []
        taken: dict[Path, Path] = {}
        for part in _parts(rasters, self._feedback, _MERGING if self._request.merge else 1.0):
            stop_if_cancelled(self._feedback)
            self._watcher.started(part.raster)
            outcome = self._one(part, taken)
            outcomes.append(outcome)
            _write_table(self._request, outcomes)
            self._watcher.finished(outcome)
        return tuple(outcomes)

    def _one(self, part: _Part, taken: dict[Path, Path]) -> RasterOutcome:
        job, started = self._request.job(part.raster), time.monotonic()
        paths = OutputPaths(job.output_folder, part.raster.stem)
        other = taken.setdefault(paths.report, part.raster)
        if other != part.raster:
            message = f"Its results would have the same names as those of '{other.name}'. Rename one of the two."
            return RasterOutcome(part.raster, paths, FAILED, 0.0, message)
        if self._request.skip_existing and paths.roads.exists() and paths.report.exists():
            return _skipped(part.raster, paths)
        try:
            result = self._extract(job, part.feedback)
        except (Cancelled, DiskFullError):
            raise
        except RoadExtractorError as error:
            return RasterOutcome(part.raster, paths, FAILED, time.monotonic() - started, str(error))
        report, warnings = result.report, " ".join(result.report.warnings)
        seconds = time.monotonic() - started
        return RasterOutcome(part.raster, paths, DONE, seconds, warnings, report.roads.length_km, report.area_km2)

    def _extract(self, job: ExtractRequest, feedback: Feedback) -> ExtractResult:
        if self._compute is None:
            self._compute = self._open_compute(job)
        try:
            return extract(job, self._compute, feedback)
        except ComputeError:
            self.close()  # what failed may be the device, which only a new start brings back
            raise

    def merge(self, outcomes: Iterable[RasterOutcome]) -> RoadCounts | None:
        """One network of all rasters that have results."""
        probabilities = [outcome.paths.probability for outcome in outcomes if outcome.status != FAILED]
        present = [path for path in probabilities if path.exists()]
        if len(present) < len(probabilities):
            missing = len(probabilities) - len(present)
            self._feedback.warning(f"{missing} rasters have no probability raster and are not in the merged network.")
        if not present:
            return None
        if self._compute is None:
            self._compute = self._open_compute(self._request.each)
        part = PartOf(self._feedback, _MERGING, 1.0)
        return merge_networks(present, self._request.merged_roads, self._compute, self._settings, part)


@dataclass(frozen=True)
class _Part:
    """A raster, and its share of the progress."""

    raster: Path
    feedback: Feedback


class _NamedPart(PartOf):
    """Tells which raster it is; its warnings come with its outcome."""

    def __init__(self, whole: Feedback, start: float, end: float, name: str) -> None:
        super().__init__(whole, start, end)
        self._name = name

    def progress(self, fraction: float, stage: str) -> None:
        """Pass on, with the name."""
        super().progress(fraction, f"{self._name}: {stage}")

    def warning(self, text: str) -> None:
        """Stands in the table."""


def _parts(rasters: tuple[Path, ...], feedback: Feedback, end: float) -> Iterator[_Part]:
    """Each raster's share of the progress is that of its file's size."""
    sizes = [raster.stat().st_size + 1 if raster.exists() else 1 for raster in rasters]
    total, done = sum(sizes), 0
    for number, (raster, size) in enumerate(zip(rasters, sizes), start=1):
        name = f"{raster.name} ({number} of {len(rasters)})"
        yield _Part(raster, _NamedPart(feedback, done / total * end, (done + size) / total * end, name))
        done += size


def _skipped(raster: Path, paths: OutputPaths) -> RasterOutcome:
    """The outcome of an earlier run, read from its report."""
    message = "The results of an earlier run are kept."
    try:
        report = json.loads(paths.report.read_text(encoding="utf-8"))
        length_km, area_km2 = float(report["roads"]["length_km"]), float(report["area_km2"])
    except (OSError, ValueError, LookupError, TypeError):
        return RasterOutcome(raster, paths, SKIPPED, 0.0, f"{message} Their report cannot be read.")
    return RasterOutcome(raster, paths, SKIPPED, 0.0, message, length_km, area_km2)


def _write_table(request: BatchRequest, outcomes: Iterable[RasterOutcome]) -> None:
    """Write the table beside its place and put it there, so that it is whole at any time.

    Raises:
        OutputError: It cannot be written.
    """
    fresh = request.table.with_name(f".{request.table.name}")
    try:
        fresh.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("raster", "status", "length_km", "area_km2", "seconds", "roads", "message"))
            rows.writerows(_row(outcome, request) for outcome in outcomes)
        fresh.replace(request.table)
    except OSError as error:
        problem = f"Cannot write the table '{request.table}': {error.strerror}"
        raise OutputError(problem, "Close it in other programs, and see that the disk has room") from error


def _row(outcome: RasterOutcome, request: BatchRequest) -> tuple[object, ...]:
    roads = "" if outcome.status == FAILED else outcome.paths.roads.relative_to(request.output_folder).as_posix()
    figures = ("" if value is None else f"{value:.3f}" for value in (outcome.length_km, outcome.area_km2))
    raster = outcome.raster.relative_to(request.folder).as_posix()
    return (raster, outcome.status, *figures, f"{outcome.seconds:.1f}", roads, outcome.message)
