"""Progress that moves as the time does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.core.progress import Pace, PartOf


class Told(SilentFeedback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.fractions: list[float] = []
        self.stages: list[str] = []

    def progress(self, fraction: float, stage: str) -> None:
        self.fractions.append(fraction)
        self.stages.append(stage)


class Clock:
    """Stands in for `time`."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def perf_counter(self) -> float:
        return self.now_s


def paced(seconds: list[float], following_s: float) -> Told:
    """What is told when each tile takes so long."""
    told, clock = Told(), Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("road_extractor_plugin.core.progress.time", clock)
        pace = Pace(told, len(seconds), following_s)
        for done, taken_s in enumerate(seconds, start=1):
            clock.now_s += taken_s
            pace.tiles_done(done, done, "finding roads")
    return told


def test_a_part_is_a_part_of_the_whole() -> None:
    told = Told()
    PartOf(told, 0.2, 0.6).progress(0.5, "half")
    assert told.fractions == [pytest.approx(0.4)]


def test_at_an_even_pace_the_time_left_is_right_from_the_first_tile() -> None:
    told = paced([2.0] * 10, following_s=5.0)
    assert told.fractions == pytest.approx([2.0 * done / 25.0 for done in range(1, 11)])
    assert told.stages[3] == "finding roads, 0.5 tiles/s"


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=30), st.floats(0.0, 1000.0))
def test_it_never_goes_back_nor_beyond_the_end(seconds: list[float], following_s: float) -> None:
    told = paced(seconds, following_s)
    assert all(0.0 <= fraction <= 1.0 + 1e-9 for fraction in told.fractions)
    assert all(second >= first - 1e-9 for first, second in zip(told.fractions, told.fractions[1:]))
