from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from model_training.cli import main
from model_training.datasets.folders import Scene
from model_training.evaluation.figures import choose_thresholds, count_scenes, figures
from model_training.evaluation.prediction import ArraySource, PredictedScene, predict_scene, resample
from model_training.evaluation.report import parse_folder
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.grid import Window
from road_extractor_plugin.contract.model_card import ModelCard, Thresholds


class BrightIsRoad:
    """Stands for a network: the probability is the red band itself."""

    def __init__(self, card: Any) -> None:
        self.card = card

    def predict(self, tiles: np.ndarray) -> np.ndarray:
        spec = self.card.input
        return tiles[:, 0] * spec.std[0] + spec.mean[0]


def make_scene(height: int = 150, width: int = 210) -> Scene:
    rng = np.random.default_rng(0)
    road = (rng.random((height, width)) < 0.1).astype(np.uint8)
    valid = np.ones_like(road)
    valid[:, :20] = 0
    image = np.repeat(road[..., None] * np.uint8(200), 3, axis=2)
    return Scene("drawn", image, road, valid)


def predicted(probability: np.ndarray, road: np.ndarray) -> PredictedScene:
    return PredictedScene("p", probability.astype(np.uint8), road, np.ones(road.shape, bool))


@pytest.mark.parametrize("window", [(0, 0, 4, 5), (-2, 3, 6, 9), (8, 8, 5, 5), (20, 20, 3, 3)], ids=str)
def test_an_array_source_reads_like_a_raster_and_is_invalid_beyond_its_edge(window: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(1, 255, (10, 12, 3)).astype(np.uint8)
    pixels, valid = ArraySource(image, np.ones((10, 12), bool)).read(Window(*window))
    wide = np.pad(image, ((30, 30), (30, 30), (0, 0)))
    rows, columns = slice(window[0] + 30, None), slice(window[1] + 30, None)
    expected = wide[rows, columns][: window[2], : window[3]]
    assert (pixels == expected.transpose(2, 0, 1)).all()
    assert (valid == (expected[..., 0] > 0)).all()


def test_tiles_of_a_scene_join_to_the_whole_at_the_card_s_resolution(card: ModelCard) -> None:
    scene = make_scene()
    found = predict_scene(scene, 1.0, BrightIsRoad(card))  # type: ignore[arg-type]
    assert (found.probability[:, :20] == 255).all()
    inside = found.valid
    assert (found.probability[inside] == np.round(scene.image[..., 0] / 255 * 254)[inside]).all()
    assert (found.road == (scene.road > 0)).all()


def test_resampling_averages_the_image_and_keeps_masks_binary() -> None:
    scene = make_scene(100, 100)
    half = resample(scene, 0.5, 1.0)
    assert half.image.shape == (50, 50, 3)
    blocks = scene.image[..., 0].reshape(50, 2, 50, 2).mean(axis=(1, 3))
    assert np.abs(half.image[..., 0] - blocks).max() <= 1
    assert set(np.unique(half.road)) == {0, 1}
    assert resample(scene, 1.0, 1.0) is scene


def test_thresholds_are_those_that_recover_the_roads_of_all_data_sets() -> None:
    road = np.zeros((60, 60), bool)
    road[30] = True
    with_weak_spurs = np.where(road, 130, 20)
    with_weak_spurs[10:50, ::9] = np.maximum(with_weak_spurs[10:50, ::9], 100)
    with_specks = np.where(road, 200, 20)
    with_specks[10, ::9] = 140
    scenes = [[predicted(with_weak_spurs, road)], [predicted(with_specks, road)]]
    weak_only = choose_thresholds(scenes[:1])
    assert 100 / 254 < weak_only.low <= weak_only.high <= 130 / 254
    specks_only = choose_thresholds(scenes[1:])
    assert 140 / 254 < specks_only.high <= 200 / 254
    both = choose_thresholds(scenes)
    worst = min(count_scenes(items, both).relaxed_f1 for items in scenes)
    assert worst > min(count_scenes(scenes[0], specks_only).relaxed_f1, count_scenes(scenes[1], weak_only).relaxed_f1)


def test_counts_use_the_hysteresis_of_the_plugin() -> None:
    road = np.zeros((9, 30), bool)
    road[4] = True
    probability = np.where(road, 120, 0)
    probability[0, :5] = 120
    probability[4, 10] = 200
    counts = count_scenes([predicted(probability, road)], Thresholds(high=0.7, low=0.4))
    assert figures(counts)["iou"] == 1.0


@pytest.mark.parametrize(
    ("text", "name", "resolution"),
    [("a/dubai/test@0.85", "dubai/test", 0.85), ("test", "test", 1.0), ("/a@b/c@2", "a@b/c", 2.0)],
)
def test_a_folder_is_given_with_its_resolution(text: str, name: str, resolution: float) -> None:
    folder = parse_folder(text)
    assert (folder.name, folder.ground_resolution_m) == (name, resolution)


@pytest.mark.parametrize("text", ["a@", "a@x", "a@-1", "a@0"])
def test_a_wrong_resolution_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="metres per pixel"):
        parse_folder(text)


def test_evaluate_writes_one_row_per_scene_and_never_pools_folders(
    tmp_path: Path, write_folder: Callable[..., Path], tiny_model: Path
) -> None:
    folders = [str(write_folder(tmp_path / name / "test", count)) for name, count in (("a", 2), ("b", 3))]
    assert main(["evaluate", str(tiny_model), *folders, "-o", str(tmp_path / "report")]) == 0
    summary = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert set(summary["data"]) == {"a/test", "b/test"}
    assert summary["thresholds"] == {"high": 0.5, "low": 0.25}
    with (tmp_path / "report" / "evaluation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["data"] for row in rows] == ["a/test"] * 2 + ["b/test"] * 3
    assert all(0 <= float(row["relaxed_f1"]) <= 1 for row in rows)


def test_evaluate_names_a_file_that_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.onnx").write_text("no model")
    assert main(["evaluate", str(tmp_path / "m.onnx"), "x", "-o", str(tmp_path / "r")]) == 2
    assert "m.onnx" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
