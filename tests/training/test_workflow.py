"""The whole way of a model, by the commands that a user types: raw data set to roads on a raster."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import yaml
from lightning.pytorch import Callback
from osgeo import gdal, ogr, osr
from PIL import Image

from model_training.cli import main as train_main
from model_training.training import run
from road_extractor_plugin.cli import main as plugin_main

SIDE_PX = 160
STEPS = 6


@pytest.fixture
def raw(tmp_path: Path, write_folder: Callable[..., Path]) -> Path:
    """The Massachusetts data set as it unpacks, in miniature."""
    root = tmp_path / "raw"
    for split, count in (("train", 4), ("val", 1), ("test", 2)):
        drawn = write_folder(tmp_path / "drawn" / split, count, (SIDE_PX, SIDE_PX))
        for images, target, suffix in (("images", split, "tiff"), ("masks", f"{split}_labels", "tif")):
            (root / "tiff" / target).mkdir(parents=True)
            for path in (drawn / images).iterdir():
                with Image.open(path) as picture:
                    picture.save(root / "tiff" / target / f"{split}_{path.stem}.{suffix}")
    return root


@pytest.fixture
def config(tmp_path: Path, small_config: Path) -> Path:
    """Two short epochs: six steps, a validation and a checkpoint every three."""
    settings = yaml.safe_load(small_config.read_text())
    settings["data"]["folders"] = [{"path": "massachusetts/train", "ground_resolution_m": 1.0, "share": 1.0}]
    settings["schedule"].update(max_steps=STEPS, validate_every=STEPS // 2)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture
def scene(tmp_path: Path, raw: Path) -> Path:
    """A test image with a place on the ground."""
    (image,) = (raw / "tiff" / "test").glob("test_s0.tiff")
    pixels = np.asarray(Image.open(image)).transpose(2, 0, 1)
    path = tmp_path / "scene.tif"
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), SIDE_PX, SIDE_PX, 3, gdal.GDT_Byte)
    dataset.SetGeoTransform((500000, 1, 0, 5000000, 0, -1))
    system = osr.SpatialReference()
    system.ImportFromEPSG(32632)
    dataset.SetProjection(system.ExportToWkt())
    dataset.WriteArray(pixels)
    return path


class InterruptAfter(Callback):
    """Ends the training as Ctrl+C would, at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def interrupted(monkeypatch: pytest.MonkeyPatch, command: list[str]) -> int:
    build = run.build_trainer

    def with_interrupt(*arguments: Any) -> Any:
        trainer = build(*arguments)
        trainer.callbacks.append(InterruptAfter(STEPS // 2 + 1))
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(run, "build_trainer", with_interrupt)
        return train_main(command)


def test_from_a_raw_data_set_to_roads_on_a_raster(
    tmp_path: Path, raw: Path, config: Path, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, mine, model = tmp_path / "data", tmp_path / "runs" / "mine", tmp_path / "mine.onnx"
    test = f"{data / 'massachusetts' / 'test'}@1.0"
    prepared = ["-o", str(data / "massachusetts"), "--crop", "96", "--workers", "1"]
    assert train_main(["prepare", "massachusetts", str(raw), *prepared]) == 0
    assert interrupted(monkeypatch, ["train", "--data", str(data), "--config", str(config), "--run", str(mine)]) == 2
    assert train_main(["train", "--data", str(data), "--run", str(mine), "--resume"]) == 0
    exported = ["--tile", "64", "--test", test, "-o", str(model)]
    assert train_main(["export", str(mine), "--data", str(data), *exported]) == 0
    assert train_main(["evaluate", str(model), test, "-o", str(tmp_path / "report")]) == 0
    # Six steps teach nothing: a low threshold lets roads be drawn all the same.
    found = ["--threshold", "0.01", "--min-area", "0", "--min-component", "0", "--model", str(model)]
    assert plugin_main(["extract", str(scene), "-o", str(tmp_path / "out"), *found]) == 0

    with (data / "massachusetts" / "manifest.csv").open() as file:
        crops = list(csv.DictReader(file))
    assert len(crops) == (4 + 1 + 2) * 4
    summary = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert summary["data"]["massachusetts/test"]["scenes"] == 2 * 4
    roads = ogr.Open(str(tmp_path / "out" / "scene_roads.gpkg"))
    assert roads is not None
    probability = gdal.Open(str(tmp_path / "out" / "scene_probability.tif")).ReadAsArray()
    assert probability.shape == (SIDE_PX, SIDE_PX)
    assert probability.max() > probability.min()
