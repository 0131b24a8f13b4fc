"""A worker that dies, hangs, lies or is killed: whoever waits is told why, and nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.contract.errors import Cancelled, ComputeError, EngineFailedError, RoadExtractorError
from road_extractor_plugin.engine.interpreter import Interpreter
from road_extractor_plugin.engine.worker_process import WorkerProcess

Starter = Callable[..., WorkerProcess]
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@pytest.fixture
def start(impostor: Any) -> Iterator[Starter]:
    """Starts a script in the place of a worker; ends it after the test."""
    processes: list[WorkerProcess] = []

    def start_one(script: str, **limits: float) -> WorkerProcess:
        processes.append(WorkerProcess(impostor(script), **limits))
        return processes[-1]

    yield start_one
    for process in processes:
        process.close()


def ask(process: WorkerProcess) -> None:
    process.await_hello()
    process.ask("predict", {}, np.zeros(3, dtype=np.float32))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("raise SystemExit(7)", "ended with exit code 7"),
        ("hello(); receive(incoming); print('lost', file=sys.stderr); raise SystemExit(7)", "it last said: lost"),
        ("import nothing_like_this", "No module named 'nothing_like_this'"),
        ("hello(); print('Loading model ...', flush=True); time.sleep(60)", "understood .*Loading model"),
        ("hello(); receive(incoming); print('x' * 2_000_000, flush=True); time.sleep(60)", "without the end of a line"),
        ("send(outgoing, Message('hello', 0, {'protocol': 99})); time.sleep(60)", "another version .*protocol 99"),
        ("send(outgoing, Message('hello', 0, {})); time.sleep(60)", "another version .*protocol None"),
        ('hello(); receive(incoming); outgoing.write(b\'{"kind": "do\'); outgoing.flush()', "ended with exit code 0"),
        (
            """
            import io
            whole = io.BytesIO()
            send(whole, Message("done", 1, {}, (np.zeros(9),)))
            hello()
            receive(incoming)
            outgoing.write(whole.getvalue()[:-1])
            """,
            "ended with exit code 0",
        ),
        ("hello(); receive(incoming); send(outgoing, Message('done', 1, {}, (np.zeros(9, '>f4'),)))", "array of type"),
        ("hello(); receive(incoming); os.close(1); time.sleep(60)", "it closed its output"),
    ],
    ids=[
        "exits at once",
        "exits later",
        "library missing",
        "prints",
        "prints without end",
        "other version",
        "no version",
        "half a header",
        "half an array",
        "other type",
        "closes its output",
    ],
)
def test_misbehaviour_is_told_and_ended(start: Starter, script: str, told: str) -> None:
    process = start(script)
    with pytest.raises(ComputeError, match=told):
        ask(process)
    with pytest.raises(RoadExtractorError):
        process.ask("predict", {})
    process.close()
    assert not is_running(process.pid)


@needs_signals
@pytest.mark.parametrize(
    ("number", "told"),
    [
        (signal.SIGKILL, "was killed .*memory"),
        (signal.SIGSEGV, "crashed in a library .SIGSEGV"),
        (signal.SIGABRT, "crashed in a library .SIGABRT"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_death_in_mid_request(start: Starter, number: signal.Signals, told: str) -> None:
    process = start(f"hello(); receive(incoming); os.kill(os.getpid(), {int(number)})")
    with pytest.raises(EngineFailedError, match=told):
        ask(process)


def test_errors_and_surprises_of_the_worker(start: Starter) -> None:
    process = start(
        """
        hello()
        first, second = receive(incoming), receive(incoming)
        send(outgoing, Message("failed", second.request, {"what": "KeyError: 'x'", "log": "Traceback ..."}))
        send(outgoing, Message("error", first.request, {"class": "ComputeError", "text": "Too large."}))
        time.sleep(60)
        """
    )
    process.await_hello()
    with process.converse("one", {}) as one, process.converse("two", {}) as two:
        with pytest.raises(EngineFailedError, match=r"unexpected happened .*KeyError") as caught:
            two.answer()
        assert caught.value.log == "Traceback ..."
        with pytest.raises(ComputeError, match=r"^Too large\.$"):
            one.answer()
    assert process.is_alive


def test_much_stderr_neither_blocks_nor_is_kept(start: Starter) -> None:
    process = start(
        """
        hello()
        message = receive(incoming)
        for number in range(100_000):
            print("warning", number, file=sys.stderr)
        sys.stderr.write("y" * 1_000_000)
        send(outgoing, Message("done", message.request))
        receive(incoming)
        raise SystemExit(5)
        """
    )
    process.await_hello()
    process.ask("predict", {})
    with pytest.raises(EngineFailedError, match="exit code 5") as caught:
        process.ask("predict", {})
    assert len(caught.value.log) < 500_000
    assert len(str(caught.value)) < 600


def test_a_slow_worker_with_signs_of_life_is_left_alone(start: Starter) -> None:
    script = """
        hello()
        message = receive(incoming)
        for _ in range(12):
            time.sleep(0.1)
            send(outgoing, Message("alive", 0))
        send(outgoing, Message("done", message.request))
        time.sleep(60)
        """
    ask(start(script, silence_limit_s=0.8))


def test_an_idle_worker_may_be_silent(start: Starter) -> None:
    process = start("hello(); m = receive(incoming); send(outgoing, Message('done', m.request))", silence_limit_s=0.4)
    process.await_hello()
    time.sleep(1.0)
    process.ask("predict", {})


def test_unwatched_requests_may_be_silent(start: Starter) -> None:
    script = "hello(); m = receive(incoming); time.sleep(1); send(outgoing, Message('done', m.request))"
    process = start(script, silence_limit_s=0.4)
    process.await_hello()
    process.ask("load", {}, watched=False)


@pytest.mark.parametrize("megabytes", [0, 50], ids=["does not answer", "does not even listen"])
def test_a_hanging_worker_is_ended(start: Starter, megabytes: int) -> None:
    process = start("hello(); time.sleep(600)", silence_limit_s=0.5)
    process.await_hello()
    with pytest.raises(EngineFailedError, match=r"no sign of life for 0\.5 s"):
        process.ask("predict", {}, np.zeros((megabytes, 1000, 1000), dtype=np.uint8))


def test_a_worker_that_does_not_come_up(start: Starter) -> None:
    with pytest.raises(EngineFailedError, match=r"no sign of life for 0\.3 s"):
        start("time.sleep(600)", start_limit_s=0.3).await_hello()


@pytest.mark.parametrize("megabytes", [0, 50], ids=["waiting for an answer", "in the middle of sending"])
def test_killing_frees_whoever_waits_at_once(start: Starter, megabytes: int) -> None:
    process = start("hello(); time.sleep(600)")
    process.await_hello()
    freed_s: list[float] = []

    def wait() -> None:
        with pytest.raises(Cancelled):
            process.ask("predict", {}, np.zeros((megabytes, 1000, 1000), dtype=np.uint8))
        freed_s.append(time.monotonic())

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    killed_s = time.monotonic()
    process.kill()
    for thread in threads:
        thread.join(5)
    assert len(freed_s) == 3
    assert max(freed_s) - killed_s < 0.2


def test_a_worker_ends_with_its_parent() -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from road_extractor_plugin.engine.interpreter import Interpreter\n"
        "from road_extractor_plugin.engine.worker_process import WorkerProcess\n"
        "process = WorkerProcess(Interpreter(Path(sys.executable))); process.await_hello()\n"
        "print(process.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    parent.communicate()
    end_s = time.monotonic() + 5
    while is_running(pid):
        assert time.monotonic() < end_s, "it outlived its parent"
        time.sleep(0.01)


def test_no_such_interpreter(tmp_path: Path) -> None:
    with pytest.raises(ComputeError, match=r"python-gone' cannot be started .*Choose another Python"):
        WorkerProcess(Interpreter(tmp_path / "python-gone"))
