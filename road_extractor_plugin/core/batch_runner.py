"""Who runs the rasters of a batch: this process, one after another; `core.cluster` has the other answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Callable, Protocol

from road_extractor_plugin.compute.protocol import Compute, Tracer
from road_extractor_plugin.contract.batch import BatchWatcher, RasterJob, RasterOutcome
from road_extractor_plugin.contract.errors import Cancelled, ComputeError, DiskFullError, RoadExtractorError
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import ExtractResult
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.core.progress import PartOf

OpenCompute = Callable[[ExtractRequest], Compute]
"""Loads the model of a request."""


class RasterRunner(Protocol):
    """Runs the rasters of a batch."""

    def outcomes(self, jobs: Sequence[RasterJob], watcher: BatchWatcher, feedback: Feedback) -> Iterator[RasterOutcome]:
        """Run all jobs, and tell what became of each as soon as it is known, in any order.

        Args:
            jobs: What to run; a raster that fails stops no other.
            watcher: Told when a raster is begun, and nothing else.
            feedback: Told of the progress of all jobs together; asked whether to stop.

        Raises:
            Cancelled: The user asked for it; no raster is half done.
            DiskFullError: There is no room for the next raster's results.
            RoadExtractorError: No raster can be run, such as for a model that cannot be loaded.
        """

    def tracer(self) -> Tracer:
        """Who traces the network of all rasters, after the last one."""

    def close(self) -> None:
        """Free what is held; may be called more than once."""


class OneAfterAnother:
    """Runs them here. The model stays loaded; after the network failed it is loaded anew.

    Args:
        each: Names the model.
        open_compute: Loads it.
    """

    def __init__(self, each: ExtractRequest, open_compute: OpenCompute) -> None:
        self._each = each
        self._open_compute = open_compute
        self._compute: Compute | None = None

    def outcomes(self, jobs: Sequence[RasterJob], watcher: BatchWatcher, feedback: Feedback) -> Iterator[RasterOutcome]:
        """See `RasterRunner.outcomes`; the order is that of the jobs."""
        if jobs:
            self._opened()  # a model that cannot be loaded is no fault of the first raster
        done = 0.0
        for job in jobs:
            stop_if_cancelled(feedback)
            watcher.started(job.raster)
            yield self._one(job, _NamedPart(feedback, done, done + job.share, job.label))
            done += job.share

    def tracer(self) -> Tracer:
        """See `RasterRunner.tracer`: what runs the network traces too."""
        return self._opened()

    def close(self) -> None:
        """Free the model."""
        compute, self._compute = self._compute, None
        if compute is not None:
            compute.close()

    def _opened(self) -> Compute:
        if self._compute is None:
            self._compute = self._open_compute(self._each)
        return self._compute

    def _one(self, job: RasterJob, feedback: Feedback) -> RasterOutcome:
        started = time.monotonic()
        try:
            result = self._extract(job.request, feedback)
        except (Cancelled, DiskFullError):
            raise
        except RoadExtractorError as error:
            return job.failed(str(error), time.monotonic() - started)
        return job.done(result, time.monotonic() - started)

    def _extract(self, request: ExtractRequest, feedback: Feedback) -> ExtractResult:
        try:
            return extract(request, self._opened(), feedback)
        except ComputeError:
            self.close()  # what failed may be the device, which only a new start brings back
            raise


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
