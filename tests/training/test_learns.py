"""Learns: four crops of the example are fitted to a training IoU above 0.90 within 1,000 steps. Minutes on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningDataModule
from PIL import Image
from torch.utils.data import DataLoader

from model_training.configuration import RunConfig, config_from
from model_training.datasets.crops import Source, ValidationCrops
from model_training.datasets.folders import Scene, binary_mask
from model_training.training import run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CROP_PX, WANTED_IOU = 256, 0.90
CONFIG: dict[str, Any] = {
    "network": {"encoder": "tf_efficientnet_lite0", "heads": "S2", "pyramid_channels": 64},
    "data": {"folders": [{"path": "example", "ground_resolution_m": 1.0, "share": 1.0}]},
    "schedule": {"batch": 4, "max_steps": 1000, "validate_every": 20, "learning_rate": 2e-3, "encoder_rate": 1.0},
    "loss": {"road_weight": 1.0, "orientation": 0.2},
    "machine": {"threads": 2, "accelerator": "cpu"},
}


class FourCrops(LightningDataModule):
    """The four crops around the example's middle, unchanged, to learn from and to measure on."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        image = np.asarray(Image.open(EXAMPLES / "csk_01.tif").convert("RGB"))
        road = binary_mask(np.asarray(Image.open(EXAMPLES / "csk_01_reference.tif")))
        scenes = []
        for top in (494, 494 + CROP_PX):
            for left in (494, 494 + CROP_PX):
                window = slice(top, top + CROP_PX), slice(left, left + CROP_PX)
                valid = np.ones((CROP_PX, CROP_PX), np.uint8)
                scenes.append(Scene(f"{top}_{left}", image[window], road[window], valid))
        source = Source("example", tuple(scenes), 1.0, 1.0)
        self.crops = ValidationCrops([source], config.input_spec(), crop_px=CROP_PX, orientation="vector")

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.crops, batch_size=4, sampler=list(range(4)) * 1000)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.crops, batch_size=4)


class Curve(Callback):
    """Prints the training IoU and ends when it is high enough."""

    def __init__(self) -> None:
        self.iou: list[float] = []

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self.iou.append(float(trainer.callback_metrics["score"]))
        print(f"step {trainer.global_step:>4}: IoU {self.iou[-1]:.3f}", flush=True)
        trainer.should_stop = trainer.should_stop or self.iou[-1] > WANTED_IOU


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_four_crops_of_the_example_are_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_from(CONFIG, tmp_path)
    curve = Curve()
    build = run.build_trainer

    def with_curve(config: RunConfig, folder: Path) -> Any:
        trainer = build(config, folder)
        trainer.callbacks.append(curve)
        return trainer

    monkeypatch.setattr(run, "build_trainer", with_curve)
    torch.set_num_threads(2)
    run.fit(config, FourCrops(config), tmp_path, checkpoint=None)
    assert max(curve.iou) > WANTED_IOU
