from __future__ import annotations

import json
from pathlib import Path
from typing import Callable

import numpy as np
import pytest

from model_training.benchmark import benchmark as timing
from model_training.benchmark.runtimes import runtimes_of
from model_training.cli import main
from model_training.export.torchscript import to_torchscript, write_torchscript
from model_training.network.road_network import DeployedNetwork
from road_extractor_plugin.contract.model_card import ModelCard


@pytest.fixture
def torchscript_model(tmp_path: Path, deployed: Callable[..., DeployedNetwork], card: ModelCard) -> Path:
    write_torchscript(to_torchscript(deployed()), card, tmp_path / "tiny.pt")
    return tmp_path / "tiny.pt"


def test_every_runtime_of_a_file_computes_the_same(tiny_model: Path) -> None:
    tile = np.random.default_rng(0).normal(size=(1, 3, 64, 96)).astype(np.float32)
    first, *others = [predict(tile) for _, _, predict in runtimes_of(tiny_model, 1)]
    assert first.shape == (1, 64, 96)
    assert all(np.abs(first - other).max() < 1e-4 for other in others)


def test_a_line_per_file_runtime_and_tile_with_ratios_to_the_first(
    tmp_path: Path, tiny_model: Path, torchscript_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--tile", "64", "128", "--threads", "1", "--rounds", "2", "--json", str(tmp_path / "speed.json")]
    assert main(["benchmark", str(tiny_model), str(torchscript_model), *arguments]) == 0
    result = json.loads((tmp_path / "speed.json").read_text())
    lines = [(line["tile_px"], line["file"]) for line in result["speeds"]]
    assert lines == sorted(lines, key=lambda line: line[0])
    assert {(64, "tiny.onnx"), (64, "tiny.pt"), (128, "tiny.onnx"), (128, "tiny.pt")} == set(lines)
    for line in result["speeds"]:
        assert line["mpx_per_s"] == pytest.approx(line["tile_px"] ** 2 / 1e6 / line["seconds"])
        assert line["km2_per_h"] == pytest.approx(line["mpx_per_s"] * 3600)  # at 1 m
        reference = next(other for other in result["speeds"] if other["tile_px"] == line["tile_px"])
        assert line["ratio"] == pytest.approx(reference["seconds"] / line["seconds"])
    out = capsys.readouterr().out
    assert "Mpx/s" in out
    assert timing.PROTOCOL in out


def test_the_median_of_the_rounds_counts(tiny_model: Path, monkeypatch: pytest.MonkeyPatch, card: ModelCard) -> None:
    clock = iter([0.0, 1.0, 1.0, 9.0, 9.0, 11.0])
    monkeypatch.setattr(timing, "runtimes_of", lambda path, threads: [("fake", card, lambda tile: tile[:, 0])])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    (speed,) = timing.benchmark([tiny_model], [1024], 2, 3)
    assert speed.seconds == 2.0
    assert speed.mpx_per_s == pytest.approx(1024**2 / 2e6)


def test_a_tile_that_the_network_cannot_take_is_refused(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", str(tiny_model), "--tile", "100"]) == 2
    assert "multiple of 32" in capsys.readouterr().err
