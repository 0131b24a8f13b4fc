"""Every configuration that is shipped trains, validates and writes a checkpoint, on drawn scenes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

import model_training
from model_training.configuration import RunConfig, StartConfig, read_config
from model_training.network.road_network import RoadNetwork
from model_training.training import run

CONFIGS_FOLDER = Path(model_training.__file__).parent / "configs"
CONFIGS = sorted(CONFIGS_FOLDER.glob("*.yaml"))
STAND_INS = {"convnext": "test_convnext", "tf_efficientnet": "test_efficientnet"}
SMALL = (
    "data.folders=[{path: drawn, ground_resolution_m: 1.0, share: 1.0}]",
    "data.ground_resolution_m=1.0",
    "data.crop_px=64",
    "data.validation_crop_px=64",
    "data.workers=0",
    "data.leave_out=[]",
    "network.encoder_weights=none",
    "network.pyramid_channels=8",
    "schedule.batch=2",
    "schedule.max_steps=2",
    "schedule.validate_every=1",
    "machine.threads=1",
    "machine.accelerator=cpu",
)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_trains(tmp_path: Path, data_root: Path, path: Path) -> None:
    encoder = read_config(path).network.encoder
    stand_in = next(small for family, small in STAND_INS.items() if encoder.startswith(family))
    config = with_a_teacher(tmp_path, data_root, read_config(path, (*SMALL, f"network.encoder={stand_in}")))
    run.start(config, data_root, tmp_path / "run")
    checkpoint = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 2
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())
    assert (tmp_path / "run" / "best.ckpt").exists()


def with_a_teacher(tmp_path: Path, data_root: Path, config: RunConfig) -> RunConfig:
    """The runs that a configuration builds upon are trained too, as small as itself."""
    if config.distil.teacher is not None:
        teacher = read_config(CONFIGS_FOLDER / "starter.yaml", (*SMALL, "network.encoder=test_efficientnet"))
        run.start(teacher, data_root, tmp_path / "teacher")
        distil = dataclasses.replace(config.distil, teacher=str(tmp_path / "teacher" / "last.ckpt"))
        config = dataclasses.replace(config, distil=distil)
    if config.start.weights is not None:
        run.start(dataclasses.replace(config, start=StartConfig()), data_root, tmp_path / "before")
        start = dataclasses.replace(config.start, weights=str(tmp_path / "before" / "last.ckpt"))
        config = dataclasses.replace(config, start=start)
    return config


STUDENT = 4.041675
PARAMETERS_M = {
    "paper": 90.8411,
    "base": 90.7676,
    "small": 51.3059,
    "starter": 3.6188,
    "student": STUDENT,
    "student_finetune": STUDENT,
    "example": 3.6188,
    "tiny": 29.6332,
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_network_has_its_size_and_takes_its_crops(path: Path) -> None:
    config = read_config(path)
    with torch.device("meta"):  # shapes and counts only, no memory
        network = RoadNetwork(dataclasses.replace(config.network, encoder_weights="none"))
    millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert millions == pytest.approx(PARAMETERS_M[path.stem], rel=1e-4)
    side = config.data.crop_px
    outputs = network(torch.empty(2, 3, side, side, device="meta"))
    assert [road.shape[-1] for road in outputs.roads] == [side // stride for stride in network.road_head.strides]
