from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper

from model_training.cli import main
from model_training.errors import AccuracyError, ParityError
from model_training.export import export
from model_training.export.half_weights import with_half_weights
from model_training.export.onnx_graph import check_parity, to_onnx
from model_training.export.open_model import open_model
from model_training.export.parity import HALF_WEIGHTS_TOLERANCE, TOLERANCE
from model_training.export.quantise import quantised, quantised_nodes
from model_training.export.torchscript import to_torchscript, write_torchscript
from model_training.network.road_network import DeployedNetwork
from road_extractor_plugin.compute.device_report import check_device, device_statuses
from road_extractor_plugin.compute.metrics.segmentation import SegmentationCounts
from road_extractor_plugin.compute.self_test import run_self_test
from road_extractor_plugin.contract.errors import ModelUnreadableError
from road_extractor_plugin.contract.model_card import ModelCard

Deployed = Callable[..., DeployedNetwork]


def predicted(graph: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    (probability,) = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"image": image})
    return probability


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, 3, height, width)).astype(np.float32)


def test_half_weights_halve_the_file_and_hardly_change_the_output(deployed: Deployed) -> None:
    module = deployed()
    graph = to_onnx(module)
    halved = with_half_weights(graph)
    onnx.checker.check_model(halved, full_check=True)
    assert 0 < check_parity(module, halved, HALF_WEIGHTS_TOLERANCE) < HALF_WEIGHTS_TOLERANCE
    bytes_of = [sum(len(w.raw_data) for w in model.graph.initializer) for model in (graph, halved)]
    assert bytes_of[1] == pytest.approx(bytes_of[0] / 2, rel=0.01)
    assert graph.graph.initializer[0].data_type == TensorProto.FLOAT


def test_weights_beyond_half_precision_stay_as_they_are(deployed: Deployed) -> None:
    graph = to_onnx(deployed())
    weight = graph.graph.initializer[0]
    values = numpy_helper.to_array(weight).copy()
    values.flat[0] = 70000.0
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    (kept,) = [w for w in with_half_weights(graph).graph.initializer if w.name == weight.name]
    assert (numpy_helper.to_array(kept) == values).all()


def test_weights_that_rounding_changes_too_much_are_refused(deployed: Deployed) -> None:
    module = deployed()
    halved = with_half_weights(to_onnx(module))
    with pytest.raises(ParityError):
        check_parity(module, halved, 1e-9)


@pytest.mark.parametrize("encoder", ["test_efficientnet", "test_convnext"])
def test_int8_leaves_first_layer_graph_reasoning_and_heads_alone(deployed: Deployed, encoder: str) -> None:
    graph = to_onnx(deployed(encoder=encoder, with_orientation=True))
    chosen = quantised_nodes(graph)
    weights = {weight.name for weight in graph.graph.initializer}
    layers = [n for n in graph.graph.node if n.op_type in {"Conv", "MatMul", "Gemm"} and n.input[1] in weights]
    assert layers[0].name not in chosen
    assert len(chosen) > len(layers) / 3
    assert not [name for name in chosen if "head" in name]
    assert [name for name in chosen if "/pyramid/" in name]


def test_int8_stays_near_the_network_at_a_size_not_calibrated(deployed: Deployed) -> None:
    graph = to_onnx(deployed())
    small = quantised(graph, [noise(96, 96, seed) for seed in range(3)])
    exact, rounded = (predicted(model, noise(64, 160, 9)) for model in (graph, small))
    assert 0 < np.abs(exact - rounded).max() < 0.1
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.95
    assert {n.op_type for n in small.graph.node} >= {"QuantizeLinear", "DequantizeLinear"}


def test_an_iou_that_falls_by_more_than_half_a_point_is_refused() -> None:
    counts = [SegmentationCounts(1000, 1000, both, both, both) for both in (800, 797, 790)]
    export.check_accuracy("int8", {"a": counts[0]}, {"a": counts[1]})
    with pytest.raises(AccuracyError, match=r"'b' falls from 0\.6667 to 0\.6529"):
        export.check_accuracy("int8", {"a": counts[0], "b": counts[0]}, {"a": counts[0], "b": counts[2]})


def test_torchscript_computes_the_same_at_sizes_never_traced(
    tmp_path: Path, deployed: Deployed, card: ModelCard
) -> None:
    module = deployed()
    write_torchscript(to_torchscript(module), card, tmp_path / "m.pt")
    compute = open_model(tmp_path / "m.pt")
    assert compute.card == card
    for height, width in ((32, 32), (96, 480)):
        with torch.inference_mode():
            (expected,) = module(torch.from_numpy(noise(height, width)))
        assert np.abs(compute.predict(noise(height, width)) - expected[:, 0].numpy()).max() < TOLERANCE


def test_an_archive_that_is_no_torchscript_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", a=1)
    with pytest.raises(ModelUnreadableError, match=r"m\.npz"):
        open_model(tmp_path / "m.npz")


@pytest.fixture
def run(tmp_path: Path, data_root: Path, small_config: Path) -> Path:
    """A run of two steps."""
    arguments = ["--data", str(data_root), "--config", str(small_config), "--run", str(tmp_path / "run")]
    assert main(["train", *arguments, "--set", "schedule.max_steps=2"]) == 0
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("precision", "file_format", "tolerance"),
    [("fp16", "onnx", 0.02), ("int8", "onnx", 0.05), ("fp32", "torchscript", 0.02)],
)
def test_every_variant_carries_its_measured_card_and_can_be_evaluated(
    run: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, precision: str, file_format: str, tolerance: float
) -> None:
    monkeypatch.setattr(export, "LARGEST_IOU_DROP", 1.0)
    model = run.parent / "model"
    options = ["--precision", precision, "--format", file_format, "--tile", "64", "-o", str(model)]
    assert main(["export", str(run), "--data", str(data_root), *options]) == 0
    compute = open_model(model)
    assert compute.card.self_test is not None
    assert compute.card.self_test.tolerance == tolerance
    assert compute.card.evaluation[0].split == "held out of training"
    assert run_self_test(compute) < 1e-5
    devices = [status.name for status in device_statuses(model) if not status.problem]
    assert devices
    assert [name for name in devices if not check_device(model, compute.card, name).passed] == []
    assert main(["evaluate", str(model), str(data_root / "drawn"), "-o", str(run.parent / "report")]) == 0


def test_reduced_precision_is_not_for_torchscript(
    run: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = run.parent / "m.pt"
    options = ["--precision", "int8", "--format", "torchscript", "--tile", "64", "-o", str(model)]
    assert main(["export", str(run), "--data", str(data_root), *options]) == 2
    assert "--precision" in capsys.readouterr().err
    assert [path.name for path in run.parent.iterdir() if path.name.startswith("m.pt")] == []


def test_a_variant_that_loses_accuracy_is_not_written(
    run: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(export, "LARGEST_IOU_DROP", -1.0)  # even an equal one is too bad
    options = ["--precision", "int8", "--tile", "64", "-o", str(run.parent / "m.onnx")]
    assert main(["export", str(run), "--data", str(data_root), *options]) == 2
    assert "the held-out scenes of 'drawn'" in capsys.readouterr().err
    assert [path.name for path in run.parent.iterdir() if path.name.startswith("m.onnx")] == []
