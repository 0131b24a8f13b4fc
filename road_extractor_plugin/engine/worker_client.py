"""Work that a worker process does: borrowing it, and hearing how far it is."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from road_extractor_plugin.contract.errors import Cancelled, RoadExtractorError
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.engine.wire import Message, WireError
from road_extractor_plugin.engine.worker_pool import Worker, WorkerChoice, WorkerPool
from road_extractor_plugin.engine.worker_process import Conversation

_POLL_S = 0.1
_CANCEL_LIMIT_S = 0.4
"""Work that was cancelled stops between two steps; after this time its process is ended."""


class WorkerClient:
    """Has work done in a worker, which is lent at the first need of it.

    Args:
        pool: Who lends it.
        choice: Which one.
    """

    def __init__(self, pool: WorkerPool, choice: WorkerChoice) -> None:
        self._pool = pool
        self._choice = choice
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._is_interrupted = False
        self._is_sound = True

    def interrupt(self) -> None:
        """End the worker at once, from any thread; whoever waits for it gets `Cancelled`. Harmless after `close`."""
        with self._lock:
            self._is_interrupted = True
            if self._worker is not None:
                self._worker.process.kill()

    def close(self) -> None:
        """Give the worker back; it stays warm for the next."""
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            self._pool.give_back(worker, self._choice, is_sound=self._is_sound)

    @contextlib.contextmanager
    def asking(self) -> Iterator[Worker]:
        """A worker that is up. After an error the next run gets a new one."""
        try:
            with self._lock:
                if self._is_interrupted:
                    raise Cancelled
                if self._worker is None:
                    self._worker = self._pool.take(self._choice)
                worker = self._worker
            worker.process.await_hello()
            yield worker
        except RoadExtractorError as error:
            self._is_sound = self._is_sound and isinstance(error, Cancelled)
            raise


class LongTalk:
    """The conversation about work that takes a while: progress comes, and it may be cancelled.

    Args:
        worker: Who works.
        conversation: Begun with what is wanted.
        feedback: Is told how far it is.
    """

    def __init__(self, worker: Worker, conversation: Conversation, feedback: Feedback) -> None:
        self._worker = worker
        self.conversation = conversation
        self._feedback = feedback
        self._cancelled_at_s: float | None = None

    def until_done(self) -> Message:
        """Answer the worker until it is done; its last message.

        Raises:
            RoadExtractorError: What went wrong there, or `Cancelled`.
        """
        while True:
            self._look_at_cancel()
            message = self.conversation.next(_POLL_S)
            if message is None:
                continue
            if message.kind == "done":
                stop_if_cancelled(self._feedback)  # it was done before it heard of that
                return message
            self.attend(message)

    def attend(self, message: Message) -> None:
        """Do what a message before the last asks for."""
        if message.kind == "progress":
            self._feedback.progress(message.values["fraction"], message.values["stage"])
        elif message.kind == "warning":
            self._feedback.warning(message.values["text"])
        else:
            raise WireError(f"'{message.kind}' while it works")

    def hear_end(self) -> None:
        """Wait until the worker says that it ends the work, having been told that it must; end one that does not."""
        limit_s = time.monotonic() + _CANCEL_LIMIT_S
        with contextlib.suppress(RoadExtractorError):
            while (message := self.conversation.next(_POLL_S)) is None or message.kind != "done":
                if time.monotonic() > limit_s:
                    self._worker.process.kill()

    def _look_at_cancel(self) -> None:
        if self._cancelled_at_s is None:
            if self._feedback.is_cancelled():
                self.conversation.tell("cancel", {})
                self._cancelled_at_s = time.monotonic()
        elif time.monotonic() - self._cancelled_at_s > _CANCEL_LIMIT_S:
            self._worker.process.kill()
