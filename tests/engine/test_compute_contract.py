"""What holds of `Compute`, in this process and in a worker alike."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from scipy import ndimage

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.self_test import run_self_test
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.errors import (
    Cancelled,
    ComputeError,
    ModelUnreadableError,
    RasterUnreadableError,
    RequestError,
)
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.model_card import ModelCard, OutputSpec, SelfTest, Thresholds
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.engine.open_compute import open_compute
from road_extractor_plugin.engine.worker_compute import WorkerCompute
from road_extractor_plugin.engine.worker_pool import WorkerChoice, WorkerPool

SETTINGS = TraceSettings(Thresholds(0.5, 0.3), min_component_m=0.0)
Opener = Callable[[ExtractRequest], Compute]


@pytest.fixture(params=["in this process", "in a worker"])
def opened(request: pytest.FixtureRequest, pool: WorkerPool) -> Iterator[Opener]:
    """Opens what computes, and closes it after the test."""
    computes: list[Compute] = []

    def open_one(asked: ExtractRequest) -> Compute:
        if request.param == "in this process":
            computes.append(open_compute(asked))
        else:
            worker = WorkerCompute(pool, WorkerChoice())
            computes.append(worker)
            worker.load(asked)
        return computes[-1]

    yield open_one
    for compute in computes:
        compute.close()


@pytest.fixture
def compute(opened: Opener, tiny_model: Path, request_for: Callable[..., ExtractRequest]) -> Compute:
    return opened(request_for(tiny_model))


class Listener:
    """Remembers what it is told, and cancels when it was told a stage."""

    def __init__(self, cancel_at: str = "") -> None:
        self.stages: list[str] = []
        self._cancel_at = cancel_at

    def progress(self, fraction: float, stage: str) -> None:
        self.stages.append(stage)

    def warning(self, text: str) -> None:
        raise AssertionError(text)

    def is_cancelled(self) -> bool:
        return self._cancel_at in self.stages


class WaitingRows(ArrayRows):
    """A raster whose rows come when something else has happened."""

    def __init__(self, values: np.ndarray) -> None:
        super().__init__(values)
        object.__setattr__(self, "asked", threading.Event())
        object.__setattr__(self, "happened", threading.Event())

    def read(self, start: int, stop: int) -> np.ndarray:
        self.asked.set()
        assert self.happened.wait(60)
        return super().read(start, stop)


class BrokenRows(ArrayRows):
    """A raster that cannot be read to its end."""

    def read(self, start: int, stop: int) -> np.ndarray:
        raise RasterUnreadableError("scene.tif", "it breaks off")


def speckled(height: int = 150, width: int = 200) -> ArrayRows:
    """Blobs and dust, from which a tangle of roads is traced."""
    noise = ndimage.gaussian_filter(np.random.default_rng(3).standard_normal((height, width)), 3)
    values = np.clip(128 + 60 * noise / noise.std(), 0, 254).astype(np.uint8)
    values[:10, :10] = 255
    return ArrayRows(values)


def test_predicts(compute: Compute) -> None:
    tiles = np.random.default_rng(0).normal(size=(3, 3, 64, 96)).astype(np.float32)
    probability = compute.predict(tiles)
    assert probability.shape == (3, 64, 96)
    assert probability.dtype == np.float32
    assert np.ptp(probability) > 0


def test_predicts_the_same_bit_for_bit(
    compute: Compute, tiny_model: Path, request_for: Callable[..., ExtractRequest]
) -> None:
    tiles = np.random.default_rng(1).normal(size=(2, 3, 128, 128)).astype(np.float32)[:, :, ::2]
    expected = open_compute(request_for(tiny_model)).predict(tiles)
    np.testing.assert_array_equal(compute.predict(tiles), expected)
    np.testing.assert_array_equal(compute.predict(tiles), expected)


def test_card_and_device(compute: Compute, card: ModelCard) -> None:
    assert compute.card == card
    assert compute.device.name == "CPU"
    assert compute.device.runtime.startswith("onnxruntime ")


def test_self_test(opened: Opener, tmp_path: Path, network_file: Any, card_with: Any, request_for: Any) -> None:
    wrong = card_with(self_test=SelfTest(1, 64, (0, 5), (0, 5), (9.0, 9.0), 0.01))
    compute = opened(request_for(network_file(tmp_path / "wrong.onnx", wrong)))
    with pytest.raises(ComputeError, match="differs by"):
        run_self_test(compute)


def test_unknown_device(opened: Opener, tiny_model: Path, request_for: Any) -> None:
    with pytest.raises(RequestError, match="device is 'abacus'"):
        opened(request_for(tiny_model, device="abacus"))


def test_damaged_file(opened: Opener, tiny_model: Path, request_for: Any) -> None:
    data = bytearray(tiny_model.read_bytes())
    place = data.find(b"Conv")
    data[place : place + 4] = b"Abcd"
    tiny_model.write_bytes(data)
    with pytest.raises(ModelUnreadableError, match=r"tiny\.onnx"):
        opened(request_for(tiny_model))


def test_wrong_number_of_bands(compute: Compute) -> None:
    with pytest.raises(ComputeError, match=r"tiles of shape \(1, 4, 32, 32\)"):
        compute.predict(np.zeros((1, 4, 32, 32), dtype=np.float32))


def test_output_that_does_not_exist(
    opened: Opener, tmp_path: Path, network_file: Any, card_with: Any, request_for: Any
) -> None:
    card = card_with(outputs=(OutputSpec("elsewhere", 1, 1, "", 0),))
    compute = opened(request_for(network_file(tmp_path / "tiny.onnx", card)))
    with pytest.raises(ComputeError, match="elsewhere"):
        compute.predict(np.zeros((1, 3, 32, 32), dtype=np.float32))


def test_traces_the_same_bit_for_bit(compute: Compute) -> None:
    probability, listener = speckled(), Listener()
    traced = compute.trace(probability, SETTINGS, (0.5, 0.25), listener)
    expected = trace(probability, SETTINGS, (0.5, 0.25))
    assert len(expected.graph.edges) > 10
    np.testing.assert_array_equal(traced.graph.nodes, expected.graph.nodes)
    for mine, theirs in zip(traced.graph.edges, expected.graph.edges):
        for field in dataclasses.fields(mine):
            np.testing.assert_array_equal(getattr(mine, field.name), getattr(theirs, field.name))
    assert len(traced.graph.edges) == len(expected.graph.edges)
    assert traced.mask.shape == probability.shape
    np.testing.assert_array_equal(traced.mask.read(0, 150), expected.mask.read(0, 150))
    assert listener.stages[0] == "finding road lines"
    assert listener.stages[-1] == "roads traced"


def test_predicts_while_it_traces(compute: Compute) -> None:
    """Of a raster in the making: the rows that the tracer waits for come of the predictions."""
    probability = WaitingRows(speckled().values)
    tiles = np.random.default_rng(2).normal(size=(1, 3, 64, 64)).astype(np.float32)
    with ThreadPoolExecutor(1) as thread:
        traced = thread.submit(compute.trace, probability, SETTINGS, (1.0, 1.0), SilentFeedback())
        assert probability.asked.wait(60)
        assert compute.predict(tiles).shape == (1, 64, 64)
        probability.happened.set()
        assert len(traced.result(60).graph.edges) == len(trace(speckled(), SETTINGS, (1.0, 1.0)).graph.edges)


def test_traces_nothing(compute: Compute) -> None:
    traced = compute.trace(ArrayRows(np.zeros((5, 7), dtype=np.uint8)), SETTINGS, (1.0, 1.0), SilentFeedback())
    assert traced.graph.edges == ()
    np.testing.assert_array_equal(traced.mask.read(0, 5), 0)


def test_raster_that_breaks_off_is_named(compute: Compute) -> None:
    with pytest.raises(RasterUnreadableError, match="it breaks off"):
        compute.trace(BrokenRows(speckled().values), SETTINGS, (1.0, 1.0), SilentFeedback())


def test_tracing_is_cancelled_and_predicts_afterwards(compute: Compute) -> None:
    listener = Listener(cancel_at="cleaning the road network")
    with pytest.raises(Cancelled):
        compute.trace(speckled(), SETTINGS, (1.0, 1.0), listener)
    assert "roads traced" not in listener.stages
    assert compute.predict(np.zeros((1, 3, 32, 32), dtype=np.float32)).shape == (1, 32, 32)
