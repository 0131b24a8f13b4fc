"""Runs the rasters of a batch on the workers of a cluster. Imported only where `distributed` is installed."""

from __future__ import annotations

import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Callable, cast

from distributed import Client, Future, KilledWorker
from distributed.protocol.pickle import dumps

from road_extractor_plugin.compute.protocol import Tracer
from road_extractor_plugin.contract.batch import FAILED, BatchRequest, BatchWatcher, RasterJob, RasterOutcome
from road_extractor_plugin.contract.errors import (
    BatchError,
    ComputeError,
    DiskFullError,
    OutputExistsError,
    RoadExtractorError,
)
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.grid import TileGrid
from road_extractor_plugin.core.cluster_check import check_workers
from road_extractor_plugin.core.cluster_worker import (
    ONE_TASK,
    OpenWithThreads,
    RoadWorker,
    ask_to_stop,
    is_busy,
)
from road_extractor_plugin.core.raster_tasks import OneRegion, Result, Task, WholeRaster
from road_extractor_plugin.core.regions import FinishedRegion
from road_extractor_plugin.core.shared_raster import SharedRaster

_TRIES = 3
"""For a task whose network fails, or that meets something not foreseen."""
_KILLED = (
    "Each worker process that began it was ended, perhaps for lack of memory; the logs of the workers may say more."
)
_LOOK_EVERY_S = 0.2
"""For a wish to cancel, where no message comes sooner."""
_COUNT_WORKERS_EVERY_S = 2.0
_WAIT_FOR_STOP_S = 60.0
"""For tasks under way to leave nothing behind: until their next tile is done."""


class OnCluster:
    """A `RasterRunner`: one raster is one task, and each worker process has one at a time.

    A raster of very many tiles becomes a task for each of its regions, and one for what comes behind them.

    Args:
        client: Connected; closed with the runner.
        request: Names the folders and the model.
        open_compute: Loads the model in each worker process.
        open_tracer: Who traces here, at the end.
    """

    def __init__(
        self,
        client: Client,
        request: BatchRequest,
        open_compute: OpenWithThreads,
        open_tracer: Callable[[], Tracer],
    ) -> None:
        self._client = client
        self._request = request
        self._open_compute = open_compute
        self._open_tracer = open_tracer
        self._batch = f"road-extractor-{uuid.uuid4().hex[:8]}"
        self._is_known = False

    def outcomes(self, jobs: Sequence[RasterJob], watcher: BatchWatcher, feedback: Feedback) -> Iterator[RasterOutcome]:
        """See `RasterRunner.outcomes`; the order is that in which they end.

        Raises:
            BatchError: The workers do not see the folders, are of another version, or the scheduler is gone.
        """
        if not jobs:
            return
        try:
            check_workers(self._client, self._request, jobs[0].raster)
            is_ours = self._client.cluster is not None
            self._client.register_plugin(RoadWorker(self._batch, self._open_compute, obeys_batch_only=is_ours))
            self._is_known = True
            tasks = [WholeRaster(job, self._request.split_tiles) for job in jobs]
            yield from _Run(self._client, self._batch, tasks, watcher, feedback).outcomes()
        except (OSError, TimeoutError) as error:  # as all of Dask's calls say it
            raise _scheduler_gone() from error

    def tracer(self) -> Tracer:
        """See `RasterRunner.tracer`."""
        return self._open_tracer()

    def close(self) -> None:
        """Free the models, leave the cluster, and end it if it is of this process."""
        if self._client.status == "running" and self._is_known:
            self._client.unregister_worker_plugin(self._batch)
        cluster = self._client.cluster
        self._client.close()
        if cluster is not None:
            cluster.close()


@dataclass(frozen=True)
class _Ended:
    """Message: a task has ended, in whatever way."""

    number: int


