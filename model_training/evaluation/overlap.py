"""Whether imagery of a test folder was in a training folder: by exact pixels, and by correlation at every shift.

A network that has seen its test images is measured on its memory. Names do not tell: data sets are renamed, cut anew
and compressed again.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import gaussian_filter
from tqdm import tqdm

from model_training.datasets.folders import Scene, read_scene
from model_training.errors import OverlapError
from model_training.evaluation.labelled_folder import LabelledFolder
from road_extractor_plugin.contract.errors import OutputError

LOG = logging.getLogger(__name__)
SCENES, NEAREST = "scenes.csv", "nearest.csv"
TRAINING, TEST = "training", "test"
CELL_M = 4.0
"""Side of the cells in which images are compared."""
FINE_CELLS, COARSE_CELLS = 0.7, 6.0
"""Deviations of the two Gaussians whose difference is compared: neither noise nor the light of the day."""
FAINT = 3.0
"""Where detail has fewer grey levels than this, as on water, there is nothing to compare."""
LEAST_CELLS = 2000.0
"""Smallest overlap with detail that is looked for, 180 m square; less of it is alike by chance."""
SAME_PLACE = 45.0
"""Evidence from which two images show the same place; of different places it stays below about 32."""

Array = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]


@dataclass(frozen=True)
class SceneRecord:
    """One image of one folder: a line of `scenes.csv`."""

    part: str
    """"training" or "test"."""
    folder: str
    stem: str
    width_px: int
    height_px: int
    sha256: str
    """Of the decoded RGB bytes, row by row."""


@dataclass(frozen=True)
class Nearest:
    """The training image most like a test image: a line of `nearest.csv`."""

    folder: str
    stem: str
    training_folder: str
    training_stem: str
    correlation: float
    """-1..1, at the best shift; 0 where no shift has enough detail in common."""
    shared_cells: int
    """Cells with detail in the overlap at that shift."""

    @property
    def evidence(self) -> float:
        """Correlation times the root of the cells: by chance, it does not grow with the overlap."""
        return self.correlation * math.sqrt(self.shared_cells)

    @property
    def is_same_place(self) -> bool:
        """Whether the two overlap."""
        return self.evidence >= SAME_PLACE


@dataclass(frozen=True, eq=False)
class _Reduced:
    """An image in cells."""

    record: SceneRecord
    detail: Array
    known: Array

    def spectra(self, shape: tuple[int, int]) -> tuple[Spectrum, Spectrum, Spectrum]:
        """Of its detail, of the square of it, and of where it is known, padded to a shape."""
        layers = (self.detail, self.detail * self.detail, self.known)
        first, second, third = (rfft2(layer, shape) for layer in layers)
        return first, second, third


def check_overlap(training: Sequence[LabelledFolder], test: Sequence[LabelledFolder], output: Path) -> None:
    """Compare all test images with all training images, and write both tables.

    Raises:
        DatasetError: A scene cannot be read.
        OutputError: The tables cannot be written.
        OverlapError: A test image is, or shows part of, a training image; the tables are written nevertheless.
    """
    scenes, nearest = compare(training, test)
    try:
        output.mkdir(parents=True, exist_ok=True)
        _write(output / SCENES, scenes)
        _write(output / NEAREST, nearest)
    except OSError as error:
        problem = f"Cannot write into '{output}' ({error.strerror})"
        raise OutputError(problem, "Choose another folder with -o") from error
    same = [pair for pair in nearest if pair.is_same_place]
    if same:
        raise OverlapError(
            [f"{pair.folder}/{pair.stem} and {pair.training_folder}/{pair.training_stem}" for pair in same]
        )
    highest = max(pair.evidence for pair in nearest)
    LOG.info("no overlap among %d test images; most evidence %.0f of %.0f", len(nearest), highest, SAME_PLACE)


def compare(
    training: Sequence[LabelledFolder], test: Sequence[LabelledFolder]
) -> tuple[list[SceneRecord], list[Nearest]]:
    """All scenes, and for each test image the training image most like it.

    1. Images are averaged over cells of 4 m and made grey; only their detail is kept (a difference of Gaussians), at
       the same strength everywhere, so that no white roof or edge of a wood decides.
    2. At every whole shift where enough overlaps, the two are correlated over the overlap:
       sum ab / sqrt(sum aa * sum bb), all three by Fourier transforms.
    3. The shift with the most evidence counts, and of all training images the one with the most.
    """
    tests = [_reduced(scene, folder, TEST) for folder, scene in _scenes(test)]
    best: list[Nearest | None] = [None] * len(tests)
    records = [reduced.record for reduced in tests]
    count = sum(len(folder.scenes()) for folder in training)
    for folder, scene in tqdm(_scenes(training), total=count, unit="image", disable=None):
        trained = _reduced(scene, folder, TRAINING)
        records.append(trained.record)
        for index, candidate in enumerate(tests):
            pair = _compared(candidate, trained)
            old = best[index]
            best[index] = pair if old is None or pair.evidence > old.evidence else old  # 3
    return sorted(records, key=lambda record: (record.part, record.folder, record.stem)), [b for b in best if b]


def _scenes(folders: Sequence[LabelledFolder]) -> Iterator[tuple[LabelledFolder, Scene]]:
    return ((folder, read_scene(paths)) for folder in folders for paths in folder.scenes())


def _cell_px(folder: LabelledFolder) -> int:
    return max(round(CELL_M / folder.ground_resolution_m), 1)


def _reduced(scene: Scene, folder: LabelledFolder, part: str) -> _Reduced:
    height, width = scene.road.shape
    digest = hashlib.sha256(scene.image.tobytes()).hexdigest()
    record = SceneRecord(part, folder.name, scene.stem, width, height, digest)
    return _Reduced(record, *detail_in_cells(scene, _cell_px(folder)))  # 1


def detail_in_cells(scene: Scene, cell_px: int) -> tuple[Array, Array]:
    """Rule 1 of `compare`: the detail of an image, and 1 where there is any; both (height / cell, width / cell)."""
    rows, columns = (length // cell_px for length in scene.road.shape)

    def average(layer: npt.NDArray[np.generic]) -> Array:
        cut = layer[: rows * cell_px, : columns * cell_px].astype(np.float32)
        averages: Array = cut.reshape(rows, cell_px, columns, cell_px).mean(axis=(1, 3), dtype=np.float32)
        return averages

    known = (average(scene.valid) == 1.0).astype(np.float32)
    grey = average(scene.image.mean(axis=2, dtype=np.float32)) * known
    fine, coarse = (_smooth(grey, known, deviation) for deviation in (FINE_CELLS, COARSE_CELLS))
    detail = (fine - coarse) * known
    strength = np.sqrt(_smooth(detail * detail, known, COARSE_CELLS))
    clear = known * (strength > FAINT)
    clear_detail: Array = detail * clear / np.maximum(strength, np.float32(FAINT))
    return clear_detail, clear


def _smooth(grey: Array, known: Array, deviation: float) -> Array:
    """A Gaussian average of the known cells."""
    weight = gaussian_filter(known, deviation, mode="constant")
    smoothed: Array = gaussian_filter(grey, deviation, mode="constant") / np.maximum(weight, np.float32(1e-6))
    return smoothed


def _compared(test: _Reduced, trained: _Reduced) -> Nearest:
    names = (test.record.folder, test.record.stem, trained.record.folder, trained.record.stem)
    rows, columns = (
        next_fast_len(mine + theirs, real=True) for mine, theirs in zip(test.known.shape, trained.known.shape)
    )
    mine, my_squares, my_known = test.spectra((rows, columns))
    theirs, their_squares, their_known = (np.conj(spectrum) for spectrum in trained.spectra((rows, columns)))
    energy, of_test, of_trained, common = (
        irfft2(product)
        for product in (mine * theirs, my_squares * their_known, my_known * their_squares, my_known * their_known)
    )
    scale = np.sqrt(np.maximum(of_test, 1e-3) * np.maximum(of_trained, 1e-3))
    correlation = np.where(common >= LEAST_CELLS, energy / scale, 0.0)  # 2
    place = int((correlation * np.sqrt(np.maximum(common, 0.0))).argmax())  # 3
    return Nearest(*names, round(float(correlation.flat[place]), 3), round(float(common.flat[place])))


def read_records(path: Path) -> list[SceneRecord]:
    """The lines of a `scenes.csv`."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            SceneRecord(**{**row, "width_px": int(row["width_px"]), "height_px": int(row["height_px"])})  # type: ignore[arg-type]
            for row in csv.DictReader(file)
        ]


def read_nearest(path: Path) -> list[Nearest]:
    """The lines of a `nearest.csv`."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Nearest(**{**row, "correlation": float(row["correlation"]), "shared_cells": int(row["shared_cells"])})  # type: ignore[arg-type]
            for row in csv.DictReader(file)
        ]


def _write(path: Path, lines: Sequence[SceneRecord] | Sequence[Nearest]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in dataclasses.fields(lines[0])])
        writer.writerows(dataclasses.astuple(line) for line in lines)
