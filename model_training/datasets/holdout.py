"""Which scenes are kept out of training, for validation and for choosing thresholds."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from model_training.datasets.folders import ScenePaths, list_scenes
from model_training.errors import DatasetError

TRAINING, VALIDATION = "training", "validation"
Split = dict[str, dict[str, str]]
"""Per folder, the part ("training" or "validation") of each stem."""


def draw_split(data_root: Path, folders: tuple[str, ...], fraction: float, seed: int) -> Split:
    """Draw whole scenes at random, at least one of each folder; the same seed and stems give the same draw.

    Crops of one image, which `prepare` names in its manifest, are one scene: they overlap or touch. Only where a
    folder has crops of a single image are they drawn one by one.
    """
    split: Split = {}
    for folder in folders:
        stems = [scene.stem for scene in list_scenes(data_root / folder)]
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
    sources = {stem: stem for stem in stems}
    manifest = folder.parent / "manifest.csv"
    if manifest.is_file():
        with manifest.open(newline="", encoding="utf-8") as file:
            sources.update({Path(row["crop"]).stem: row["source"] for row in csv.DictReader(file)})
    return {stem: sources[stem] for stem in stems}


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
    """The scenes of one part of a folder.

    Raises:
        DatasetError: The folder has scenes that the split does not know, or none in this part.
    """
    scenes = list_scenes(data_root / folder)
    parts = split.get(folder, {})
    for scene in scenes:
        if scene.stem not in parts:
            raise DatasetError(scene.image, "is not in the split of this run", "Start a new run after adding images")
    chosen = tuple(scene for scene in scenes if parts[scene.stem] == part)
    if not chosen:
        raise DatasetError(data_root / folder, f"has no scene for {part}", "Change data.holdout_fraction or add scenes")
    return chosen
