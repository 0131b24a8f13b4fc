from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model_training.cli import main
from model_training.configuration import read_config
from model_training.errors import CheckpointError
from model_training.training import run
from model_training.training.weights import HEADS, read_weights, take_weights


@pytest.fixture
def trained(tmp_path: Path, data_root: Path, small_config: Path) -> Path:
    """The checkpoint of a short run."""
    config = read_config(small_config, ("schedule.max_steps=2",))
    run.start(config, data_root, tmp_path / "trained")
    return tmp_path / "trained" / "last.ckpt"


def test_fine_tuning_from_the_command_line_takes_weights_and_nothing_else(
    tmp_path: Path, data_root: Path, small_config: Path, trained: Path
) -> None:
    folder = tmp_path / "tuned"
    arguments = ["train", "--config", str(small_config), "--data", str(data_root), "--run", str(folder)]
    changes = ["--set", "schedule.max_steps=2", "--set", "schedule.average_decay=0", "--set", "schedule.warmup=0"]
    assert main([*arguments, *changes, "--finetune", str(trained), "--freeze-encoder", "2"]) == 0
    before, after = read_weights(trained), read_weights(folder / "last.ckpt")
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert not name.startswith("encoder.") or torch.equal(value, after[name]), name
    assert any(not torch.equal(value, after[name]) for name, value in before.items() if name.startswith(HEADS))
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == 2
    assert run.read_run_config(folder).start.freeze_encoder_steps == 2


def test_a_frozen_encoder_learns_again_after_its_steps(
    tmp_path: Path, data_root: Path, small_config: Path, trained: Path
) -> None:
    config = read_config(
        small_config, (f"start.weights={trained}", "start.freeze_encoder_steps=1", "schedule.average_decay=0")
    )
    run.start(config, data_root, tmp_path / "tuned")
    before, after = read_weights(trained), read_weights(tmp_path / "tuned" / "last.ckpt")
    changed = [name for name, value in before.items() if not torch.equal(value, after[name])]
    assert any(name.startswith("encoder.") and name.endswith("running_mean") for name in changed)
    assert any(name.startswith("encoder.") and name.endswith("weight") for name in changed)


def test_reset_heads_keeps_all_but_the_heads(small_config: Path, trained: Path) -> None:
    torch.manual_seed(99)
    network = run.RoadNetwork(read_config(small_config).network)
    fresh = {name: value.clone() for name, value in network.state_dict().items()}
    take_weights(network, trained, reset_heads=True)
    given = read_weights(trained)
    for name, value in network.state_dict().items():
        assert torch.equal(value, fresh[name] if name.startswith(HEADS) else given[name]), name


@pytest.mark.parametrize(
    ("override", "reset_heads", "problem"),
    [
        ("network.orientation=classes", False, r"'orientation_head\.\S+' is .*; reset the heads \(--reset-heads\)"),
        ("network.heads=F", False, r"'road_head\.\S+' is not there and .* here; reset the heads"),
        ("network.pyramid_channels=16", True, r"'pyramid\.\S+' is .* there and .* here; take the network of that run"),
        ("network.encoder=test_resnet", True, r"'encoder\.\S+' is not there"),
    ],
)
def test_weights_of_another_network_are_refused_with_the_way_out(
    small_config: Path, trained: Path, override: str, reset_heads: bool, problem: str
) -> None:
    network = run.RoadNetwork(read_config(small_config, (override,)).network)
    with pytest.raises(CheckpointError, match=problem):
        take_weights(network, trained, reset_heads=reset_heads)


def test_other_heads_start_from_the_same_encoder(small_config: Path, trained: Path) -> None:
    network = run.RoadNetwork(read_config(small_config, ("network.heads=F", "network.orientation=classes")).network)
    take_weights(network, trained, reset_heads=True)
    given = read_weights(trained)
    assert all(torch.equal(value, given[f"encoder.{name}"]) for name, value in network.encoder.state_dict().items())


def test_a_file_that_is_no_checkpoint_of_ours_is_refused(tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match=r"other\.ckpt.*holds no network of this program"):
        read_weights(tmp_path / "other.ckpt")
