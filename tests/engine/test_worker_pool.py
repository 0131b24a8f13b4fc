"""Workers are kept warm, one at most, and not for ever."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.contract.errors import Cancelled, ComputeError, EngineFailedError
from road_extractor_plugin.engine.worker_compute import WorkerCompute
from road_extractor_plugin.engine.worker_pool import WorkerChoice, WorkerPool

TILE = np.zeros((1, 3, 64, 64), dtype=np.float32)
Opened = Callable[..., WorkerCompute]


@pytest.fixture
def own_pool() -> Iterator[WorkerPool]:
    """A pool of this test alone."""
    pool = WorkerPool()
    yield pool
    pool.close()


@pytest.fixture
def opened(own_pool: WorkerPool, tiny_model: Path, request_for: Any) -> Opened:
    """A maker of loaded computes: (model, choice=...)."""

    def make(model: Path = tiny_model, choice: WorkerChoice = WorkerChoice()) -> WorkerCompute:  # noqa: B008
        compute = WorkerCompute(own_pool, choice)
        compute.load(request_for(model))
        return compute

    return make


def pid(compute: WorkerCompute) -> int:
    worker = compute._worker  # noqa: SLF001
    assert worker is not None
    return worker.process.pid


def gone(number: int, timeout_s: float = 5.0) -> bool:
    """Whether a process ends in time."""
    end_s = time.monotonic() + timeout_s
    while is_running(number):
        if time.monotonic() > end_s:
            return False
        time.sleep(0.01)
    return True


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_model_is_loaded_once_and_again_when_its_file_changes(opened: Opened, tiny_model: Path) -> None:
    first = opened()
    before, number = first.predict(TILE), pid(first)
    first.close()
    stat, data = tiny_model.stat(), bytearray(tiny_model.read_bytes())
    place = data.rfind(np.float32(6.0).tobytes())
    data[place : place + 4] = np.float32(5.0).tobytes()
    tiny_model.write_bytes(data)
    os.utime(tiny_model, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    second = opened()
    assert pid(second) == number
    np.testing.assert_array_equal(second.predict(TILE), before)
    second.close()
    os.utime(tiny_model)
    third = opened()
    assert pid(third) == number
    assert not np.array_equal(third.predict(TILE), before)


def test_an_idle_worker_is_ended_and_replaced(opened: Opened) -> None:
    compute = opened(choice=WorkerChoice(idle_s=0.2))
    number = pid(compute)
    time.sleep(0.5)
    assert is_running(number), "it was not idle"
    compute.close()
    assert gone(number)
    assert opened().predict(TILE).shape == (1, 64, 64)


def test_two_at_once_have_two_workers_and_one_stays(opened: Opened) -> None:
    first, second = opened(), opened()
    numbers = pid(first), pid(second)
    first.close()
    second.close()
    assert is_running(numbers[0])
    assert gone(numbers[1])


def test_another_python_is_another_worker(opened: Opened) -> None:
    first = opened()
    number = pid(first)
    first.close()
    assert pid(opened(choice=WorkerChoice(interpreter=Path(sys.executable)))) != number
    assert gone(number)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["died", "hangs"])
def test_an_idle_worker_that_is_of_no_use_is_replaced(
    opened: Opened, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("road_extractor_plugin.engine.worker_pool._ANSWER_LIMIT_S", 0.3)
    first = opened()
    old = pid(first)
    first.close()
    os.kill(old, number)
    second = opened()
    assert pid(second) != old
    assert second.predict(TILE).shape == (1, 64, 64)


def test_after_a_death_the_next_run_has_a_new_worker(opened: Opened) -> None:
    first = opened()
    os.kill(pid(first), signal.SIGKILL)
    with pytest.raises(EngineFailedError, match="was killed"):
        first.predict(TILE)
    first.close()
    assert opened().predict(TILE).shape == (1, 64, 64)


def test_interrupting_frees_whoever_waits(opened: Opened) -> None:
    compute = opened()
    os.kill(pid(compute), signal.SIGSTOP)
    threading.Timer(0.2, compute.interrupt).start()
    started_s = time.monotonic()
    with pytest.raises(Cancelled):
        compute.predict(TILE)
    assert time.monotonic() - started_s < 0.4
    with pytest.raises(Cancelled):
        compute.predict(TILE)


def test_interrupting_what_is_closed_harms_nobody(opened: Opened) -> None:
    first = opened()
    first.close()
    second = opened()
    first.interrupt()
    assert second.predict(TILE).shape == (1, 64, 64)


def test_interrupted_before_it_began(own_pool: WorkerPool, tiny_model: Path, request_for: Any) -> None:
    compute = WorkerCompute(own_pool, WorkerChoice())
    compute.interrupt()
    with pytest.raises(Cancelled):
        compute.load(request_for(tiny_model))


def test_closing_the_pool_ends_all(own_pool: WorkerPool, opened: Opened) -> None:
    idle, lent = opened(), opened()
    numbers = pid(idle), pid(lent)
    idle.close()
    own_pool.close()
    assert not any(is_running(number) for number in numbers)
    with pytest.raises(Cancelled):
        lent.predict(TILE)
    lent.close()
    with pytest.raises(Cancelled):
        opened()


def test_nothing_is_loaded(own_pool: WorkerPool) -> None:
    compute = WorkerCompute(own_pool, WorkerChoice())
    for name in ("card", "device"):
        with pytest.raises(ComputeError, match="No model is loaded"):
            getattr(compute, name)


def test_threads_get_their_own_answers(opened: Opened) -> None:
    compute = opened()
    tiles = np.random.default_rng(0).normal(size=(40, 3, 32, 64)).astype(np.float32)
    expected = [compute.predict(tile[None]) for tile in tiles]
    got: list[Any] = [None] * len(tiles)

    def work(first: int) -> None:
        for index in range(first, len(tiles), 4):
            got[index] = compute.predict(tiles[index][None])

    threads = [threading.Thread(target=work, args=[first]) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(got, expected)
