from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from model_training.cli import main
from model_training.datasets.folders import Scene
from model_training.errors import DatasetError
from model_training.evaluation.figures import count_scenes, figures
from model_training.evaluation.labelled_folder import parse_folder, parse_folders
from model_training.evaluation.networks import NetworkProtocols, network_figures, trace_scene
from model_training.evaluation.prediction import ArraySource, PredictedScene, predict_scene, resample
from model_training.evaluation.threshold_choice import CountsByThresholds, count_choices, nearly_best
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.grid import Window
from road_extractor_plugin.contract.model_card import ModelCard, Thresholds


class BrightIsRoad:
    """Stands for a network: the probability is the red band itself."""

    device = SimpleNamespace(batch_tiles=2)

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
    counts = [count_choices(items) for items in scenes]

    def choose_thresholds(data_sets: list[CountsByThresholds]) -> Thresholds:
        return nearly_best(data_sets, data_sets)[0]

    assert counts[0][Thresholds(high=0.5, low=0.4)] == count_scenes(scenes[0], Thresholds(high=0.5, low=0.4))
    weak_only = choose_thresholds(counts[:1])
    assert 100 / 254 < weak_only.low <= weak_only.high <= 130 / 254
    specks_only = choose_thresholds(counts[1:])
    assert 140 / 254 < specks_only.high <= 200 / 254
    both = choose_thresholds(counts)
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


def test_the_resolution_of_a_prepared_folder_is_read_from_its_manifest(tmp_path: Path) -> None:
    lines = ["crop,split,ground_resolution_m", "a,test,0.5", "b,test,0.502", "c,train,0.3", "d,train,0.5"]
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    assert parse_folder(str(tmp_path / "test")).ground_resolution_m == pytest.approx(0.501)
    assert parse_folder(f"{tmp_path / 'train'}@0.4").ground_resolution_m == 0.4
    with pytest.raises(RequestError, match=r"0\.3 to 0\.5 m per pixel"):
        parse_folder(str(tmp_path / "train"))


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


@pytest.fixture
def report(tmp_path: Path, write_folder: Callable[..., Path], tiny_model: Path) -> Path:
    """The report on three drawn scenes, the odd one with a valid mask, at half the model's ground resolution."""
    folder = write_folder(tmp_path / "a & b" / "test", 3, (192, 256))
    assert main(["evaluate", str(tiny_model), f"{folder}@0.5", "-o", str(tmp_path / "report")]) == 0
    return tmp_path / "report"


def test_a_report_has_all_its_parts_and_nothing_else(report: Path) -> None:
    files = sorted(str(path.relative_to(report)) for path in report.rglob("*") if path.is_file())
    pictures = [f"pictures/a___b_test/{part}s{number}.jpg" for number in range(3) for part in ("", "small/")]
    tables = ["curves.csv", "curves_a___b_test.png", "evaluation.csv", "evaluation.json", "index.html"]
    assert files == sorted(pictures + tables)
    assert [path.name for path in report.parent.iterdir() if path.name.startswith(".")] == []


def test_every_figure_names_its_protocol(report: Path) -> None:
    figures = json.loads((report / "evaluation.json").read_text())["data"]["a & b/test"]["figures"]
    assert {"iou", "relaxed_iou", "skeleton_f1", "apls_cosmiq", "apls_sat2graph", "topo_f1"} <= set(figures)
    assert "reference traced from the mask" in figures["apls_cosmiq"]["protocol"]
    assert "radius 150 m" in figures["topo_f1"]["protocol"]  # 128 m scenes are small tiles
    assert "square window of 9 px" in figures["skeleton_f1"]["protocol"]
    assert all(figure["protocol"] and 0 <= figure["value"] <= 1 for figure in figures.values())


def test_the_figures_of_a_data_set_are_sums_of_counts_and_means_of_networks(report: Path) -> None:
    summary = json.loads((report / "evaluation.json").read_text())["data"]["a & b/test"]["figures"]
    with (report / "evaluation.csv").open() as file:
        rows = list(csv.DictReader(file))
    means = {name: np.mean([float(row[name]) for row in rows]) for name in summary}
    assert summary["apls_cosmiq"]["value"] == pytest.approx(means["apls_cosmiq"], abs=1e-4)
    assert summary["topo_recall"]["value"] == pytest.approx(means["topo_recall"], abs=1e-4)


def test_curves_fall_in_recall_and_pass_the_card_s_point(report: Path) -> None:
    with (report / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["threshold"]) for row in rows] == [round(0.05 * step, 2) for step in range(1, 20)]
    recall = [float(row["recall"]) for row in rows]
    assert recall == sorted(recall, reverse=True)
    assert recall[0] > recall[-1]


