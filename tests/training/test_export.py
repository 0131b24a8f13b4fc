from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Callable

import numpy as np
import onnx
import onnxruntime
import pytest

from model_training.cli import main
from model_training.datasets.folders import Scene
from model_training.errors import ParityError
from model_training.export.margin import CONTEXT_PX, measure_margin, smallest_margin
from model_training.export.onnx_graph import OPSET, check_parity, to_onnx
from model_training.export.parity import TOLERANCE
from model_training.network.road_network import DeployedNetwork
from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.self_test import run_self_test
from road_extractor_plugin.contract.errors import ComputeError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.onnx_metadata import read_onnx_metadata


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"with_orientation": True},
        {"heads": "F", "road_classes": 2, "orientation": "classes"},
        {"encoder": "test_convnext", "normalised_graph": False},
        {"encoder": "test_convnext", "encoder_norm": "batch"},
        {"encoder": "tf_efficientnet_lite0"},
    ],
    ids=[
        "S2",
        "S2 with orientation",
        "F with two classes",
        "ConvNeXt",
        "ConvNeXt with batch norms",
        "EfficientNet-Lite0",
    ],
)
def test_onnxruntime_computes_what_torch_computes_at_every_size(
    network: dict[str, object], deployed: Callable[..., DeployedNetwork]
) -> None:
    module = deployed(**network)
    graph = to_onnx(module)
    assert check_parity(module, graph) <= TOLERANCE
    assert [entry.version for entry in graph.opset_import if not entry.domain] == [OPSET]
    names = [output.name for output in graph.graph.output]
    assert names == ["road_probability", "orientation"][: 1 + module.with_orientation]


def test_convnext_with_batch_norms_has_no_layer_norm_in_its_graph(deployed: Callable[..., DeployedNetwork]) -> None:
    kinds = [
        {node.op_type for node in to_onnx(deployed(encoder="convnext_atto", encoder_norm=norm)).graph.node}
        for norm in ("layer", "batch")
    ]
    assert kinds[0] - kinds[1] == {"LayerNormalization"}


def test_the_exported_output_has_the_input_s_size_at_sizes_never_traced(
    deployed: Callable[..., DeployedNetwork],
) -> None:
    session = onnxruntime.InferenceSession(to_onnx(deployed(with_orientation=True)).SerializeToString())
    for height, width in ((32, 32), (96, 480), (352, 128)):
        road, orientation = session.run(None, {"image": np.zeros((2, 3, height, width), np.float32)})
        assert road.shape == (2, 1, height, width)
        assert orientation.shape == (2, 2, height // 4, width // 4)


def test_a_graph_that_computes_something_else_is_refused(deployed: Callable[..., DeployedNetwork]) -> None:
    module = deployed()
    graph = to_onnx(module)
    (last,) = (node for node in graph.graph.node if "road_probability" in node.output)
    assert last.op_type == "Sigmoid"
    last.op_type = "HardSigmoid"
    with pytest.raises(ParityError, match="road_probability"):
        check_parity(module, graph)


def rings(tile: int, width: int) -> np.ndarray:
    """Differences that are large in a border of `width` px."""
    differences = np.full((2, tile, tile), 0.02)
    differences[:, width : tile - width, width : tile - width] = 0.0
    differences[differences > 0] = 0.5
    return differences


@pytest.mark.parametrize(("width", "margin"), [(0, 0), (1, 4), (4, 4), (9, 12), (60, 32)])
def test_the_margin_ends_with_the_last_ring_that_differs(width: int, margin: int) -> None:
    assert smallest_margin(rings(128, width)) == margin


def test_a_few_odd_pixels_do_not_widen_the_margin() -> None:
    differences = np.zeros((1, 128, 128))
    differences[0, 20, 30:33] = 1.0
    assert smallest_margin(differences) == 0


def test_the_margin_of_three_convolutions_is_one_ring_and_assumed_where_no_scene_is_large_enough(
    tiny_model: Path, card: ModelCard
) -> None:
    side = 256 + 2 * CONTEXT_PX
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    mask = np.ones((side, side), np.uint8)
    compute = LocalCompute(tiny_model, card)
    assert measure_margin([[Scene("noise", image, mask, mask)]], compute) <= 4
    small = Scene("small", image[:100, :100], mask[:100, :100], mask[:100, :100])
    assert measure_margin([[small]], compute) == card.tiling.tile_px // 8


def test_train_export_evaluate_from_the_command_line(
    tmp_path: Path, data_root: Path, small_config: Path, write_folder: Callable[..., Path]
) -> None:
    run, model = tmp_path / "run", tmp_path / "drawn.onnx"
    data = ["--data", str(data_root)]
    assert main(["train", *data, "--config", str(small_config), "--run", str(run)]) == 0
    test = str(write_folder(tmp_path / "other" / "test", 2)) + "@0.9"
    export = ["export", str(run), *data, "--test", test, "--tile", "96", "--orientation"]
    assert main([*export, "-o", str(model)]) == 0
    assert main(["evaluate", str(model), test, "-o", str(tmp_path / "report")]) == 0

    card = read_card(model)
    assert (card.name, card.licence, card.attributions) == ("drawn roads", "CC0-1.0", ("Drawn by a test.",))
    assert card.producer.encoder == "test_efficientnet"
    assert (card.tiling.tile_px, card.tiling.multiple_of) == (96, 32)
    assert [(output.name, output.stride) for output in card.outputs] == [("road_probability", 1), ("orientation", 4)]
    assert [(entry.data, entry.split) for entry in card.evaluation] == [
        ("drawn", "held out of training"),
        ("other/test", "test"),
    ]
    metadata = read_onnx_metadata(model)
    assert metadata["model_type"] == '"Segmentor"'
    assert metadata["resolution"] == "100.0"
    assert run_self_test(LocalCompute(model, card)) < 1e-5
    assert not list(tmp_path.glob("*.new"))


def test_the_self_test_notices_a_wrong_network(tmp_path: Path, data_root: Path, small_config: Path) -> None:
    run, model = tmp_path / "run", tmp_path / "m.onnx"
    data = ["--data", str(data_root)]
    assert main(["train", *data, "--config", str(small_config), "--run", str(run)]) == 0
    assert main(["export", str(run), *data, "--tile", "64", "-o", str(model)]) == 0
    card = read_card(model)
    assert card.self_test is not None
    assert max(card.self_test.expected) - min(card.self_test.expected) > 0.01
    moved = dataclasses.replace(card.self_test, columns=tuple(255 - c for c in card.self_test.columns), tolerance=1e-3)
    with pytest.raises(ComputeError, match="self-test"):
        run_self_test(LocalCompute(model, dataclasses.replace(card, self_test=moved)))


def test_orientation_is_not_exported_from_a_network_without_it(
    tmp_path: Path, data_root: Path, small_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = ["--data", str(data_root)], tmp_path / "run"
    options = ["--set", "network.orientation=none", "--set", "schedule.max_steps=1"]
    assert main(["train", *data, "--config", str(small_config), "--run", str(run), *options]) == 0
    assert main(["export", str(run), *data, "--orientation", "-o", str(tmp_path / "m.onnx")]) == 2
    assert "without orientation vectors" in capsys.readouterr().err


def test_export_without_a_checkpoint_says_so_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path), "--data", str(tmp_path), "-o", str(tmp_path / "m.onnx")]) == 2
    assert "best.ckpt" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_graph_satisfies_onnx_s_own_checker(deployed: Callable[..., DeployedNetwork]) -> None:
    onnx.checker.check_model(to_onnx(deployed()), full_check=True)
