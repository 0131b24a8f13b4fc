"""Which runtime is the fastest is found on real tiles, without losing any."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from road_extractor_plugin.compute.predictors.measured import MeasuredPredictor
from road_extractor_plugin.compute.predictors.speed_record import Measurement, Setting
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError

TILES = np.full((1, 3, 500, 500), 0.25, np.float32)


class Contest:
    """Fake settings with fixed speeds on a fake clock."""

    def __init__(self, make: Any, seconds: dict[str, float]) -> None:
        self._make, self._seconds = make, seconds
        self.opened: list[str] = []
        self.outcomes: list[Measurement] = []
        self.fakes: dict[str, Any] = {}

    def open(self, setting: Setting) -> Any:
        self.opened.append(setting.device)
        if self._seconds[setting.device] < 0:
            raise ModelUnreadableError("m.onnx", "an operator is unknown")
        self.fakes[setting.device] = self._make(setting.device, seconds=self._seconds[setting.device])
        return self.fakes[setting.device]

    def start(self) -> MeasuredPredictor:
        first, *others = [Setting(name) for name in self._seconds]
        return MeasuredPredictor(first, self.open(first), others, self.open, self.outcomes.append)


@pytest.fixture
def contest(fake_predictor: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A maker of contests: (cpu=0.5, openvino=0.3, ...) seconds per call."""
    monkeypatch.setattr("time.perf_counter", fake_predictor.clock)
    return lambda **seconds: Contest(fake_predictor, seconds)


def run(predictor: MeasuredPredictor, calls: int) -> None:
    for _ in range(calls):
        np.testing.assert_array_equal(predictor.predict(TILES), TILES[:, 0])


def test_a_small_job_meets_one_runtime_only(contest: Any) -> None:
    small = contest(cpu=0.4, openvino=0.1)
    predictor = small.start()
    run(predictor, 5)
    assert small.opened == ["cpu"]
    assert small.outcomes == []
    assert predictor.device.reason == "other runtimes are tried in a longer run"


def test_the_faster_one_wins_and_is_remembered(contest: Any) -> None:
    long = contest(cpu=0.5, openvino=0.25)
    predictor = long.start()
    run(predictor, 40)
    (outcome,) = long.outcomes
    assert outcome.fastest == Setting("openvino")
    assert outcome.seconds_per_mpx == pytest.approx({"cpu": 2.0, "openvino": 1.0})
    assert predictor.device.name == "openvino"
    assert predictor.device.reason == outcome.in_words()
    assert len(long.fakes["cpu"].counts) <= 10  # 4 of patience, the turns, and nothing after


def test_the_first_stays_unless_it_is_clearly_beaten(contest: Any) -> None:
    close = contest(cpu=0.5, openvino=0.49)
    predictor = close.start()
    run(predictor, 40)
    assert close.outcomes[0].fastest == Setting("cpu")
    assert predictor.device.name == "cpu"


def test_the_best_of_several(contest: Any) -> None:
    three = contest(directml=0.6, cpu=0.5, openvino=0.3)
    predictor = three.start()
    run(predictor, 60)
    assert three.outcomes[0].fastest == Setting("openvino")
    assert list(three.outcomes[0].seconds_per_mpx) == ["openvino", "cpu", "directml"]
    assert predictor.device.name == "openvino"


def test_a_challenger_that_cannot_be_opened_is_left_out(contest: Any) -> None:
    broken = contest(cpu=0.5, openvino=-1)
    predictor = broken.start()
    run(predictor, 30)
    assert broken.opened == ["cpu", "openvino"]
    assert broken.outcomes == []
    assert predictor.device.name == "cpu"


def test_a_challenger_that_fails_is_left_out_and_its_tile_is_done(contest: Any) -> None:
    failing = contest(cpu=0.5, openvino=0.1, directml=0.3)
    predictor = failing.start()
    run(predictor, 5)
    failing.fakes["openvino"].works = 0
    run(predictor, 40)
    assert failing.outcomes[0].fastest == Setting("directml")
    assert list(failing.outcomes[0].seconds_per_mpx) == ["directml", "cpu"]


def test_a_failure_of_the_best_is_told(contest: Any) -> None:
    alone = contest(cpu=0.5)
    predictor = alone.start()
    alone.fakes["cpu"].works = 0
    with pytest.raises(ComputeError, match="removed"):
        predictor.predict(TILES)
