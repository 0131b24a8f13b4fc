"""What a worker of a cluster does. Imported only where `distributed` is installed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable, cast

from distributed import Worker, WorkerPlugin, get_worker

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.errors import ComputeError
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.core.raster_tasks import Result, Task

OpenWithThreads = Callable[[ExtractRequest, int], Compute]
"""Loads the model of a request, to run on so many processor threads. Travels to the workers by its name."""

ONE_TASK = "road-extractor-task"
"""Each worker process has one of this, whatever its threads, and each task needs it."""
_TELL_EVERY_S = 1.0


class RoadWorker(WorkerPlugin):
    """What a worker process keeps from raster to raster: the model.

    Args:
        batch: Name of the batch, also of the topic under which the rasters tell of themselves.
        open_compute: Loads the model.
        obeys_batch_only: Whether the worker is a process of the batch, which ends it; Ctrl-C in the terminal of both is
            then for the batch.
    """

    def __init__(self, batch: str, open_compute: OpenWithThreads, *, obeys_batch_only: bool) -> None:
        self.name = batch
        self._open_compute = open_compute
        self._obeys_batch_only = obeys_batch_only

    async def setup(self, worker: Worker) -> None:
        """Begin, in the worker process; it gives the network as many threads as it was started with."""
        self._threads = worker.state.nthreads
        self._compute: Compute | None = None
        self._busy = threading.Lock()
        self.stop = threading.Event()
        if self._obeys_batch_only:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        await worker.set_resources(**{ONE_TASK: 1})

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002  (as Dask calls it)
        """Free the model."""
        self._close()

    @property
    def is_busy(self) -> bool:
        """Whether a task is under way."""
        return self._busy.locked()

    def run(self, task: Task, feedback: WorkerFeedback) -> Result:
        """Run one task, in a thread of the worker.

        Raises:
            RoadExtractorError: It failed; whether to try again is decided elsewhere.
        """
        with self._busy, self._loaded(task.job.request) as compute:
            return task.run(compute, feedback)

    @contextmanager
    def _loaded(self, request: ExtractRequest) -> Iterator[Compute]:
        if self._compute is None:
            self._compute = self._open_compute(request, self._threads)
        try:
            yield self._compute
        except ComputeError:
            self._close()  # what failed may be the device, which only a new start brings back
            raise

    def _close(self) -> None:
        compute, self._compute = self._compute, None
        if compute is not None:
            compute.close()


class WorkerFeedback:
    """Tells the batch now and then how far a task is."""

    def __init__(self, worker: Worker, batch: str, number: int, stop: threading.Event) -> None:
        self._worker = worker
        self._batch = batch
        self._number = number
        self._stop = stop
        self._next_s = 0.0

    def progress(self, fraction: float, stage: str) -> None:
        """See `Feedback.progress`."""
        if time.monotonic() >= self._next_s:
            self._tell(fraction, stage)

    def begun(self) -> None:
        """The task is begun here, perhaps not for the first time."""
        self._tell(0.0, "")

    def warning(self, text: str) -> None:
        """Comes with the outcome."""

    def is_cancelled(self) -> bool:
        """See `Feedback.is_cancelled`."""
        return self._stop.is_set()

    def _tell(self, fraction: float, stage: str) -> None:
        message = {"task": self._number, "worker": self._worker.address, "fraction": fraction, "stage": stage}
        self._worker.log_event(self._batch, message)
        self._next_s = time.monotonic() + _TELL_EVERY_S


def run_task(task: Task, number: int, batch: str) -> Result:
    """What Dask runs: the task of this number."""
    worker = get_worker()
    keeper = _keeper(worker, batch)
    feedback = WorkerFeedback(worker, batch, number, keeper.stop)
    feedback.begun()
    return keeper.run(task, feedback)


def ask_to_stop(batch: str, dask_worker: Worker) -> None:
    """Let the task under way stop at the next tile, and those that follow at once."""
    _keeper(dask_worker, batch).stop.set()


def is_busy(batch: str, dask_worker: Worker) -> bool:
    """Whether a task is under way in a worker."""
    return _keeper(dask_worker, batch).is_busy


def _keeper(worker: Worker, batch: str) -> RoadWorker:
    return cast("RoadWorker", worker.plugins[batch])
