"""Folders of labelled scenes that a model is measured on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_training.datasets.folders import list_scenes, read_scene
from model_training.evaluation.figures import PROTOCOL, count_scenes, figures
from model_training.evaluation.prediction import PredictedScene, predict_scene
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.model_card import Evaluation


@dataclass(frozen=True)
class LabelledFolder:
    """A folder to be measured on; data sets are never pooled, since their labels mean different things."""

    name: str
    """How reports call it."""
    path: Path
    ground_resolution_m: float


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


def evaluation_for_card(folder: LabelledFolder, compute: Compute) -> Evaluation:
    """Figures of masks of a test set, as cards hold them.

    Raises:
        DatasetError: A scene cannot be read.
        ComputeError: The network failed.
    """
    counts = count_scenes(_predict(folder, compute), compute.card.thresholds)
    return Evaluation(folder.name, "test", PROTOCOL, figures(counts))


def _predict(folder: LabelledFolder, compute: Compute) -> Iterator[PredictedScene]:
    for paths in list_scenes(folder.path):
        yield predict_scene(read_scene(paths), folder.ground_resolution_m, compute)
