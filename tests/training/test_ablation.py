from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from model_training.cli import main
from model_training.configuration import read_config
from model_training.evaluation import ablation
from model_training.evaluation.ablation import Budget, Variant, train_variants, variants
from model_training.network.road_network import RoadNetwork
from model_training.training import run

BUDGET = Budget(steps=2, batch=2, crop_px=64)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_each_variant_is_trained_once_with_the_same_budget_and_compared_with_the_first(
    tmp_path: Path, data_root: Path, small_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [Variant("all"), Variant("no graph", ("network.graph=false",))]
    train_variants(small_config, chosen[:1], BUDGET, data_root, tmp_path / "out")
    started: list[str] = []
    start = run.start
    monkeypatch.setattr(run, "start", lambda *given: (started.append(given[-1].name), start(*given)))
    train_variants(small_config, chosen, BUDGET, data_root, tmp_path / "out")
    assert started == ["01"]
    table = rows(tmp_path / "out" / "trained.csv")
    assert [row["variant"] for row in table] == ["all", "no graph"]
    for name in ("drawn/iou", "drawn/relaxed_f1"):
        expected = float(table[1][name]) / float(table[0][name])
        assert float(table[1][f"{name} ratio"]) == pytest.approx(expected, abs=2e-3)
        assert float(table[0][f"{name} ratio"]) == 1.0
    assert run.read_run_config(tmp_path / "out" / "01").schedule.max_steps == 2


def test_every_variant_is_a_configuration_of_its_own_with_the_same_schedule(small_config: Path, tmp_path: Path) -> None:
    common = (*BUDGET.changes(), "network.encoder_weights=imagenet")
    chosen = variants(tmp_path / "teacher.ckpt")
    configs = [read_config(small_config, (*common, *variant.changes)) for variant in chosen]
    assert len({variant.name for variant in chosen}) == len({str(config) for config in configs}) == len(chosen)
    assert all(config.schedule.max_steps == BUDGET.steps for config in configs)


def test_a_network_without_graph_reasoning_has_no_graph(small_config: Path) -> None:
    for heads in ("S2", "F"):
        changes = ("network.graph=false", f"network.heads={heads}")
        network = RoadNetwork(read_config(small_config, changes).network)
        assert not [name for name, _ in network.named_parameters() if "graph" in name]
        assert len(network(torch.zeros(2, 3, 64, 64)).roads) == len(network.road_head.strides)


@pytest.fixture
def exported(tmp_path: Path, data_root: Path, small_config: Path) -> Path:
    run.start(read_config(small_config, ("schedule.max_steps=2",)), data_root, tmp_path / "run")
    command = ["export", str(tmp_path / "run"), "--data", str(data_root), "--tile", "256"]
    assert main([*command, "-o", str(tmp_path / "model.onnx")]) == 0
    return tmp_path / "model.onnx"


def test_one_file_is_run_in_all_ways(exported: Path, data_root: Path, tmp_path: Path) -> None:
    folder = f"{data_root / 'drawn'}@1.0"
    assert main(["ablation", "--model", str(exported), "--test", folder, "-o", str(tmp_path / "out")]) == 0
    table = rows(tmp_path / "out" / "run.csv")
    names = [f"tiles of {side} px" for side in ablation.TILES_PX] + [
        "tiles of 256 px, flips",
        "tiles of 256 px, d4",
    ]
    assert [row["variant"] for row in table] == names
    assert all(0 <= float(row["data/drawn/iou"]) <= 1 for row in table)


def test_trainings_need_data_and_a_teacher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablation", "-o", str(tmp_path), "--config", "a.yaml"]) == 2
    assert "--data" in capsys.readouterr().err