class _Run:
    """Tasks under way. As many are handed out as there are workers, so that each worker begins what it gets."""

    def __init__(
        self, client: Client, batch: str, tasks: Sequence[WholeRaster], watcher: BatchWatcher, feedback: Feedback
    ) -> None:
        self._client = client
        self._batch = batch
        self._tasks: list[Task] = list(tasks)
        """Those of regions follow as they turn out to be needed; a task's number is its place here."""
        self._watcher = watcher
        self._feedback = feedback
        self._messages: SimpleQueue[Any] = SimpleQueue()
        """`_Ended`, or what `WorkerFeedback` tells, with the time in front."""
        self._waiting = deque(range(len(tasks)))
        self._futures: dict[int, Future[Result]] = {}
        self._tries: Counter[int] = Counter()
        self._begun_on: dict[int, str] = {}
        self._lost: set[int] = set()
        self._fractions: dict[int, float] = {}
        self._begun_s: dict[Path, float] = {}
        self._shared: dict[Path, SharedRaster] = {}
        self._done = 0.0
        self._workers = 0
        self._count_again_s = 0.0

    def outcomes(self) -> Iterator[RasterOutcome]:
        """Run all of them."""
        self._client.subscribe_topic(self._batch, self._messages.put)
        try:
            while self._waiting or self._futures:
                stop_if_cancelled(self._feedback)
                self._count_workers()
                while self._waiting and len(self._futures) < self._workers:
                    self._hand_out(self._waiting.popleft())
                outcome = self._next()
                if outcome is not None:
                    yield outcome
        finally:
            if self._futures:
                self._stop()
            for shared in self._shared.values():
                shared.close(keeps=True)

    def _count_workers(self) -> None:
        if time.monotonic() < self._count_again_s:
            return
        before, self._workers = self._workers, len(self._client.nthreads())
        if before and not self._workers:
            self._feedback.warning("No worker is left. The batch goes on as soon as there is one.")
        self._count_again_s = time.monotonic() + _COUNT_WORKERS_EVERY_S

    def _hand_out(self, number: int) -> None:
        self._tries[number] += 1
        task = dumps(self._tasks[number])
        future = self._client.submit(_on_worker(), task, number, self._batch, resources={ONE_TASK: 1}, pure=False)
        self._futures[number] = future
        future.add_done_callback(lambda _: self._messages.put(_Ended(number)))

    def _next(self) -> RasterOutcome | None:
        """Take one message; what became of a raster, if that is what it tells."""
        try:
            message = self._messages.get(timeout=_LOOK_EVERY_S)
        except Empty:
            return None
        if isinstance(message, _Ended):
            return self._ended(message.number)
        _, told = message
        if told["task"] in self._futures:
            self._tell(told["task"], told["worker"], told["fraction"], told["stage"])
        return None

    def _tell(self, number: int, worker: str, fraction: float, stage: str) -> None:
        """Pass on how far a task is; it begins where nothing is done yet."""
        task = self._tasks[number]
        if not stage:
            self._begin(number, worker)
        self._fractions[number] = fraction
        running = sum(self._tasks[other].share * done for other, done in self._fractions.items())
        self._feedback.progress(min(self._done + running, 1.0), f"{task.label}: {stage}" if stage else task.label)

    def _begin(self, number: int, worker: str) -> None:
        task, former = self._tasks[number], self._begun_on.get(number)
        if former is not None:
            self._lost.add(number)
            self._feedback.warning(f"The worker {former} was lost; {_name(task)} is done anew by {worker}.")
        self._begun_on[number] = worker
        self._started(task)

    def _started(self, task: Task) -> None:
        if task.job.raster not in self._begun_s:
            self._begun_s[task.job.raster] = time.monotonic()
            self._watcher.started(task.job.raster)

    def _ended(self, number: int) -> RasterOutcome | None:
        """What became of a raster; None if something of it is still to be done, or to be tried again."""
        future, task = self._futures.pop(number), self._tasks[number]
        self._fractions.pop(number, None)
        self._started(task)
        shared = self._shared.get(task.job.raster)
        if future.status not in {"finished", "error"}:
            raise _scheduler_gone()
        if shared and shared.failed:
            outcome: RasterOutcome | None = shared.failed
        elif future.status == "finished":
            outcome = self._follow(task, future.result())
        else:
            outcome = self._failed(number, future.exception())
        return outcome and self._last_word(task.job.raster, outcome)

    def _follow(self, task: Task, result: Result) -> RasterOutcome | None:
        """Hand in what a result asks for; that of a raster asks for nothing more."""
        raster = task.job.raster
        if isinstance(task, WholeRaster) and isinstance(result, TileGrid):
            self._shared[raster] = SharedRaster(task.job, result, task.split_tiles, max(self._workers, 1))
            self._hand_in(self._shared[raster].regions())
            return None
        self._done += task.share
        if isinstance(task, OneRegion) and isinstance(result, FinishedRegion):
            self._hand_in(self._shared[raster].add(task.rows, result))
            return None
        return cast("RasterOutcome", result)

    def _hand_in(self, tasks: Sequence[Task]) -> None:
        """They come next, before rasters that are not begun."""
        self._waiting.extendleft(reversed(range(len(self._tasks), len(self._tasks) + len(tasks))))
        self._tasks.extend(tasks)

    def _last_word(self, raster: Path, outcome: RasterOutcome) -> RasterOutcome | None:
        """What became of a raster, when no worker is busy with it any more."""
        shared = self._shared.get(raster)
        if shared is None:
            return outcome
        shared.failed = outcome if outcome.status == FAILED else None
        self._waiting = deque(number for number in self._waiting if self._tasks[number].job.raster != raster)
        if any(self._tasks[number].job.raster == raster for number in self._futures):
            return None
        self._shared.pop(raster).close(keeps=outcome.status == FAILED)
        return replace(outcome, seconds=self._seconds(raster))

    def _seconds(self, raster: Path) -> float:
        """Since it was begun."""
        return time.monotonic() - self._begun_s[raster]

    def _failed(self, number: int, error: BaseException) -> RasterOutcome | None:
        """Decide what an error means.

        1. A full disk ends the batch.
        2. Results in the way are of a worker that was taken for lost, if this one was, and are replaced.
        3. A task that ends one worker process after another is given up.
        4. A network that fails, and what is not foreseen, is tried again.
        5. After that, and for all else, the raster has failed. The log of the worker has the traceback.
        """
        task = self._tasks[number]
        job, seconds = task.job, self._seconds(task.job.raster)
        is_ours = isinstance(error, RoadExtractorError)
        if isinstance(error, DiskFullError):  # 1
            raise error
        if isinstance(error, OutputExistsError) and number in self._lost:  # 2
            self._tasks[number] = replace(task, job=replace(job, request=replace(job.request, overwrite=True)))
            self._try_again(number)
            return None
        if isinstance(error, KilledWorker):  # 3
            return job.failed(_KILLED, seconds)
        if (isinstance(error, ComputeError) or not is_ours) and self._tries[number] < _TRIES:  # 4
            where = self._begun_on.get(number, "a worker")
            self._feedback.warning(f"{_name(task)} failed on {where} and is tried again: {error}")
            self._try_again(number)
            return None
        why = str(error) if is_ours else f"Unexpectedly: {type(error).__name__}: {error}. Please report it."
        return job.failed(why, seconds)  # 5

    def _try_again(self, number: int) -> None:
        self._begun_on.pop(number, None)
        self._waiting.appendleft(number)

    def _stop(self) -> None:
        """Let the rasters under way leave nothing behind."""
        if self._client.status != "running":
            return
        self._client.cancel(list(self._futures.values()))
        self._client.run(ask_to_stop, self._batch, on_error="ignore")
        end_s = time.monotonic() + _WAIT_FOR_STOP_S
        while any(self._client.run(is_busy, self._batch, on_error="ignore").values()) and time.monotonic() < end_s:
            time.sleep(_LOOK_EVERY_S)


def _on_worker() -> Callable[[bytes, int, str], Result]:
    """What Dask runs. It travels as code and its task as bytes, for the scheduler opens both without Road Extractor."""

    def run_task(task: bytes, number: int, batch: str) -> Result:
        from distributed.protocol.pickle import loads

        from road_extractor_plugin.core import cluster_worker

        return cluster_worker.run_task(loads(task), number, batch)

    return run_task


def _name(task: Task) -> str:
    return task.label if isinstance(task, OneRegion) else f"'{task.job.raster.name}'"


def _scheduler_gone() -> BatchError:
    return BatchError(
        "The scheduler does not answer any more",
        "What is finished stays; start both again, and the batch by the same command",
    )
