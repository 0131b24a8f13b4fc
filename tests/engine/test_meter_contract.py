"""What holds of `Meter`, in this process and in a worker alike."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from road_extractor_plugin.compute.metrics.meter import LocalMeter
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.protocol import Meter
from road_extractor_plugin.contract.errors import Cancelled
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.engine.worker_meter import WorkerMeter
from road_extractor_plugin.engine.worker_pool import WorkerChoice, WorkerPool

STREETS = (
    np.array([[0.0, 0.0], [300.0, 0.0], [600.0, 20.0]]),
    np.array([[300.0, 0.0], [300.0, 400.0]]),
    np.array([[0.0, 200.0], [300.0, 400.0], [600.0, 400.0]]),
)


@pytest.fixture(params=["in this process", "in a worker"])
def meter(request: pytest.FixtureRequest, pool: WorkerPool) -> Iterator[Meter]:
    if request.param == "in this process":
        yield LocalMeter()
        return
    worker = WorkerMeter(pool, WorkerChoice())
    yield worker
    worker.close()


class Listener(SilentFeedback):
    """Remembers what it is told; may cancel once it was told something, or after a time."""

    def __init__(self, *, cancels: bool = False, cancel_after_s: float = np.inf) -> None:
        self.told: list[tuple[float, str]] = []
        self._cancels = cancels
        self._until_s = time.monotonic() + cancel_after_s

    def progress(self, fraction: float, stage: str) -> None:
        self.told.append((fraction, stage))

    def is_cancelled(self) -> bool:
        return (self._cancels and bool(self.told)) or time.monotonic() > self._until_s


def masks(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A road, and one two pixels beside it; the width is no multiple of eight."""
    predicted, true = np.zeros((2, height, width), dtype=np.bool_)
    predicted[20:28] = True
    true[22:30] = True
    return predicted, true


def test_masks(meter: Meter) -> None:
    listener = Listener()
    measured = meter.measure_masks(*masks(50, 101), listener)
    assert measured.amount == {"predicted_road_px": 8 * 101, "reference_road_px": 8 * 101}
    plain, relaxed, skeletons = measured.figures
    assert plain.values["iou"] == pytest.approx(6 / 10)
    assert relaxed.values["f1"] == skeletons.values["f1"] == 1.0
    assert [stage for _, stage in listener.told] == [figures.protocol for figures in measured.figures]
    assert [fraction for fraction, _ in listener.told] == pytest.approx([0, 1 / 3, 2 / 3])


def test_networks(meter: Meter) -> None:
    whole, part = Polylines.of(STREETS), Polylines.of(STREETS[:2])
    measured = meter.measure_lines(part, whole, SilentFeedback())
    assert measured == LocalMeter().measure_lines(part, whole, SilentFeedback())
    assert measured.amount["predicted_km"] < measured.amount["reference_km"]
    assert len(measured.figures) == 4


def test_no_lines(meter: Meter) -> None:
    measured = meter.measure_lines(Polylines.of([]), Polylines.of(STREETS), SilentFeedback())
    assert measured.amount["predicted_km"] == 0


def test_cancelled_between_two_protocols(meter: Meter) -> None:
    listener = Listener(cancels=True)
    with pytest.raises(Cancelled):
        meter.measure_masks(*masks(2000, 2000), listener)
    assert len(listener.told) == 1


def test_cancelled_within_one_protocol(pool: WorkerPool) -> None:
    """What does not stop by itself is ended with its process, and the next one finds another worker."""
    worker = WorkerMeter(pool, WorkerChoice())
    predicted = np.random.default_rng(0).random((9000, 9000)) > 0.5
    worker.measure_masks(*masks(50, 50), SilentFeedback())  # so that it is up
    listener = Listener(cancel_after_s=1.0)
    started_s = time.monotonic()
    with pytest.raises(Cancelled):
        worker.measure_masks(predicted, predicted.T, listener)
    assert time.monotonic() - started_s < 1.0 + 1.0 + 3.0, "the cancel, a second's grace, and a slow machine"
    worker.close()
    again = WorkerMeter(pool, WorkerChoice())
    assert again.measure_masks(*masks(50, 50), SilentFeedback()).figures
    again.close()
