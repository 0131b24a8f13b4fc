"""Evaluating an exported file on folders, and writing what came out."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_training.datasets.folders import list_scenes, read_scene
from model_training.evaluation.figures import PROTOCOL, count_scene, figures
from model_training.evaluation.prediction import PredictedScene, predict_scene
from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.metrics.segmentation import EMPTY
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.errors import OutputError, RequestError
from road_extractor_plugin.contract.model_card import Evaluation
from road_extractor_plugin.contract.model_file import read_card

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledFolder:
    """A folder to be measured on."""

    name: str
    """How reports call it."""
    path: Path
    ground_resolution_m: float


@dataclass(frozen=True)
class FolderResult:
    """Figures of one folder; data sets are never pooled, since their labels mean different things."""

    evaluation: Evaluation
    scenes: dict[str, dict[str, float]]
    """Figures of each scene by stem."""


def parse_folder(text: str) -> LabelledFolder:
    """Read "FOLDER@METRES"; without "@METRES" the images have 1 m per pixel.

    Raises:
        RequestError: What follows the @ is not a positive number.
    """
    path, at, metres = text.rpartition("@")
    if not at:
        path, metres = text, "1"
    try:
        resolution = float(metres)
    except ValueError:
        resolution = 0.0
    if resolution <= 0:
        raise RequestError("ground resolution", text, "a folder, then @, then metres per pixel, as in data/test@0.5")
    return LabelledFolder("/".join(Path(path).parts[-2:]), Path(path), resolution)


def predict_folder(folder: LabelledFolder, compute: Compute) -> Iterator[PredictedScene]:
    """Predictions of all scenes of a folder, one by one.

    Raises:
        DatasetError: A scene cannot be read.
        ComputeError: The network failed.
    """
    for paths in list_scenes(folder.path):
        yield predict_scene(read_scene(paths), folder.ground_resolution_m, compute)


def evaluate_folder(folder: LabelledFolder, compute: Compute, split: str) -> FolderResult:
    """Figures of a folder at the card's thresholds.

    Raises:
        DatasetError: A scene cannot be read.
        ComputeError: The network failed.
    """
    total, scenes = EMPTY, {}
    for scene in predict_folder(folder, compute):
        counts = count_scene(scene, compute.card.thresholds)
        scenes[scene.stem] = figures(counts)
        total += counts
    LOG.info("%s: IoU %.3f, relaxed F1 %.3f (%d scenes)", folder.name, total.iou, total.relaxed_f1, len(scenes))
    return FolderResult(Evaluation(folder.name, split, PROTOCOL, figures(total)), scenes)


def evaluate_model(model: Path, folders: tuple[LabelledFolder, ...], output: Path) -> None:
    """Evaluate a file and write `evaluation.json` and `evaluation.csv` (one row per scene).

    Raises:
        ModelUnreadableError: Not an ONNX file.
        ModelCardError: Its card is wrong.
        DatasetError: A scene cannot be read.
        OutputError: The output folder cannot be written.
    """
    compute = LocalCompute(model, read_card(model))
    results = tuple(evaluate_folder(folder, compute, "test") for folder in folders)
    card = compute.card
    summary = {
        "model": card.name,
        "version": card.version,
        "thresholds": {"high": card.thresholds.high, "low": card.thresholds.low},
        "protocol": PROTOCOL,
        "data": {result.evaluation.data: result.evaluation.figures for result in results},
    }
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / "evaluation.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        _write_scenes(output / "evaluation.csv", results)
    except OSError as error:
        problem = f"Cannot write into '{output}' ({error.strerror})"
        raise OutputError(problem, "Choose another folder with -o") from error


def _write_scenes(path: Path, results: tuple[FolderResult, ...]) -> None:
    names = list(figures(EMPTY))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["data", "scene", *names])
        for result in results:
            for stem, values in result.scenes.items():
                writer.writerow([result.evaluation.data, stem, *(values[name] for name in names)])
