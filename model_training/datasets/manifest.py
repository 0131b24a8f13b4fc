"""What the manifest that `prepare` writes beside its folders says of the crops in one of them."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import median

from model_training.errors import DatasetError

MANIFEST = "manifest.csv"
_TOLERANCE = 1.1
"""Largest ratio between the configured ground resolution and the manifest's that passes for a more exact figure."""


def sources_of(folder: Path) -> dict[str, str]:
    """The name of the image that each crop was cut from, by stem; empty where there is no manifest."""
    return {Path(row["crop"]).stem: row["source"] for row in _rows(folder)}


def stated_resolutions_m(folder: Path) -> tuple[float, ...]:
    """Metres on the ground per pixel of each crop; empty where there is no manifest."""
    return tuple(float(row["ground_resolution_m"]) for row in _rows(folder))


def check_resolution(folder: Path, configured_m: float) -> None:
    """Refuse a ground resolution that is not the one that the crops were cut at.

    Raises:
        DatasetError: The manifest says another; the median counts where its crops differ.
    """
    stated = stated_resolutions_m(folder)
    if not stated:
        return
    stated_m = median(stated)
    if max(stated_m, configured_m) > _TOLERANCE * min(stated_m, configured_m):
        problem = f"has {stated_m:g} m per pixel by its {MANIFEST}, but the configuration says {configured_m:g}"
        raise DatasetError(folder, problem, "Correct ground_resolution_m in data.folders")


def _rows(folder: Path) -> list[dict[str, str]]:
    manifest = folder.absolute().with_name(MANIFEST)
    if not manifest.is_file():
        return []
    with manifest.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["split"] == folder.name]
