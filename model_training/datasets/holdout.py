"""Which scenes are kept out of training, for validation and for choosing thresholds."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_training.datasets.folders import ScenePaths, list_scenes
from model_training.datasets.manifest import MANIFEST, sources_of
from model_training.errors import DatasetError

TRAINING, VALIDATION, LEFT_OUT = "training", "validation", "left out"
PREPARED_TRAINING, PREPARED_VALIDATION = "train", "validation"
Split = dict[str, dict[str, str]]
"""Per folder, the part ("training", "validation" or "left out") of each stem."""


def split_scenes(data_root: Path, folders: tuple[str, ...], fraction: float, seed: int) -> Split:
    """Say for each scene whether it is learnt from or held out.

    1. A folder `train` that `prepare` wrote together with `validation` is all learnt from, `validation` held out.
    2. Of any other folder, a fraction is drawn.
    """
    split: Split = {}
    for folder in folders:
        validation = _prepared_validation(data_root, folder)
        if validation is None or validation in folders:
            split |= draw_split(data_root, (folder,), fraction, seed)  # 2
        else:
            split[folder] = dict.fromkeys(_stems(data_root / folder), TRAINING)  # 1
            split[validation] = dict.fromkeys(_stems(data_root / validation), VALIDATION)
    return split


def _prepared_validation(data_root: Path, folder: str) -> str | None:
    """The folder of the validation crops that belong to a folder of training crops."""
    name = Path(folder).with_name(PREPARED_VALIDATION)
    is_prepared = Path(folder).name == PREPARED_TRAINING and (data_root / folder).with_name(MANIFEST).is_file()
    return name.as_posix() if is_prepared and (data_root / name / "images").is_dir() else None


def _stems(folder: Path) -> list[str]:
    return [scene.stem for scene in list_scenes(folder)]


def draw_split(data_root: Path, folders: tuple[str, ...], fraction: float, seed: int) -> Split:
    """Draw whole scenes at random, at least one of each folder; the same seed and stems give the same draw.

    Crops of one image, which `prepare` names in its manifest, are one scene: they overlap or touch. Only where a
    folder has crops of a single image are they drawn one by one.
    """
    split: Split = {}
    for folder in folders:
        stems = _stems(data_root / folder)
        source_of = _sources(data_root / folder, stems)
        sources = list(dict.fromkeys(source_of.values()))
        if len(sources) == 1:
            source_of, sources = {stem: stem for stem in stems}, stems
        count = max(1, math.floor(len(sources) * fraction))
        drawn = {sources[i] for i in np.random.default_rng(seed).permutation(len(sources))[:count].tolist()}
        split[folder] = {stem: VALIDATION if source_of[stem] in drawn else TRAINING for stem in stems}
    return split


def _sources(folder: Path, stems: list[str]) -> dict[str, str]:
    """The image that each scene was cut from; itself where no manifest lies beside the folder."""
    stated = sources_of(folder)
    return {stem: stated.get(stem, stem) for stem in stems}


def leave_out(split: Split, scenes: Sequence[str]) -> Split:
    """The split with some scenes neither learnt from nor held out.

    Args:
        split: As drawn.
        scenes: As "<folder>/<stem>".

    Raises:
        DatasetError: There is no such scene.
    """
    parts = {folder: dict(stems) for folder, stems in split.items()}
    for scene in scenes:
        folder, _, stem = scene.rpartition("/")
        if stem not in parts.get(folder, {}):
            raise DatasetError(Path(scene), "is no scene of this run", "Correct data.leave_out, <folder>/<stem>")
        parts[folder][stem] = LEFT_OUT
    return parts


def write_split(path: Path, split: Split) -> None:
    """Write as CSV: folder, stem, part."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("folder", "stem", "part"))
        writer.writerows((folder, stem, part) for folder, parts in split.items() for stem, part in parts.items())


def read_split(path: Path) -> Split:
    """Read what `write_split` wrote.

    Raises:
        DatasetError: The file is missing or is not such a table.
    """
    split: Split = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                split.setdefault(row["folder"], {})[row["stem"]] = row["part"]
    except (OSError, KeyError) as error:
        raise DatasetError(
            path, f"cannot be read as a split ({error})", "It has the columns folder, stem, part"
        ) from error
    return split


def scenes_of(data_root: Path, folder: str, split: Split, part: str) -> tuple[ScenePaths, ...]:
    """The scenes of one part of a folder; those held out may lie in the prepared folder `validation` beside it.

    Raises:
        DatasetError: The folder has scenes that the split does not know, or none in this part.
    """
    chosen = _scenes_in(data_root, folder, split, part)
    validation = _prepared_validation(data_root, folder)
    if not chosen and part == VALIDATION and validation in split:
        chosen = _scenes_in(data_root, validation, split, part)
    if not chosen:
        raise DatasetError(data_root / folder, f"has no scene for {part}", "Change data.holdout_fraction or add scenes")
    return chosen


def _scenes_in(data_root: Path, folder: str, split: Split, part: str) -> tuple[ScenePaths, ...]:
    scenes = list_scenes(data_root / folder)
    parts = split.get(folder, {})
    for scene in scenes:
        if scene.stem not in parts:
            raise DatasetError(scene.image, "is not in the split of this run", "Start a new run after adding images")
    return tuple(scene for scene in scenes if parts[scene.stem] == part)
