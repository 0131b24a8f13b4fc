"""Stages that overlap: order, bounds, errors, and an end to everything."""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
import time
from collections.abc import Generator, Iterator

import numpy as np
import pytest

from road_extractor_plugin.contract.errors import Cancelled, ComputeError
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.grid import TileGrid, TileRows, Window
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.result import Device
from road_extractor_plugin.core.inference import inferred
from road_extractor_plugin.core.stages import ahead, beside
from road_extractor_plugin.core.stopwatch import Stopwatch

PATIENCE_S = 30
"""No run here takes a second; one that takes this long waits for ever."""


def doubled(numbers: Iterator[int]) -> Generator[int, None, None]:
    for number in numbers:
        yield 2 * number


def counted(made: list[int], most: int = 1000, closed_in: list[str] | None = None) -> Generator[int, None, None]:
    try:
        for number in range(most):
            made.append(number)
            yield number
    finally:
        if closed_in is not None:
            closed_in.append(threading.current_thread().name)


@pytest.mark.parametrize("most", [1, 2, 7])
def test_items_come_in_order(most: int) -> None:
    with ahead(counted([], 50), most) as numbers, ahead(doubled(numbers), most) as twice:
        assert list(twice) == [2 * number for number in range(50)]


def test_stages_run_at_the_same_time() -> None:
    met = threading.Barrier(2, timeout=PATIENCE_S)

    def stage() -> Generator[int, None, None]:
        yield 0
        met.wait()
        yield 1

    with ahead(stage()) as numbers:
        assert next(numbers) == 0
        met.wait()
        assert next(numbers) == 1


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_is_made_than_asked_for(most: int) -> None:
    made: list[int] = []
    with ahead(counted(made), most) as numbers:
        next(numbers)
        deadline = time.monotonic() + PATIENCE_S
        while len(made) < most + 1 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert len(made) == most + 1


def test_a_stage_is_closed_in_its_own_thread_when_the_block_ends_early() -> None:
    closed_in: list[str] = []
    with ahead(counted([], closed_in=closed_in)) as numbers:
        next(numbers)
    assert len(closed_in) == 1
    assert closed_in != [threading.current_thread().name]


def test_an_error_comes_where_its_item_would() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        raise ComputeError("The network failed", "Try again")

    with ahead(failing(), 3) as numbers, ahead(doubled(numbers), 3) as twice:
        assert next(twice) == 2
        with pytest.raises(ComputeError, match="The network failed"):
            next(twice)


def test_threads_are_used_again() -> None:
    def fail() -> None:
        with pytest.raises(ZeroDivisionError), ahead(counted([])) as numbers, ahead(doubled(numbers)) as twice:
            assert next(twice) // 0

    fail()
    before = threading.active_count()
    for _ in range(5):
        fail()
    assert threading.active_count() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_copy_of_the_process_makes_threads_of_its_own() -> None:
    total = total_of_stage()
    with multiprocessing.get_context("fork").Pool(1) as copy:
        assert copy.apply_async(total_of_stage).get(PATIENCE_S) == total


def total_of_stage() -> int:
    with ahead(counted([], 5)) as numbers:
        return sum(numbers)


def test_a_block_ends_when_its_thread_has_done_all() -> None:
    done = []
    with beside() as begin:
        begin(lambda: time.sleep(0.05))
        begin(lambda: done.append(threading.current_thread().name))
    assert len(done) == 1


class Trouble:
    """What one run meets, drawn by chance: how slow each stage is, and which fails or is cancelled when."""

    def __init__(self, seed: int, tiles: int) -> None:
        chance = random.Random(seed)
        self.pauses_s = {stage: chance.choice([0.0, 0.0, 0.001, 0.003]) for stage in ("read", "network", "write")}
        failing = chance.choice(["", "", "read", "network", "write", "cancel"])
        self.place = (failing, chance.randrange(tiles))
        self._turns = dict.fromkeys(["read", "network", "write", "cancel"], 0)

    def at(self, stage: str) -> bool:
        """Take the time of a turn of a stage; whether it is the one that goes wrong."""
        time.sleep(self.pauses_s.get(stage, 0.0))
        turn = self._turns[stage]
        self._turns[stage] += 1
        return (stage, turn) == self.place


