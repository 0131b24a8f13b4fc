"""The command `batch`."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from road_extractor_plugin.cli.extract import add_run_options, run_request
from road_extractor_plugin.cli.plan import plan_in_words
from road_extractor_plugin.cli.terminal import TerminalFeedback, say
from road_extractor_plugin.contract.batch import (
    DONE,
    FAILED,
    GPKG,
    MERGED_FORMATS,
    RASTER_PATTERNS,
    SKIPPED,
    BatchRequest,
    BatchResult,
    RasterOutcome,
)
from road_extractor_plugin.contract.errors import BatchError, Cancelled, RequestError
from road_extractor_plugin.contract.feedback import Feedback

if TYPE_CHECKING:
    from road_extractor_plugin.core.batch_runner import RasterRunner


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.set_defaults(command=_run)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder with rasters, searched with those below")
    parser.add_argument(
        "--pattern",
        action="append",
        metavar="NAME",
        help=f"names of rasters, such as 'ortho_*.tif'; may be repeated (default: {' '.join(RASTER_PATTERNS)})",
    )
    parser.add_argument("--not-recursive", action="store_true", help="leave the folders below alone")
    parser.add_argument(
        "--skip-existing",
        action="store_true",
        help="keep all results that are there, of whatever run; those of a batch that was stopped are kept anyhow",
    )
    parser.add_argument("--no-merge", action="store_true", help="do not make one network of all rasters")
    parser.add_argument(
        "--merged-format", choices=MERGED_FORMATS, default=GPKG, help="write that network as GeoParquet too"
    )
    several = parser.add_mutually_exclusive_group()
    several.add_argument("--workers", type=int, default=1, metavar="N", help="run in so many processes of this machine")
    several.add_argument(
        "--scheduler", metavar="ADDRESS", help="run on the workers of a Dask cluster, such as tcp://HOST:8786"
    )
    parser.add_argument(
        "--split",
        type=int,
        default=BatchRequest.split_tiles,
        metavar="TILES",
        help="let several workers share a raster of more tiles than this (default: %(default)s)",
    )
    parser.add_argument(
        "--plan", action="store_true", help="only tell how long it takes and how much room, from a few tiles"
    )
    add_run_options(parser)


def _run(options: argparse.Namespace) -> None:
    request = BatchRequest(
        folder=options.folder,
        output_folder=options.output,
        each=run_request(options, options.folder),
        patterns=tuple(options.pattern or RASTER_PATTERNS),
        recursive=not options.not_recursive,
        skip_existing=options.skip_existing,
        merge=not options.no_merge,
        split_tiles=options.split,
        merged_format=options.merged_format,
    )
    if options.workers < 1:
        raise RequestError("workers", options.workers, "1 or more")
    feedback = TerminalFeedback(options.folder.name, quiet=options.quiet)
    try:
        if options.plan:
            _plan(options, request, feedback)
        else:
            _do(options, request, feedback)
    finally:
        feedback.finish()


def _plan(options: argparse.Namespace, request: BatchRequest, feedback: TerminalFeedback) -> None:
    from road_extractor_plugin.core.batch_plan import plan_batch
    from road_extractor_plugin.engine.open_compute import open_compute

    if options.scheduler:
        raise BatchError(
            "--plan measures on this machine only", "Give the number of machines like this one as --workers N"
        )
    plan = plan_batch(request, options.workers, open_compute, feedback)
    feedback.finish()
    print(json.dumps(dataclasses.asdict(plan), indent=2) if options.json else plan_in_words(plan))


def _do(options: argparse.Namespace, request: BatchRequest, feedback: TerminalFeedback) -> None:
    from road_extractor_plugin.core.batch import run_batch

    runner = _runner(options, request, feedback)
    try:
        result = run_batch(request, runner, _Lines(feedback, quiet=options.quiet), feedback)
    except KeyboardInterrupt as stop:
        raise Cancelled("What is finished stays; the same command goes on from there") from stop
    feedback.finish()
    print(json.dumps(_summary(result), indent=2, ensure_ascii=False) if options.json else _readable(result))
    if result.count(FAILED):
        raise BatchError(
            f"{result.count(FAILED)} of {len(result.outcomes)} rasters failed",
            f"'{result.table}' says why; put it right and run again with --skip-existing",
        )


def _runner(options: argparse.Namespace, request: BatchRequest, feedback: Feedback) -> RasterRunner:
    """Who runs the rasters."""
    from road_extractor_plugin.core.batch_runner import OneAfterAnother
    from road_extractor_plugin.core.cluster import on_scheduler, on_workers
    from road_extractor_plugin.engine.open_compute import open_compute, open_tracer

    if options.scheduler:
        return on_scheduler(options.scheduler, request, open_compute, open_tracer)
    if options.workers > 1:
        return on_workers(options.workers, request, open_compute, open_tracer, feedback)
    return OneAfterAnother(request.each, open_compute)


class _Lines:
    """A line on stderr for each raster."""

    def __init__(self, feedback: TerminalFeedback, *, quiet: bool) -> None:
        self._feedback = feedback
        self._quiet = quiet

    def found(self, rasters: tuple[Path, ...]) -> None:
        """See `BatchWatcher.found`."""
        if not self._quiet:
            say(f"{len(rasters)} rasters", end="\n")

    def started(self, raster: Path) -> None:
        """See `BatchWatcher.started`."""

    def finished(self, outcome: RasterOutcome) -> None:
        """See `BatchWatcher.finished`."""
        if self._quiet and outcome.status != FAILED:
            return
        self._feedback.finish()
        road = "" if outcome.length_km is None else f"{outcome.length_km:.2f} km of road in {outcome.seconds:.1f} s. "
        say(f"{outcome.raster.name}: {outcome.status}. {road}{outcome.message}".rstrip(), end="\n")


def _readable(result: BatchResult) -> str:
    length_km = sum(outcome.length_km or 0.0 for outcome in result.outcomes)
    counts = ", ".join(f"{result.count(status)} {status}" for status in (DONE, SKIPPED, FAILED))
    lines = [f"{counts}; {length_km:.2f} km of road: {result.table}"]
    if result.merged is not None:
        lines.append(f"{result.merged.length_km:.2f} km in one network: {result.merged_roads}")
    return "\n".join(lines)


def _summary(result: BatchResult) -> dict[str, object]:
    """The result as plain values."""
    rasters = [
        {**dataclasses.asdict(outcome), "raster": str(outcome.raster), "paths": str(outcome.paths.folder)}
        for outcome in result.outcomes
    ]
    merged = None if result.merged is None else dataclasses.asdict(result.merged)
    roads = None if result.merged_roads is None else str(result.merged_roads)
    return {"rasters": rasters, "table": str(result.table), "merged_roads": roads, "merged": merged}
