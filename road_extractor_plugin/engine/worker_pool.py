"""Worker processes that stay warm between runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from road_extractor_plugin.contract.errors import Cancelled
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import Device
from road_extractor_plugin.engine.interpreter import Interpreter, find_interpreter
from road_extractor_plugin.engine.worker_process import WorkerProcess

_ANSWER_LIMIT_S = 5.0
"""An idle worker that does not answer within it is replaced."""


@dataclass(frozen=True)
class WorkerChoice:
    """What the user says about the worker."""

    interpreter: Optional[Path] = None
    """The Python that it runs on; None finds one."""
    environment: Optional[Path] = None
    """Folder of the virtual environment for the engine, whether it is made or not."""
    idle_s: float = 600.0
    """An idle worker is ended after this time: it holds the model, and memory of the graphics card."""


@dataclass(frozen=True)
class ModelKey:
    """What makes a loaded model the one that is wanted."""

    path: Path
    modified_ns: int
    size_bytes: int
    card: ModelCard
    device: str

    @classmethod
    def of(cls, request: ExtractRequest, card: ModelCard) -> ModelKey:
        """That of a request, for the file as it is now."""
        path = request.model.resolve()
        stat = path.stat()
        return cls(path, stat.st_mtime_ns, stat.st_size, card, request.device)


@dataclass(eq=False)
class Worker:
    """A process, and what it has loaded."""

    process: WorkerProcess
    interpreter: Interpreter
    model: ModelKey | None = None
    device: Device | None = None
    """What the model runs on."""


class WorkerPool:
    """Lends workers. One that comes back is kept for the next, for a while; there is never more than one idle."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: Worker | None = None
        self._timer: threading.Timer | None = None
        self._lent: set[Worker] = set()
        self._is_closed = False

    def take(self, choice: WorkerChoice) -> Worker:
        """The idle worker, or a new one that may not be up yet; to be given back.

        Raises:
            Cancelled: The pool is closed.
            ComputeError: There is no Python for it, or that cannot be started.
        """
        interpreter = find_interpreter(choice.interpreter, choice.environment)
        with self._lock:
            worker = self._without_idle()
        if worker is not None and not (worker.interpreter == interpreter and worker.process.answers(_ANSWER_LIMIT_S)):
            worker.process.close()
            worker = None
        with self._lock:
            if not self._is_closed:
                worker = worker or Worker(WorkerProcess(interpreter), interpreter)
                self._lent.add(worker)
                return worker
        if worker is not None:
            worker.process.close()
        raise Cancelled

    def give_back(self, worker: Worker, choice: WorkerChoice, *, is_sound: bool) -> None:
        """Keep a worker for the next run, unless something went wrong with it or another one is idle already."""
        with self._lock:
            self._lent.discard(worker)
            is_kept = is_sound and self._idle is None and not self._is_closed and worker.process.is_alive
            if is_kept:
                self._idle = worker
                self._timer = threading.Timer(choice.idle_s, self._end_idle, [worker])
                self._timer.daemon = True
                self._timer.start()
        if not is_kept:
            worker.process.close()

    def end_idle(self) -> None:
        """End the worker that waits, if one does; the next run gets a new one."""
        with self._lock:
            worker = self._without_idle()
        if worker is not None:
            worker.process.close()

    def close(self) -> None:
        """End all workers, lent ones too; whoever waits for them gets `Cancelled`."""
        with self._lock:
            self._is_closed = True
            idle = self._without_idle()
            workers = [*self._lent, *([idle] if idle else [])]
        for worker in workers:
            worker.process.close()

    def _end_idle(self, worker: Worker) -> None:
        with self._lock:
            if self._idle is not worker:
                return
            self._without_idle()
        worker.process.close()

    def _without_idle(self) -> Worker | None:
        """Take the idle worker out; the lock is held."""
        if self._timer is not None:
            self._timer.cancel()
        worker, self._idle, self._timer = self._idle, None, None
        return worker