class TroubledRun(SilentFeedback):
    """A source, a network, a feedback and a writer with one trouble; the road is where the imagery is bright."""

    def __init__(self, seed: int, tiles: TileGrid, card: ModelCard) -> None:
        self.card = card
        self.device = Device("CPU", "none", batch_tiles=1 + seed % 3)
        self.trouble = Trouble(seed, tiles.tile_count)
        self.threads: dict[str, set[int]] = {"read": set(), "network": set()}
        chance = np.random.default_rng(seed)
        self.image = chance.integers(0, 256, (tiles.rows.length_px, tiles.columns.length_px), dtype=np.uint8)
        self.valid = np.kron(chance.integers(0, 2, (4, 5)), np.ones((50, 50))).astype(bool)
        self.tiles = tiles
        self.written = np.zeros(self.image.shape, dtype=np.float32)

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        self.threads["read"].add(threading.get_ident())
        if self.trouble.at("read"):
            raise OSError("the disk is gone")
        pixels = np.zeros((3, window.height, window.width), dtype=np.uint8)
        pixels[:] = self.image[window.slices]
        return pixels, self.valid[window.slices]

    def predict(self, tiles: np.ndarray) -> np.ndarray:
        self.threads["network"].add(threading.get_ident())
        if self.trouble.at("network"):
            raise ComputeError("The network failed", "Try again")
        return tiles[:, 0]

    def is_cancelled(self) -> bool:
        return self.trouble.at("cancel")

    def run(self) -> None:
        with inferred(self, self, TileRows.all_of(self.tiles), Stopwatch(), self) as blocks:  # type: ignore[arg-type]
            for block in blocks:
                if self.trouble.at("write"):
                    raise OSError("the disk is full")
                if block is not None:
                    self.written[block.window.slices] = np.where(block.valid, block.probability, 0.0)

    def outcome(self) -> str:
        """Run in a thread; what went wrong, or "done", or "hangs"."""
        outcomes = []

        def target() -> None:
            try:
                self.run()
                outcomes.append("done")
            except (OSError, ComputeError, Cancelled) as error:
                outcomes.append(str(error))

        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        thread.join(PATIENCE_S)
        return outcomes[0] if outcomes else "hangs"


def check_runs(seeds: range, card: ModelCard) -> None:
    tiles = TileGrid.plan(200, 250, tile_px=64, overlap_px=32, multiple_of=32)
    words = {
        "": "done",
        "read": "disk is gone",
        "network": "network failed",
        "write": "disk is full",
        "cancel": "ancel",
    }
    for seed in seeds:
        run, undisturbed = TroubledRun(seed, tiles, card), TroubledRun(seed, tiles, card)
        undisturbed.trouble.place = ("", 0)
        undisturbed.run()
        before = threading.active_count()
        outcome = run.outcome()
        failing, _ = run.trouble.place
        assert words[failing] in outcome or outcome == "done", f"seed {seed}: {outcome}"
        assert threading.active_count() == before, f"seed {seed} left a thread behind"
        assert max(len(threads) for threads in run.threads.values()) <= 1
        if outcome == "done":
            np.testing.assert_array_equal(run.written, undisturbed.written)


@pytest.mark.parametrize("first", [0, 10, 20])
def test_whatever_goes_wrong_the_run_ends(first: int, card: ModelCard) -> None:
    check_runs(range(first, first + 10), card)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(100, 300, 20))
def test_nothing_waits_for_ever_in_200_runs(first: int, card: ModelCard) -> None:
    check_runs(range(first, first + 20), card)


def test_work_beside_is_done_when_the_block_ends() -> None:
    done: list[int] = []
    with beside() as begin:
        begin(lambda: done.append(1))
        begin(lambda: done.append(2))
    assert done == [1, 2]


def fail() -> None:
    raise OSError("the disk is full")


def test_what_goes_wrong_beside_is_raised() -> None:
    with pytest.raises(OSError, match="the disk is full"), beside() as begin:
        begin(fail)


def test_it_is_raised_when_the_next_work_is_handed_over() -> None:
    handed_over = []

    def hand_over() -> None:
        with beside() as begin:
            begin(fail)
            deadline = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline:
                begin(lambda: None)
                handed_over.append(1)
                time.sleep(0.001)

    with pytest.raises(OSError, match="the disk is full"):
        hand_over()
    assert len(handed_over) < 10_000


def test_a_block_that_fails_drops_what_is_not_begun() -> None:
    begun, may_end = threading.Event(), threading.Event()
    done: list[int] = []

    def slow() -> None:
        begun.set()
        may_end.wait(PATIENCE_S)
        done.append(1)

    def fail_meanwhile() -> None:
        with beside() as begin:
            begin(slow)
            begin(lambda: done.append(2))
            begun.wait(PATIENCE_S)
            threading.Timer(0.01, may_end.set).start()
            fail()

    with pytest.raises(OSError, match="the disk is full"):
        fail_meanwhile()
    assert done == [1]
