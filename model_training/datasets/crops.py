"""Crops for training and validation, as tensors.

A training crop is a function of the seed and its number alone. So it does not matter which process makes it or in
what order, and a resumed run goes on with the very crop at which it stopped.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from model_training.datasets.augmentation import AugmentationConfig, Crop, Warp, cut, recolour
from model_training.datasets.folders import Bytes, Scene
from model_training.datasets.orientation import orientation_label
from model_training.datasets.orientation_classes import orientation_classes
from model_training.datasets.scenes import Scenes
from model_training.errors import DatasetError
from road_extractor_plugin.compute.normalise import normalise
from road_extractor_plugin.contract.model_card import InputSpec

CENTRE_DRAWS = 6
"""Places tried for a crop."""
VALID_ENOUGH = 0.7
"""Share of valid pixels from which a place is good."""
ROADS_ENOUGH = 0.02
"""Share of road in a crop that "has roads"."""
PROBE_STEP = 4
"""Every how many pixels the masks are looked at for that."""


@dataclass(frozen=True)
class Source:
    """The scenes of one folder."""

    name: str
    scenes: Scenes
    ground_resolution_m: float
    share: float


@dataclass(frozen=True)
class CropRecipe:
    """How training crops are made."""

    augmentation: AugmentationConfig
    crop_px: int
    road_share: float
    """Part of the crops for which a place with roads is sought."""
    seed: int
    orientation: str = "vector"
    """Labels of the orientation task: "vector", "classes" or "none"."""


class Batch(NamedTuple):
    """Samples stacked along the first axis."""

    image: Tensor
    """float32 (n, 3, h, w), normalised."""
    road: Tensor
    """float32 (n, 1, h, w), 0 or 1."""
    valid: Tensor
    """float32 (n, 1, h, w), 0 or 1."""
    orientation: Sequence[Tensor]
    """Vector and weight, float32 (n, 2, h / 4, w / 4) and (n, 1, h / 4, w / 4); or classes, uint8 (n, h / s, w / s) at
    strides 4, 2 and 1; or nothing."""
    source: Tensor
    """int64 (n,): index of the folder."""


def to_sample(crop: Crop, source: int, spec: InputSpec, orientation: str) -> Batch:
    """One sample, without the first axis."""
    image = normalise(crop.image.transpose(2, 0, 1), crop.valid.astype(np.bool_), spec)
    road = crop.road * crop.valid
    return Batch(
        torch.from_numpy(image),
        torch.from_numpy(road.astype(np.float32)[None]),
        torch.from_numpy(crop.valid.astype(np.float32)[None]),
        orientation_labels(road, crop.valid, orientation),
        torch.tensor(source),
    )


def orientation_labels(road: Bytes, valid: Bytes, kind: str) -> tuple[Tensor, ...]:
    """The labels that an orientation head of this kind learns from, without the first axis."""
    if kind == "none":
        return ()
    if kind == "classes":
        return tuple(torch.from_numpy(classes) for classes in orientation_classes(road, valid))
    label = orientation_label(road, valid)
    return torch.from_numpy(label.vector), torch.from_numpy(label.weight)


class TrainingCrops(Dataset[Batch]):
    """Random augmented crops; item k is always the same for one seed."""

    def __init__(self, sources: Sequence[Source], spec: InputSpec, recipe: CropRecipe) -> None:
        """Weigh the scenes by their valid areas, for which each is read once.

        Raises:
            DatasetError: A scene cannot be read, or a source has no valid pixel.
        """
        self._sources = tuple(sources)
        self._spec = spec
        self._recipe = recipe
        shares = np.array([source.share for source in sources])
        self._source_share = shares / shares.sum()
        areas = [_valid_px(source) for source in sources]
        self._scene_share = [area / area.sum() for area in areas]

    def __getitem__(self, number: int) -> Batch:
        """Make crop `number`."""
        rng = np.random.default_rng((self._recipe.seed, number))
        index = int(rng.choice(len(self._sources), p=self._source_share))
        source = self._sources[index]
        scene = source.scenes[int(rng.choice(len(source.scenes), p=self._scene_share[index]))]
        crop = cut(scene, self._draw_warp(scene, source, rng), self._recipe.crop_px)
        image = recolour(crop.image, self._recipe.augmentation, rng)
        return to_sample(Crop(image, crop.road, crop.valid), index, self._spec, self._recipe.orientation)

    def _draw_warp(self, scene: Scene, source: Source, rng: np.random.Generator) -> Warp:
        jitter = math.exp(rng.uniform(*np.log(self._recipe.augmentation.scale)))
        zoom = jitter * self._spec.ground_resolution_m / source.ground_resolution_m
        angle, mirrored = 0.0, False
        if self._recipe.augmentation.rotate:
            angle, mirrored = rng.uniform(0.0, 2 * math.pi), bool(rng.integers(2))
            step = math.radians(self._recipe.augmentation.rotation_step_degrees)
            angle = step * math.floor(angle / step) if step else angle
        with_roads = bool(rng.random() < self._recipe.road_share)
        x, y = _draw_centre(scene, zoom * self._recipe.crop_px, rng, with_roads=with_roads)
        return Warp(x, y, zoom, angle, mirrored)


def _valid_px(source: Source) -> npt.NDArray[np.int64]:
    """Number of valid pixels of each scene.

    Raises:
        DatasetError: A scene cannot be read, or there is no valid pixel in any.
    """
    valid_px = np.array([scene.valid.sum(dtype=np.int64) for scene in source.scenes])
    if not valid_px.any():
        raise DatasetError(Path(source.name), "has no valid pixel", "Check its masks in valid/")
    return valid_px


def _draw_centre(scene: Scene, side_px: float, rng: np.random.Generator, *, with_roads: bool) -> tuple[float, float]:
    """A place for a crop of `side_px` inside the scene: the first of a few that is good, else the most valid one."""
    height, width = scene.road.shape
    half_y, half_x = min(side_px, height) / 2, min(side_px, width) / 2
    best, best_valid = (width / 2, height / 2), -1.0
    for _ in range(CENTRE_DRAWS):
        x, y = rng.uniform(half_x, width - half_x), rng.uniform(half_y, height - half_y)
        rows = slice(int(y - half_y), int(y + half_y), PROBE_STEP)
        columns = slice(int(x - half_x), int(x + half_x), PROBE_STEP)
        valid = float(scene.valid[rows, columns].mean())
        if valid > best_valid:
            best, best_valid = (x, y), valid
        if valid > VALID_ENOUGH and (not with_roads or scene.road[rows, columns].mean() > ROADS_ENOUGH):
            return x, y
    return best


class ValidationCrops(Dataset[Batch]):
    """The middle of each scene, unchanged but for the ground resolution."""

    def __init__(self, sources: Sequence[Source], spec: InputSpec, *, crop_px: int, orientation: str = "none") -> None:
        """Read each scene once, so that a damaged file is found now and not in the middle of a run.

        Raises:
            DatasetError: A scene cannot be read, or a source has no valid pixel.
        """
        for source in sources:
            _valid_px(source)
        self._sources = tuple(sources)
        self._spec = spec
        self._crop_px = crop_px
        self._orientation = orientation
        self._items = [(index, number) for index, source in enumerate(sources) for number in range(len(source.scenes))]

    def __len__(self) -> int:
        """Number of scenes."""
        return len(self._items)

    def __getitem__(self, number: int) -> Batch:
        """The crop of scene `number`; from the last on, crops without valid pixels, which count nothing."""
        index, place = self._items[number % len(self._items)]
        source = self._sources[index]
        scene = source.scenes[place]
        if number >= len(self._items):
            scene = dataclasses.replace(scene, valid=np.zeros_like(scene.valid))
        height, width = scene.road.shape
        zoom = self._spec.ground_resolution_m / source.ground_resolution_m
        crop = cut(scene, Warp(width / 2, height / 2, zoom, 0.0, mirrored=False), self._crop_px)
        return to_sample(crop, index, self._spec, self._orientation)


class CropNumbers(Sampler[int]):
    """Numbers of training crops without end, from `first` on; with several processes each takes every n-th."""

    def __init__(self, first: int, rank: int, world_size: int) -> None:
        self._first = first
        self._rank = rank
        self._world_size = world_size

    def __iter__(self) -> Iterator[int]:
        """Count up."""
        number = self._first + self._rank
        while True:
            yield number
            number += self._world_size
