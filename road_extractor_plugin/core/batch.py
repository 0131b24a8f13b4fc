"""A folder of rasters: what is wrong with one stops none of the others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path

from road_extractor_plugin.contract.batch import (
    DONE,
    FAILED,
    PARQUET,
    SKIPPED,
    BatchRequest,
    BatchResult,
    BatchWatcher,
    RasterJob,
    RasterOutcome,
)
from road_extractor_plugin.contract.errors import BatchError, Cancelled
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.result import OutputPaths, RoadCounts
from road_extractor_plugin.core.batch_mark import batch_mark
from road_extractor_plugin.core.batch_runner import RasterRunner
from road_extractor_plugin.core.batch_table import BatchTable
from road_extractor_plugin.core.earlier_results import EarlierResults
from road_extractor_plugin.core.geoparquet import require_pyarrow, write_layers
from road_extractor_plugin.core.merge import merge_networks
from road_extractor_plugin.core.progress import PartOf
from road_extractor_plugin.core.shared_raster import forget_regions

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


def run_batch(request: BatchRequest, runner: RasterRunner, watcher: BatchWatcher, feedback: Feedback) -> BatchResult:
    """Find the roads in every raster of a folder.

    1. Rasters whose results would meet, and those whose results are kept, are told of first. Kept are those of a batch
       that was stopped, if nothing has changed since, and others where that is asked for.
    2. The runner does the others. The table is true whenever the batch ends. Files of rasters that are done stay, also
       when the batch is cancelled.
    3. The networks become one, in this process; as GeoParquet too, where that is asked for.

    Args:
        request: What to do.
        runner: Does it; closed at the end.
        watcher: Told what becomes of each raster.
        feedback: Told of the progress of the whole; asked whether to stop.

    Raises:
        BatchError: There is no raster.
        DiskFullError: There is no room for the next raster's results.
        OutputError: The table cannot be written, or pyarrow is missing for GeoParquet.
        Cancelled: The user asked for it.
        RoadExtractorError: The model cannot be loaded, or the networks not be merged.
    """
    try:
        if request.merge and request.merged_format == PARQUET:
            require_pyarrow()
        rasters = find_rasters(request)
        watcher.found(rasters)
        batch = _Batch(request, runner, watcher, feedback)
        with batch_mark(request.output_folder, batch.has_done_any):
            outcomes = batch.run(rasters)
            merged = batch.merge(outcomes) if request.merge else None
    except Cancelled as error:
        raise Cancelled("What is finished stays; the same batch goes on from there") from error
    finally:
        runner.close()
    feedback.progress(1.0, "done")
    return BatchResult(outcomes, request.table, request.merged_roads if merged else None, merged)


class _Batch:
    """A batch under way."""

    def __init__(self, request: BatchRequest, runner: RasterRunner, watcher: BatchWatcher, feedback: Feedback) -> None:
        self._request = request
        self._runner = runner
        self._watcher = watcher
        self._feedback = feedback
        card = read_card(request.each.model, request.each.model_options)
        self._settings = request.each.trace.settings(card.thresholds)
        self._table = BatchTable(request)

    def has_done_any(self) -> bool:
        """Whether a raster was done in this batch."""
        return any(outcome.status == DONE for outcome in self._table.outcomes)

    def run(self, rasters: Sequence[Path]) -> tuple[RasterOutcome, ...]:
        """Rules 1 and 2."""
        table = self._table
        decided, jobs = sort_out(self._request, rasters)
        for outcome in decided:
            if outcome.status == SKIPPED:
                forget_regions(outcome.paths)
        part = PartOf(self._feedback, 0.0, _MERGING if self._request.merge else 1.0)
        try:
            for outcome in chain(decided, self._runner.outcomes(jobs, self._watcher, part)):
                table.add(outcome)
                self._watcher.finished(outcome)
        finally:
            if table.outcomes:
                table.write()
        return table.outcomes

    def merge(self, outcomes: Iterable[RasterOutcome]) -> RoadCounts | None:
        """Rule 3: one network of all rasters that have results."""
        probabilities = [outcome.paths.probability for outcome in outcomes if outcome.status != FAILED]
        present = [path for path in probabilities if path.exists()]
        if len(present) < len(probabilities):
            missing = len(probabilities) - len(present)
            self._feedback.warning(f"{missing} rasters have no probability raster and are not in the merged network.")
        if not present:
            return None
        part, roads = PartOf(self._feedback, _MERGING, 1.0), self._request.merged_roads
        merged = merge_networks(present, roads, self._runner.tracer(), self._settings, part)
        if merged is not None and self._request.merged_format == PARQUET:
            write_layers(roads)
        return merged


def sort_out(request: BatchRequest, rasters: Sequence[Path]) -> tuple[list[RasterOutcome], list[RasterJob]]:
    """What can be told at once (rule 1), and what is to be done."""
    earlier = EarlierResults.of(request)
    decided: list[RasterOutcome] = []
    open_ones: list[Path] = []
    taken: dict[Path, Path] = {}
    for raster in rasters:
        paths = OutputPaths(request.job(raster).output_folder, raster.stem)
        other = taken.setdefault(paths.report, raster)
        if other != raster:
            message = f"Its results would have the same names as those of '{other.name}'. Rename one of the two."
            decided.append(RasterOutcome(raster, paths, FAILED, 0.0, message))
        else:
            kept = earlier.kept(raster, paths)
            decided.extend([kept] if kept else [])
            open_ones.extend([] if kept else [raster])
    return decided, _jobs(request, open_ones)


def _jobs(request: BatchRequest, rasters: Sequence[Path]) -> list[RasterJob]:
    """Each raster's share of the work is that of its file's size."""
    sizes = [raster.stat().st_size + 1 if raster.exists() else 1 for raster in rasters]
    total, count = sum(sizes), len(sizes)
    return [
        RasterJob(raster, request.job(raster), size / total, f"{raster.name} ({number} of {count})")
        for number, (raster, size) in enumerate(zip(rasters, sizes), start=1)
    ]
