"""Prepare a data set: plan, estimate, cut in several processes, and write the manifest."""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from model_training.errors import PreparationError
from model_training.preparation.crops import CropPlace, CropRecord, LeftOut, is_intact, write_crop
from model_training.preparation.manifest import (
    JOURNAL,
    LEFT_OUT,
    Journal,
    check_same_request,
    read_left_out,
    read_records,
    write_left_out,
    write_manifest,
    write_request,
)
from model_training.preparation.scenes import Outline, open_scene, outline
from model_training.preparation.settings import Cutting, Settings
from model_training.preparation.sources import Source
from model_training.preparation.splits import Splits
from model_training.preparation.windows import crop_windows
from road_extractor_plugin.contract.errors import DiskFullError, RoadExtractorError
from road_extractor_plugin.contract.grid import Window

_BYTES_PER_PIXEL = 2.4
"""Of a crop's PNG files together: those of Massachusetts take 2.4, of DeepGlobe 1.7."""
_JOB_CROPS = 64
"""At most so many crops are one piece of work, so that a large raster is shared among processes."""
_BY_FRAME, _BY_VALID_SHARE = "empty frame", "too little imagery"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What to prepare."""

    sources: Sequence[Source]
    splits: Splits
    """Split of each source by its name."""
    settings: Settings


@dataclass(frozen=True)
class Job:
    """Crops of one image, made by one process."""

    source: Source
    found: Outline
    places: tuple[CropPlace, ...]
    records: tuple[CropRecord, ...]
    """Of those crops that an earlier run has made."""
    left_out: tuple[LeftOut, ...]
    """Those that an earlier run has left out."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job. Errors travel as text: not every exception can be sent from process to process."""

    records: tuple[CropRecord, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    error: str | None = None


def prepare(request: Request, folder: Path, *, workers: int, dry_run: bool) -> None:
    """Cut all crops that are not there yet, then write the manifest.

    Args:
        request: What to prepare.
        folder: Where the crops go; may hold those of an interrupted run with the same settings.
        workers: Processes; 1 works in this one.
        dry_run: Only say what would be done.

    Raises:
        DatasetError: The folder holds crops of another request.
        DiskFullError: The disk is too small.
        PreparationError: Some files could not be used; all others are done.
    """
    check_same_request(folder, request.settings, request.splits)
    jobs = plan_jobs(request, read_records(folder), read_left_out(folder))
    missing_bytes = _tell_plan(jobs, folder)
    if dry_run:
        return
    free_bytes = shutil.disk_usage(_existing(folder)).free
    if missing_bytes > free_bytes:
        raise DiskFullError(folder, missing_bytes, free_bytes)
    write_request(folder, request.settings, request.splits)
    records: list[CropRecord] = []
    left_out: list[LeftOut] = []
    errors: list[str] = []
    with (
        Journal(folder / JOURNAL) as journal,
        Journal(folder / LEFT_OUT) as left_out_journal,
        tqdm(total=_crop_count(jobs), unit="crop", desc="cutting", disable=None) as bar,
    ):
        for job, outcome in _outcomes(jobs, request.settings, folder, workers):
            journal.add(outcome.records)
            left_out_journal.add(outcome.left_out)
            records += outcome.records
            left_out += outcome.left_out
            errors += [outcome.error] if outcome.error else []
            bar.update(len(job.places))
    if errors:
        raise PreparationError(errors)
    _warn_of_roadless(records)
    write_left_out(folder, left_out)
    _tell_left_out(left_out, folder)
    _log.info("%d crops in '%s'", len(records), write_manifest(folder, records))


def _warn_of_roadless(records: Sequence[CropRecord]) -> None:
    with_road = {record.source for record in records if record.road_fraction > 0}
    labelled = {record.source for record in records if not math.isnan(record.road_fraction)}
    roadless = sorted(labelled - with_road)
    if roadless:
        sentence = "Images without any road: %d, '%s' first; check that these labels belong to them."
        _log.warning(sentence, len(roadless), roadless[0])


def _tell_left_out(left_out: Sequence[LeftOut], folder: Path) -> None:
    for reason in sorted({crop.reason for crop in left_out}):
        sources = [crop.source for crop in left_out if crop.reason == reason]
        sentence = "%d crops of %d images left out (%s); see '%s'"
        _log.info(sentence, len(sources), len(set(sources)), reason, folder / LEFT_OUT)


def plan_jobs(request: Request, records: dict[str, CropRecord], left_out: dict[str, LeftOut]) -> tuple[Job, ...]:
    """Cut the work into pieces, from the images' headers alone.

    Raises:
        RoadExtractorError: An image cannot be read.
    """
    jobs = []
    for source in tqdm(request.sources, unit="image", desc="looking", leave=False, disable=None):
        found = outline(source, request.settings)
        places = _places(source, found, request.splits[source.name], request.settings.cutting)
        for start in range(0, len(places), _JOB_CROPS):
            part = places[start : start + _JOB_CROPS]
            made = tuple(records[place.crop] for place in part if place.crop in records)
            without = tuple(left_out[place.crop] for place in part if place.crop in left_out)
            jobs.append(Job(source, found, part, made, without))
    return tuple(jobs)


def _places(source: Source, found: Outline, split: str, cutting: Cutting) -> tuple[CropPlace, ...]:
    grid = found.plan.grid
    return tuple(
        CropPlace(crop.crop_name(source.name), split, source.name, crop.window, found.ground_resolution_m)
        for crop in crop_windows(grid.height_px, grid.width_px, cutting, split)
    )


def _crop_count(jobs: Sequence[Job]) -> int:
    return sum(len(job.places) for job in jobs)


def _tell_plan(jobs: Sequence[Job], folder: Path) -> int:
    """Log how much there is to do, and estimate the bytes still to be written."""
    crops: Counter[str] = Counter()
    images: dict[str, set[str]] = {}
    missing_px = 0
    for job in jobs:
        known = {record.crop for record in job.records} | {crop.crop for crop in job.left_out}
        missing_px += sum(p.window.height * p.window.width for p in job.places if p.crop not in known)
        split = job.places[0].split
        crops[split] += len(job.places)
        images.setdefault(split, set()).add(job.source.name)
    for split in sorted(crops):
        _log.info("%s: %d images, %d crops", split, len(images[split]), crops[split])
    missing_bytes = int(missing_px * _BYTES_PER_PIXEL)
    free_bytes = shutil.disk_usage(_existing(folder)).free
    _log.info("about %.3g GB to write, %.3g GB free at '%s'", missing_bytes / 1e9, free_bytes / 1e9, folder)
    return missing_bytes


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())


