"""Starting, watching and ending the worker process, and talking to it."""

from __future__ import annotations

import contextlib
import itertools
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from io import BufferedIOBase
from typing import Any, Callable, cast

from road_extractor_plugin.contract.errors import Cancelled, ComputeError, EngineFailedError, RoadExtractorError
from road_extractor_plugin.engine.interpreter import Interpreter, process_options
from road_extractor_plugin.engine.wire import (
    PROTOCOL,
    Array,
    Message,
    TruncatedError,
    WireError,
    receive,
    restored_error,
    send,
)
from road_extractor_plugin.engine.worker_end import ended_error

_LOG_LINES = 200
_LOG_LINE_BYTES = 2000
_REAP_LIMIT_S = 2.0

ErrorMaker = Callable[[], RoadExtractorError]


class WorkerProcess:
    """One worker process, from its start to its end.

    Any thread may ask and any may end it. Whoever waits for an answer is woken by the process's end and gets an error
    that says why it ended.

    Args:
        interpreter: The Python to start.
        start_limit_s: Within it the worker says hello. Python alone starts in a tenth of a second; a virus scanner may
            take its time.
        silence_limit_s: So long a worker that has work may be silent. It gives a sign of life each second, whatever
            the network does.

    Raises:
        ComputeError: It cannot be started.
    """

    def __init__(
        self, interpreter: Interpreter, *, start_limit_s: float = 120.0, silence_limit_s: float = 120.0
    ) -> None:
        self._process = _start(interpreter)
        self._start_limit_s = start_limit_s
        self._silence_limit_s = silence_limit_s
        self._sending = threading.Lock()
        self._state = threading.Lock()
        self._waiting: dict[int, Conversation] = {}
        self._numbers = itertools.count(1)
        self._messages_seen = 0
        self._is_up = False
        self._ended = threading.Event()
        self._make_error: ErrorMaker = Cancelled
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._hello = self._waiting[0] = Conversation(self, 0, watched=False)
        self._drainer = threading.Thread(target=self._drain, daemon=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        for thread in (self._drainer, self._reader, self._watcher):
            thread.start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return not self._ended.is_set() and self._process.poll() is None

    def await_hello(self) -> None:
        """Wait until it is up; after the first time that is at once.

        Raises:
            ComputeError: It does not come up, or is of another version.
            Cancelled: It was ended meanwhile.
        """
        if self._is_up:
            return
        hello = self._hello.next(self._start_limit_s)
        if hello is None:
            self.kill(lambda: self._silent_error(self._start_limit_s))
            raise self.why_ended()
        theirs = hello.values.get("protocol")
        if theirs != PROTOCOL:
            self.kill()
            raise ComputeError(
                f"The engine's process is of another version of Road Extractor (protocol {theirs}, not {PROTOCOL})",
                "Restart QGIS",
            )
        self._is_up = True

    def answers(self, limit_s: float) -> bool:
        """Whether it is alive and has nothing to do."""
        try:
            with self.converse("ping", {}) as conversation:
                return conversation.next(limit_s) is not None
        except RoadExtractorError:
            return False

    def ask(self, kind: str, values: Mapping[str, Any], *arrays: Array, watched: bool = True) -> Message:
        """Ask, and wait for the one answer.

        Args:
            kind: What is wanted.
            values: Whatever JSON knows.
            arrays: Sent without copies where they are contiguous.
            watched: Whether a long silence means that it hangs. Not so for what may block all threads of the worker.

        Raises:
            RoadExtractorError: What the worker says that went wrong, or why it ended.
        """
        with self.converse(kind, values, *arrays, watched=watched) as conversation:
            return conversation.answer()

    @contextlib.contextmanager
    def converse(
        self, kind: str, values: Mapping[str, Any], *arrays: Array, watched: bool = True
    ) -> Iterator[Conversation]:
        """Ask for what takes more than one answer; arguments and errors as in `ask`."""
        with self._state:
            number = next(self._numbers)
            conversation = self._waiting[number] = Conversation(self, number, watched=watched)
        try:
            conversation.tell(kind, values, *arrays)
            yield conversation
        finally:
            with self._state:
                del self._waiting[number]

    def kill(self, make_error: ErrorMaker = Cancelled) -> None:
        """End it at once, from any thread; whoever waits for it gets the error that `make_error` makes."""
        self._end(make_error)
        self._process.kill()

    def close(self) -> None:
        """End it, and wait until nothing is left of it."""
        self.kill()
        # Where the interpreter is a script, its child is the worker, and ends with its input.
        if self._sending.acquire(timeout=_REAP_LIMIT_S):
            with contextlib.suppress(OSError):  # what was not sent yet cannot be sent any more
                cast("BufferedIOBase", self._process.stdin).close()
            self._sending.release()
        for thread in (self._reader, self._drainer, self._watcher):
            thread.join(_REAP_LIMIT_S)

    def send(self, message: Message) -> None:
        """Send a message of a conversation.

        Raises:
            RoadExtractorError: Why the worker has ended.
        """
        if self._ended.is_set():
            raise self.why_ended()
        try:
            with self._sending:
                send(cast("BufferedIOBase", self._process.stdin), message)
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            self._ended.wait(_REAP_LIMIT_S)  # whoever reads knows better why
            self.kill(lambda: WireError("it does not listen"))
            raise self.why_ended() from error

    def why_ended(self) -> RoadExtractorError:
        """An error for one who waited in vain."""
        return self._make_error()

    def _end(self, make_error: ErrorMaker) -> None:
        """Wake all who wait. The first reason counts: those after it follow from it."""
        with self._state:
            if not self._ended.is_set():
                self._make_error = make_error
                self._ended.set()
            for conversation in self._waiting.values():
                conversation.put(None)

    def _read(self) -> None:
        """Hand out what the worker sends, until it ends; then reap it."""
        try:
            self._hand_out()
        except TruncatedError:
            pass  # how it ended says more
        except (WireError, OSError, MemoryError) as error:
            detail = error.detail if isinstance(error, WireError) else str(error)
            self.kill(lambda: WireError(detail))
        cast("BufferedIOBase", self._process.stdout).close()
        status = self._reap()
        self._drainer.join(_REAP_LIMIT_S)
        self._end(lambda: ended_error(status, tuple(self._log)))

    def _hand_out(self) -> None:
        stream = cast("BufferedIOBase", self._process.stdout)
        while True:
            message = receive(stream)
            if message is None:
                return
            self._messages_seen += 1
            conversation = self._waiting.get(message.request)
            if conversation is not None and message.kind != "alive":
                conversation.put(message)

    def _reap(self) -> int:
        try:
            return self._process.wait(_REAP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill(lambda: WireError("it closed its output"))
            return self._process.wait()

    def _drain(self) -> None:
        """Keep the last lines of stderr; a full pipe would stop the worker."""
        with cast("BufferedIOBase", self._process.stderr) as stream:
            for line in iter(lambda: stream.readline(_LOG_LINE_BYTES), b""):
                self._log.append(line.decode(errors="replace").rstrip())

    def _watch(self) -> None:
        """End a worker that hangs. Silence is counted in waits, so that the sleep of a laptop does not count."""
        wait_s = min(1.0, self._silence_limit_s / 4)
        silent_s, seen = 0.0, 0
        while not self._ended.wait(wait_s):
            with self._state:
                is_due = any(conversation.watched for conversation in self._waiting.values())
            silent_s = silent_s + wait_s if is_due and seen == self._messages_seen else 0.0
            seen = self._messages_seen
            if silent_s >= self._silence_limit_s:
                self.kill(lambda: self._silent_error(self._silence_limit_s))

    def _silent_error(self, limit_s: float) -> EngineFailedError:
        return EngineFailedError(
            f"The engine's process gave no sign of life for {limit_s:g} s and was ended",
            "Run it again; if it stays, choose another device or another Python for the engine",
            "\n".join(self._log),
        )


class Conversation:
    """A request and its answers.

    Args:
        process: Who answers.
        request: Its number.
        watched: See `WorkerProcess.ask`.
    """

    def __init__(self, process: WorkerProcess, request: int, *, watched: bool) -> None:
        self.watched = watched
        self._process = process
        self._request = request
        self._answers: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

    def tell(self, kind: str, values: Mapping[str, Any], *arrays: Array) -> None:
        """Say something more.

        Raises:
            RoadExtractorError: Why the worker has ended.
        """
        self._process.send(Message(kind, self._request, values, arrays))

    def put(self, message: Message | None) -> None:
        """Hand in an answer; None when the worker has ended."""
        self._answers.put(message)

    def answer(self) -> Message:
        """Wait for the next answer.

        Raises:
            RoadExtractorError: What the worker says that went wrong, or why it ended.
        """
        return self._understood(self._answers.get())

    def next(self, limit_s: float) -> Message | None:
        """The same, or None when there is none in time."""
        try:
            return self._understood(self._answers.get(timeout=limit_s))
        except queue.Empty:
            return None

    def _understood(self, message: Message | None) -> Message:
        if message is None:
            raise self._process.why_ended()
        if message.kind == "error":
            raise restored_error(message.values)
        if message.kind == "failed":
            raise EngineFailedError(
                f"Something unexpected happened in the engine's process ({message.values.get('what')})",
                "Please report it, with what stands in the log",
                str(message.values.get("log")),
            )
        return message


def _start(interpreter: Interpreter) -> subprocess.Popen[bytes]:
    try:
        # without a shell; the program is the Python of QGIS or the one that the user chose
        return subprocess.Popen(  # nosec B603
            interpreter.command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **process_options(),
        )
    except OSError as error:
        raise ComputeError(
            f"The Python '{interpreter.path}' cannot be started ({error.strerror or error})",
            "Choose another Python for the engine in the settings of Road Extractor",
        ) from error
