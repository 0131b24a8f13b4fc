"""A device that fails costs speed, not the run; what it cost is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from road_extractor_plugin.compute.predictors.steady import SteadyPredictor
from road_extractor_plugin.contract.errors import ComputeError, DeviceMemoryError


def tiles(count: int) -> np.ndarray:
    """Tiles that differ, so that a wrong order would show."""
    return np.arange(count, dtype=np.float32)[:, None, None, None] / 100 * np.ones((1, 3, 4, 4), np.float32)


def check(probability: np.ndarray, count: int) -> None:
    np.testing.assert_array_equal(probability, tiles(count)[:, 0])


def test_no_more_at_once_than_the_device_takes(fake_predictor: Any) -> None:
    gpu = fake_predictor("GPU", batch=4)
    check(SteadyPredictor(gpu).predict(tiles(10)), 10)
    assert gpu.counts == [4, 4, 2]


def test_out_of_memory_halves_the_batch_and_goes_on(fake_predictor: Any) -> None:
    gpu = fake_predictor("GPU", batch=8, room=3)
    steady = SteadyPredictor(gpu)
    check(steady.predict(tiles(10)), 10)
    assert max(gpu.counts[2:]) <= 3
    gpu.counts.clear()
    check(steady.predict(tiles(5)), 5)
    assert gpu.counts == [2, 2, 1]
    assert steady.device.name == "GPU"
    assert steady.device.batch_tiles == 2
    assert steady.device.warnings == (
        "GPU has too little memory for 8 tiles at once and goes on with 4.",
        "GPU has too little memory for 4 tiles at once and goes on with 2.",
    )


def test_too_little_memory_for_one_tile_goes_to_the_reserve(fake_predictor: Any) -> None:
    steady = SteadyPredictor(fake_predictor("GPU", batch=4, room=0), lambda: fake_predictor("CPU"))
    check(steady.predict(tiles(6)), 6)
    assert steady.device.name == "CPU"
    assert steady.device.batch_tiles == 1


def test_a_device_lost_in_mid_run_goes_on_with_the_reserve_and_says_so(fake_predictor: Any) -> None:
    steady = SteadyPredictor(fake_predictor("GPU", batch=2, works=2), lambda: fake_predictor("CPU"), ["as asked"])
    assert steady.device.reason == "as asked"
    check(steady.predict(tiles(9)), 9)
    assert steady.device.name == "CPU"
    assert steady.device.reason == "GPU (fake 1) failed in mid-run"
    (warning,) = steady.device.warnings
    assert warning == "GPU failed in mid-run, and the run went on with CPU, fake 1: The device was removed. Restart it."


def test_what_the_reserve_cannot_do_either_is_not_the_devices_fault(fake_predictor: Any) -> None:
    gpu = fake_predictor("GPU", works=0)
    steady = SteadyPredictor(gpu, lambda: fake_predictor("CPU", works=0))
    with pytest.raises(ComputeError, match="removed"):
        steady.predict(tiles(1))
    assert steady.device.name == "GPU"
    assert steady.device.warnings == ()


def test_without_a_reserve_the_failure_is_told(fake_predictor: Any) -> None:
    with pytest.raises(DeviceMemoryError, match="CPU has too little memory for 1 tile of 4 x 4 px"):
        SteadyPredictor(fake_predictor("CPU", room=0)).predict(tiles(2))


def test_values_that_are_not_numbers_are_an_error_even_with_a_reserve(fake_predictor: Any) -> None:
    steady = SteadyPredictor(fake_predictor("GPU"), lambda: fake_predictor("CPU"))
    broken = tiles(1)
    broken[0, 0, 2, 2] = np.nan
    with pytest.raises(ComputeError, match=r"not numbers on GPU \(fake 1\)"):
        steady.predict(broken)
