"""As a user I see what can run a model on my machine, what would, and whether it computes rightly."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.self_test import self_test_input
from road_extractor_plugin.contract.model_card import ModelCard, SelfTest
from road_extractor_plugin.engine.models import default_model


@pytest.fixture
def right_model(tmp_path: Path, card: ModelCard, network_file: Callable[..., Path]) -> Path:
    """A model whose card expects what it computes."""
    blank, path = SelfTest(1, 64, (), (), (), 1e-4), network_file(tmp_path / "right.onnx", card)
    probability = LocalCompute(path, card, device="cpu").predict(self_test_input(blank, 3))[0]
    expected = (float(probability.min()), float(probability.max()))
    assert expected[1] > 0.1 + expected[0]
    rows, columns = np.unravel_index((probability.argmin(), probability.argmax()), probability.shape)
    test = SelfTest(1, 64, tuple(map(int, rows)), tuple(map(int, columns)), expected, 1e-4)
    return network_file(path, dataclasses.replace(card, self_test=test))


def test_devices_lists_all_and_says_what_would_be_taken(command: Any) -> None:
    run = command("devices")
    assert run.status == 0, run.err
    assert "cpu           here  processor, onnxruntime" in run.out
    assert f"'{default_model().name}' would run on " in run.out


def test_devices_as_json(command: Any, tiny_model: Path) -> None:
    report = command("devices", "--model", tiny_model, "--json").report
    by_name = {device["name"]: device for device in report["devices"]}
    assert set(by_name) == {"cuda", "tensorrt", "directml", "coreml", "openvino-gpu", "cpu", "openvino"}
    assert by_name["cpu"]["problem"] == ""
    assert report["taken"]["reason"]


def test_devices_without_openvino(command: Any, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    run = command("devices", "--model", tiny_model)
    assert run.status == 0, run.err
    assert "openvino      -     processor; openvino is not installed for this Python" in run.out
    assert "would run on " in run.out


def test_devices_without_any_runtime(command: Any, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("openvino", "onnxruntime"):
        monkeypatch.setitem(sys.modules, library, None)
    run = command("devices", "--model", tiny_model)
    assert run.status == 2
    assert "is not installed for this Python" in run.err


def test_devices_of_a_torchscript_file(command: Any, torchscript_model: Path) -> None:
    report = command("devices", "--model", torchscript_model, "--json").report
    assert [device["name"] for device in report["devices"]] == ["cuda", "cpu"]
    assert report["taken"]["runtime"].startswith("torch ")


def test_selftest_passes_where_all_is_right(command: Any, right_model: Path) -> None:
    run = command("selftest", "--model", right_model)
    assert run.status == 0, run.out + run.err
    assert run.out.startswith("pass  ")
    assert "FAIL" not in run.out


def test_selftest_of_the_bundled_model(command: Any) -> None:
    run = command("selftest", "--json")
    assert run.status == 0, run.out
    assert "cpu" in [check["device"] for check in run.report]
    assert all(check["largest_difference"] <= check["allowed"] for check in run.report)


def test_selftest_fails_with_the_difference(command: Any, tiny_model: Path, card: ModelCard, network_file: Any) -> None:
    assert card.self_test is not None
    network_file(tiny_model, dataclasses.replace(card, self_test=dataclasses.replace(card.self_test, tolerance=1e-9)))
    run = command("selftest", "--model", tiny_model, "--device", "cpu")
    assert run.status == 1
    assert run.out.startswith("FAIL  cpu")
    assert "largest difference" in run.out


def test_selftest_of_a_device_that_is_not_here(command: Any, right_model: Path) -> None:
    import onnxruntime

    if "DmlExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("DirectML is here")
    run = command("selftest", "--model", right_model, "--device", "directml", "--json")
    assert run.status == 1
    (check,) = run.report
    assert check["largest_difference"] is None
    assert "The device 'directml' is not here" in check["problem"]


def test_selftest_does_not_pass_on_a_device_that_another_stood_in_for(
    command: Any, right_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    from road_extractor_plugin.compute.predictors.open_vino import OpenVinoPredictor
    from road_extractor_plugin.contract.errors import ComputeError

    def fails(self: Any, tiles: Any) -> Any:
        raise ComputeError("The processor was removed", "Put it back")

    monkeypatch.setattr(OpenVinoPredictor, "predict", fails)
    run = command("selftest", "--model", right_model, "--device", "openvino", "--json")
    assert run.status == 1
    assert "went on with CPU, onnxruntime" in run.report[0]["problem"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("--device", "abacus"), "device is 'abacus', but must be one of auto"), (("--model", "no.onnx"), "no.onnx")],
)
def test_mistakes_are_told_in_one_line(command: Any, arguments: tuple[str, ...], sentence: str) -> None:
    run = command("selftest", *arguments)
    assert run.status == 2
    assert sentence in run.err
    assert run.err.count("\n") == 1


def test_a_model_without_a_self_test(command: Any, tiny_model: Path, card: ModelCard, network_file: Any) -> None:
    network_file(tiny_model, dataclasses.replace(card, self_test=None))
    run = command("selftest", "--model", tiny_model)
    assert run.status == 2
    assert "must be one whose card has a self-test" in run.err


def test_extract_with_a_torchscript_model(
    tmp_path: Path, command: Any, torchscript_model: Path, raster: Callable[..., Path]
) -> None:
    image = np.full((3, 128, 128), 30, dtype=np.uint8)
    image[:, 60:68, :] = 235
    scene = raster(tmp_path / "scene.tif", image)
    run = command("extract", scene, "-o", tmp_path / "out", "--model", torchscript_model, "--threshold", 0.9, "--json")
    assert run.status == 0, run.err
    assert json.loads((tmp_path / "out" / "scene_report.json").read_text())["device"]["runtime"].startswith("torch ")
    assert run.report["roads"]["length_km"] == pytest.approx(0.128, rel=0.1)


def test_extract_with_a_device_that_is_not_here(tmp_path: Path, command: Any, raster: Any, tiny_model: Path) -> None:
    scene = raster(tmp_path / "scene.tif", np.zeros((3, 64, 64), np.uint8))
    run = command("extract", scene, "-o", tmp_path / "out", "--model", tiny_model, "--device", "directml")
    assert run.status == 2
    assert "The device 'directml' is not here" in run.err
    assert not (tmp_path / "out").exists()