def test_the_index_lists_scenes_worst_first_and_loads_nothing_from_elsewhere(report: Path) -> None:
    page = (report / "index.html").read_text()
    with (report / "evaluation.csv").open() as file:
        worst_first = sorted(csv.DictReader(file), key=lambda row: float(row["iou"]))
    places = [page.index(f"<td>{row['scene']}</td>") for row in worst_first]
    assert places == sorted(places)
    assert "a &amp; b/test" in page
    assert "<script" not in page
    assert "http" not in page
    for link in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert (report / unquote(link)).is_file()


def test_the_picture_is_image_label_heat_map_prediction_clockwise(report: Path, tmp_path: Path) -> None:
    with Image.open(report / "pictures" / "a___b_test" / "s0.jpg") as file:
        picture = np.asarray(file).astype(int)
    height, width = 96, 128
    image = np.asarray(Image.open(tmp_path / "a & b" / "test" / "images" / "s0.png"))
    blocks = image.reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
    assert np.abs(picture[:height, :width] - blocks).mean() < 10
    label = np.asarray(Image.open(tmp_path / "a & b" / "test" / "masks" / "s0.png"))[::2, ::2] > 0
    label_panel, heat_panel = picture[:height, -width:], picture[-height:, -width:]
    assert ((label_panel.mean(axis=2) > 128) == label).mean() > 0.95
    assert heat_panel[label].mean() > heat_panel[~label].mean() + 20
    assert picture.shape[0] - 2 * height == picture.shape[1] - 2 * width > 0


def test_a_second_evaluation_replaces_the_first(report: Path, tmp_path: Path, tiny_model: Path) -> None:
    (report / "notes.txt").write_text("mine")
    folder = tmp_path / "a & b" / "test"
    for name in ("images", "masks"):
        (folder / name / "s2.png").unlink()
    assert main(["evaluate", str(tiny_model), f"{folder}@0.5", "-o", str(report)]) == 0
    assert len(list((report / "pictures").rglob("*.jpg"))) == 4
    assert (report / "notes.txt").read_text() == "mine"


def test_a_perfect_prediction_scores_1_in_every_figure(card: ModelCard) -> None:
    road = np.zeros((200, 260), bool)
    road[96:103] = True
    road[:, 130:137] = True
    scene = predicted(np.where(road, 254, 0), road)
    traced = trace_scene(scene, card.thresholds, 1.0)
    protocols = NetworkProtocols.for_side(260.0)
    assert set(network_figures(traced, road.shape, 1.0, protocols).values()) == {1.0}
    assert set(figures(count_scenes([scene], card.thresholds)).values()) == {1.0}


def test_a_gap_costs_apls_more_than_pixels(card: ModelCard) -> None:
    road = np.zeros((200, 400), bool)
    road[96:103] = True
    broken = road.copy()
    broken[:, 195:215] = False
    scene = predicted(np.where(broken, 254, 0), road)
    found = network_figures(trace_scene(scene, card.thresholds, 1.0), road.shape, 1.0, NetworkProtocols.for_side(400.0))
    assert found["apls_cosmiq"] < 0.75 < figures(count_scenes([scene], card.thresholds))["iou"]


def test_evaluate_names_a_file_that_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.onnx").write_text("no model")
    assert main(["evaluate", str(tmp_path / "m.onnx"), "x", "-o", str(tmp_path / "r")]) == 2
    assert "m.onnx" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_scenes_left_out_do_not_count_and_are_named(tmp_path: Path, write_folder: Callable[..., Path]) -> None:
    texts = [f"{write_folder(tmp_path / name / 'test')}@1.0" for name in ("a", "b")]
    first, second = parse_folders(texts, ["b/test/s0", "b/test/s2"])
    assert [scene.stem for scene in first.scenes()] == ["s0", "s1", "s2"]
    assert [scene.stem for scene in second.scenes()] == ["s1"]
    assert (first.title, second.title) == ("a/test", "b/test without s0, s2")
    with pytest.raises(RequestError, match=r"--leave-out is 'b/test/s7', but must be a scene of a/test, b/test"):
        parse_folders(texts, ["b/test/s0", "b/test/s7"])
    nothing = parse_folders(texts[:1], ["a/test/s0", "a/test/s1", "a/test/s2"])[0]
    with pytest.raises(DatasetError, match="no scene that is not left out"):
        nothing.scenes()