def _outcomes(jobs: Sequence[Job], settings: Settings, folder: Path, workers: int) -> Iterator[tuple[Job, Outcome]]:
    if workers == 1:
        for job in jobs:
            yield job, do_job(job, settings, folder)
        return
    # Not forked: GDAL's state does not survive that on every system.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_follow_parent)
    try:
        futures = {pool.submit(do_job, job, settings, folder): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _follow_parent() -> None:
    """Leave Ctrl+C to the parent process, and end when it does, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def do_job(job: Job, settings: Settings, folder: Path) -> Outcome:
    """Make the crops of a job that are not there yet."""
    changed_ns = job.source.changed_ns
    kept = [record for record in job.records if is_intact(folder, record, changed_ns)]
    left_out = [crop for crop in job.left_out if crop.source_changed_ns == changed_ns]
    done = {record.crop for record in kept} | {crop.crop for crop in left_out}
    missing = [place for place in job.places if place.crop not in done]
    error = None
    try:
        for crop in _cut(job, missing, settings, folder) if missing else ():
            if isinstance(crop, LeftOut):
                left_out.append(crop)
            else:
                kept.append(crop)
    except RoadExtractorError as problem:
        error = str(problem)
    return Outcome(tuple(kept), tuple(left_out), error)


def _cut(job: Job, places: Sequence[CropPlace], settings: Settings, folder: Path) -> Iterator[CropRecord | LeftOut]:
    """Make crops as they are asked for, or say why not.

    Raises:
        RoadExtractorError: A file cannot be used.
    """

    def left_out(place: CropPlace, reason: str) -> LeftOut:
        return LeftOut(place.crop, place.source, reason, job.source.changed_ns)

    scene = open_scene(job.source, settings, job.found, _around(places))
    if scene is None:
        yield from (left_out(place, _BY_FRAME) for place in places)
        return
    with scene:
        for place in places:
            piece = scene.read(place.window)
            is_enough = piece.valid.mean() > settings.least_valid
            yield write_crop(folder, place, piece) if is_enough else left_out(place, _BY_VALID_SHARE)


def _around(places: Sequence[CropPlace]) -> Window:
    windows = [place.window for place in places]
    top, left = min(window.row for window in windows), min(window.column for window in windows)
    bottom = max(window.row + window.height for window in windows)
    right = max(window.column + window.width for window in windows)
    return Window(top, left, bottom - top, right - left)
