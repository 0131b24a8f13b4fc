"""Tiles that run beside each other on a processor."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from road_extractor_plugin.compute.predictors import onnx_runtime, open_vino
from road_extractor_plugin.compute.predictors.streams import Streams, beside_each_other
from road_extractor_plugin.contract.errors import ComputeError
from road_extractor_plugin.contract.model_card import ModelCard

PATIENCE_S = 30


@pytest.mark.parametrize(
    ("threads", "cpus", "expected"),
    [(0, 1, Streams(1, 0)), (0, 2, Streams(2, 1)), (0, 16, Streams(2, 8)), (3, 16, Streams(1, 3))],
    ids=["one processor", "two", "many", "threads that the user names are those of one tile"],
)
def test_threads_are_shared_among_tiles(threads: int, cpus: int, expected: Streams) -> None:
    assert Streams.of(threads, cpus) == expected


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_results_come_in_the_order_of_the_tiles(count: int) -> None:
    tiles = np.arange(count * 12, dtype=np.float32).reshape(count, 1, 3, 4)
    result = beside_each_other((1.0, 1.0), lambda factor, tile: factor * tile, tiles)
    np.testing.assert_array_equal(result, tiles)


def test_two_tiles_run_at_the_same_time() -> None:
    met = threading.Barrier(2, timeout=PATIENCE_S)

    def run(_: str, tile: np.ndarray) -> np.ndarray:
        met.wait()
        return tile

    beside_each_other("ab", run, np.zeros((2, 1, 1, 1), dtype=np.float32))
    assert not met.broken


def test_each_network_has_one_tile_at_a_time() -> None:
    at_work: set[str] = set()
    lock = threading.Lock()

    def run(network: str, tile: np.ndarray) -> np.ndarray:
        with lock:
            assert network not in at_work
            at_work.add(network)
        threading.Event().wait(0.001 * float(tile.sum()))
        with lock:
            at_work.remove(network)
        return tile

    tiles = np.array([3, 0, 1, 2, 0, 5], dtype=np.float32).reshape(6, 1, 1, 1)
    np.testing.assert_array_equal(beside_each_other("ab", run, tiles), tiles)


def test_what_goes_wrong_with_one_is_raised() -> None:
    def run(network: str, tile: np.ndarray) -> np.ndarray:
        if network == "b":
            raise ComputeError("The network failed", "Try again")
        return tile

    with pytest.raises(ComputeError, match="The network failed"):
        beside_each_other("ab", run, np.zeros((2, 1, 1, 1), dtype=np.float32))


@pytest.mark.parametrize("cpus", [2, 5])
def test_onnxruntime_computes_the_same_beside_each_other(
    tiny_model: Path, card: ModelCard, monkeypatch: pytest.MonkeyPatch, cpus: int
) -> None:
    monkeypatch.setattr(onnx_runtime, "usable_cpus", lambda: cpus)
    predictor = onnx_runtime.OnnxRuntimePredictor(tiny_model, card, onnx_runtime.CPU, threads=0)
    check_same(predictor, onnx_runtime.OnnxRuntimePredictor(tiny_model, card, onnx_runtime.CPU, threads=1))
    assert (predictor.device.batch_tiles, predictor.device.threads) == (2, cpus // 2)


def test_openvino_computes_the_same_beside_each_other(
    tiny_model: Path, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(open_vino, "usable_cpus", lambda: 2)
    predictor = open_vino.OpenVinoPredictor(tiny_model, card, open_vino.CPU, threads=0)
    check_same(predictor, open_vino.OpenVinoPredictor(tiny_model, card, open_vino.CPU, threads=1))
    assert (predictor.device.batch_tiles, predictor.device.threads) == (2, 1)


def check_same(
    predictor: onnx_runtime.OnnxRuntimePredictor | open_vino.OpenVinoPredictor,
    oracle: onnx_runtime.OnnxRuntimePredictor | open_vino.OpenVinoPredictor,
) -> None:
    for count in (1, 2, 3, 2):
        tiles = np.random.default_rng(count).normal(size=(count, 3, 64, 96)).astype(np.float32)
        np.testing.assert_allclose(predictor.predict(tiles), oracle.predict(tiles), atol=1e-6)
