"""Folders of labelled scenes that a model is measured on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from model_training.datasets.folders import ScenePaths, list_scenes, read_scene
from model_training.datasets.manifest import stated_resolutions_m
from model_training.errors import DatasetError
from model_training.evaluation.figures import PROTOCOL, count_scenes, figures
from model_training.evaluation.prediction import PredictedScene, predict_scene
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.model_card import Evaluation

_ALIKE = 1.01
"""Largest ratio of ground resolutions that pass for one."""


@dataclass(frozen=True)
class LabelledFolder:
    """A folder to be measured on; data sets are never pooled, since their labels mean different things."""

    name: str
    """How reports call it."""
    path: Path
    ground_resolution_m: float
    left_out: tuple[str, ...] = ()
    """Stems that do not count, as those that the network has seen."""

    @property
    def title(self) -> str:
        """Its name, with what is left out."""
        return f"{self.name} without {', '.join(self.left_out)}" if self.left_out else self.name

    def scenes(self) -> tuple[ScenePaths, ...]:
        """The scenes that count.

        Raises:
            DatasetError: The folder is incomplete, or has nothing but what is left out.
        """
        scenes = tuple(scene for scene in list_scenes(self.path) if scene.stem not in self.left_out)
        if not scenes:
            raise DatasetError(self.path, "has no scene that is not left out", "Leave out less")
        return scenes


def parse_folders(texts: Sequence[str], leave_out: Sequence[str] = ()) -> tuple[LabelledFolder, ...]:
    """Folders as `parse_folder` reads them, without some scenes.

    Args:
        texts: As "FOLDER@METRES".
        leave_out: Scenes as "<name of the folder>/<stem>", as in "dubai/test/t8_004".

    Raises:
        RequestError: A folder is wrong, or a scene is in none of them.
    """
    folders = []
    unused = set(leave_out)
    for folder in map(parse_folder, texts):
        stems = [scene.rpartition("/")[2] for scene in leave_out if scene.rpartition("/")[0] == folder.name]
        known = {scene.stem for scene in list_scenes(folder.path)} if stems else set()
        unused -= {f"{folder.name}/{stem}" for stem in known}
        folders.append(dataclasses.replace(folder, left_out=tuple(stems)))
    if unused:
        raise RequestError("--leave-out", min(unused), f"a scene of {', '.join(f.name for f in folders)}")
    return tuple(folders)


def parse_folder(text: str) -> LabelledFolder:
    """Read "FOLDER@METRES"; without "@METRES" the manifest that `prepare` wrote says it, and else it is 1 m per pixel.

    Raises:
        RequestError: What follows the @ is not a positive number, or the crops of a folder without it differ.
    """
    path, at, metres = text.rpartition("@")
    if not at:
        path = text
    try:
        resolution = float(metres) if at else _prepared_resolution(Path(path))
    except ValueError:
        resolution = 0.0
    if resolution <= 0:
        raise RequestError("ground resolution", text, "a folder, then @, then metres per pixel, as in data/test@0.5")
    return LabelledFolder("/".join(Path(path).parts[-2:]), Path(path), resolution)


def _prepared_resolution(folder: Path) -> float:
    """The ground resolution of a folder's crops by the manifest beside it, 1 m where there is none.

    Raises:
        RequestError: They have several.
    """
    stated = stated_resolutions_m(folder) or (1.0,)
    if max(stated) > _ALIKE * min(stated):
        wanted = f"one for all of its images, which have {min(stated):g} to {max(stated):g} m per pixel; see `prepare`"
        raise RequestError("ground resolution", folder, wanted)
    return median(stated)


def evaluation_for_card(folder: LabelledFolder, compute: Compute) -> Evaluation:
    """Figures of masks of a test set, as cards hold them.

    Raises:
        DatasetError: A scene cannot be read.
        ComputeError: The network failed.
    """
    counts = count_scenes(_predict(folder, compute), compute.card.thresholds)
    return Evaluation(folder.title, "test", PROTOCOL, figures(counts))


def _predict(folder: LabelledFolder, compute: Compute) -> Iterator[PredictedScene]:
    for paths in folder.scenes():
        yield predict_scene(read_scene(paths), folder.ground_resolution_m, compute)
