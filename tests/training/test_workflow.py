"""The whole way of a model, by the commands that a user types: each raw data set to roads on a raster."""

from __future__ import annotations

import csv
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest
import torch
import yaml
from lightning.pytorch import Callback
from osgeo import gdal, ogr

from model_training.cli import main as train_main
from model_training.training import run
from road_extractor_plugin.cli.main import main as plugin_main

STEPS = 6
CUT = ["--crop", "96", "--workers", "1", "--validation-share", "0.25", "--test-share", "0.25"]


@dataclass(frozen=True)
class Layout:
    """A raw data set and what a user types for it."""

    ground_resolution_m: float
    """Of its crops."""
    prepare: str
    """Where it is, and options of `prepare`; `{raw}` is its folder."""
    scene: str
    """One of its images."""
    extract: str = ""
    """Options with which `extract` reads that image."""


LAYOUTS = {
    "deepglobe": Layout(0.5, "{raw}", "test/400_sat.jpg", "--ground-resolution 0.5"),
    "massachusetts": Layout(1.0, "{raw}", "tiff/test/10220_test.tiff", "--ground-resolution 1"),
    "spacenet": Layout(
        0.3,
        "{raw} --road-width 6",
        "AOI_2_Vegas_Roads_Test_Public/MUL-PanSharpen/MUL-PanSharpen_AOI_2_Vegas_img77.tif",
        "--bands 5,3,2",
    ),
    "folder": Layout(1.0, "{raw} --ground-resolution 1", "images/s0.png", "--ground-resolution 1"),
    "geo": Layout(
        0.3, "{raw}/rasters --roads {raw}/roads.gpkg --width-field width --target-resolution 0.3", "rasters/a.tif"
    ),
}


@pytest.fixture
def raw(
    tmp_path: Path, drawn: Any, write_folder: Callable[..., Path], spacenet_tree: Path, geo_tree: Path
) -> dict[str, Path]:
    """Each data set as it unpacks, in miniature."""
    return {
        "deepglobe": drawn.deepglobe(tmp_path / "deepglobe", 8),
        "massachusetts": drawn.massachusetts(tmp_path / "massachusetts"),
        "spacenet": spacenet_tree,
        "folder": write_folder(tmp_path / "folder", 4),
        "geo": geo_tree,
    }


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


def write_config(path: Path, small_settings: dict[str, Any], layout: str) -> Path:
    """Two short epochs: six steps, a validation and a checkpoint every three."""
    resolution_m = LAYOUTS[layout].ground_resolution_m
    data = {
        "folders": [{"path": f"{layout}/train", "ground_resolution_m": resolution_m, "share": 1.0}],
        "ground_resolution_m": resolution_m,
        "ground_resolution_range_m": [0.3, 2.0],
        "validation_crop_px": 96,
    }
    settings = {
        **small_settings,
        "data": {**small_settings["data"], **data},
        "schedule": {**small_settings["schedule"], "max_steps": STEPS, "validate_every": STEPS // 2},
    }
    path.write_text(yaml.safe_dump(settings))
    return path


def prepared_splits(data: Path, layout: str, raw: Path) -> set[str]:
    """Runs `prepare`; the splits that the manifest names."""
    words = [word.format(raw=raw) for word in LAYOUTS[layout].prepare.split()]
    assert train_main(["prepare", layout, *words, "-o", str(data / layout), *CUT]) == 0
    with (data / layout / "manifest.csv").open(newline="") as file:
        return {row["split"] for row in csv.DictReader(file)}


def steps_done(folder: Path) -> int:
    return int(torch.load(folder / "last.ckpt", weights_only=True)["global_step"])


def train_interrupted_and_resumed(monkeypatch: pytest.MonkeyPatch, data: Path, folder: Path, config: Path) -> Path:
    """The checkpoint at the end."""
    train = ["train", "--data", str(data), "--run", str(folder)]
    assert interrupted(monkeypatch, [*train, "--config", str(config)]) == 2
    assert STEPS // 2 < steps_done(folder) < STEPS
    assert train_main([*train, "--resume"]) == 0
    assert steps_done(folder) == STEPS
    return folder / "last.ckpt"


def export_and_evaluate(data: Path, folder: Path, model: Path, layouts: tuple[str, ...]) -> dict[str, int]:
    """Scenes evaluated in each test folder."""
    tests = [f"{data / layout / 'test'}@{LAYOUTS[layout].ground_resolution_m}" for layout in layouts]
    exported = ["--tile", "64", "--test", tests[0], "-o", str(model)]
    assert train_main(["export", str(folder), "--data", str(data), *exported]) == 0
    report = model.parent / "report"
    assert train_main(["evaluate", str(model), *tests, "-o", str(report)]) == 0
    summary = json.loads((report / "evaluation.json").read_text())
    return {name: figures["scenes"] for name, figures in summary["data"].items()}


def assert_extracts(scene: Path, options: str, model: Path, out: Path) -> None:
    # Six steps teach nothing: a low threshold lets roads be drawn all the same.
    found = ["--threshold", "0.01", "--min-area", "0", "--min-component", "0", "--model", str(model)]
    assert plugin_main(["extract", str(scene), "-o", str(out), *options.split(), *found]) == 0
    roads = ogr.Open(str(out / f"{scene.stem}_roads.gpkg"))
    assert sum(layer.GetFeatureCount() for layer in roads) > 0
    probability = gdal.Open(str(out / f"{scene.stem}_probability.tif")).ReadAsArray()
    assert probability.max() > probability.min()


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("deepglobe", "massachusetts"),
        ("massachusetts", "spacenet"),
        ("spacenet", "deepglobe"),
        ("folder", "geo"),
        ("geo", "folder"),
    ],
)
def test_from_a_raw_data_set_to_roads_on_a_raster(
    tmp_path: Path,
    raw: dict[str, Path],
    small_settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    other: str,
) -> None:
    data, tuned, model = tmp_path / "data", tmp_path / "runs" / "tuned", tmp_path / "tuned.onnx"
    for layout in (first, other):
        assert prepared_splits(data, layout, raw[layout]) == {"train", "validation", "test"}

    config = write_config(tmp_path / "first.yaml", small_settings, first)
    checkpoint = train_interrupted_and_resumed(monkeypatch, data, tmp_path / "runs" / "trained", config)
    config = write_config(tmp_path / "other.yaml", small_settings, other)
    tune = ["train", "--data", str(data), "--run", str(tuned), "--config", str(config)]
    assert train_main([*tune, "--finetune", str(checkpoint), "--reset-heads"]) == 0

    evaluated = export_and_evaluate(data, tuned, model, (other, first))
    assert evaluated == {f"{n}/test": len(list((data / n / "test" / "images").iterdir())) for n in (other, first)}
    assert_extracts(raw[first] / LAYOUTS[first].scene, LAYOUTS[first].extract, model, tmp_path / "out")
