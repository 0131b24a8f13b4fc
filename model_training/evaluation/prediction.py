"""Whole scenes through an exported file, on the plugin's own path: its tiles, normalisation, blending and runner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from model_training.datasets.folders import Bytes, Scene
from model_training.datasets.scenes import Scenes
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.threshold import ROAD, hysteresis
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.grid import TileRows, Window
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.raster_coding import NODATA
from road_extractor_plugin.core.geotiff import encode_probability
from road_extractor_plugin.core.inference import inferred, plan_tiles
from road_extractor_plugin.core.stopwatch import Stopwatch

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PredictedScene:
    """What was found in a scene and what is there, at the model's ground resolution."""

    stem: str
    probability: Bytes
    """(height, width): 0..254 = 0..1, 255 nodata, as the plugin stores it."""
    road: Mask
    """(height, width)."""
    valid: Mask
    """(height, width)."""

    def mask(self, thresholds: Thresholds) -> Mask:
        """(height, width) where the plugin's thresholds find road."""
        codes = hysteresis(ArrayRows(self.probability), thresholds).read(0, len(self.probability))
        mask: Mask = codes == ROAD
        return mask


class ArraySource:
    """An image in memory as the plugin's inference reads it; beyond its edges nothing is valid."""

    def __init__(self, image: Bytes, valid: Mask) -> None:
        self._image = image
        self._valid = valid

    def read(self, window: Window) -> tuple[npt.NDArray[Any], Mask]:
        """Pixels (3, height, width) and validity (height, width) of a window."""
        height, width = self._valid.shape
        inside = window.intersection(Window(0, 0, height, width))
        rows, columns = (
            slice(inside.row, inside.row + inside.height),
            slice(inside.column, inside.column + inside.width),
        )
        pixels = np.zeros((3, window.height, window.width), dtype=np.uint8)
        valid = np.zeros((window.height, window.width), dtype=np.bool_)
        top, left = inside.row - window.row, inside.column - window.column
        pixels[:, top : top + inside.height, left : left + inside.width] = self._image[rows, columns].transpose(2, 0, 1)
        valid[top : top + inside.height, left : left + inside.width] = self._valid[rows, columns]
        return pixels, valid


def resample(scene: Scene, ground_resolution_m: float, target_m: float) -> Scene:
    """The scene at another ground resolution: the image averaged, the masks by nearest pixel."""
    if ground_resolution_m == target_m:
        return scene
    height, width = scene.road.shape
    zoom = ground_resolution_m / target_m
    size = (max(round(width * zoom), 1), max(round(height * zoom), 1))
    average = Image.Resampling.BOX if zoom < 1 else Image.Resampling.BILINEAR
    image = np.asarray(Image.fromarray(scene.image).resize(size, average))
    road, valid = (
        np.asarray(Image.fromarray(layer).resize(size, Image.Resampling.NEAREST)) for layer in (scene.road, scene.valid)
    )
    return Scene(scene.stem, image, road, valid)


@dataclass(frozen=True)
class ResampledScenes:
    """Scenes at another ground resolution, each made anew whenever it is wanted."""

    scenes: Scenes
    ground_resolution_m: float
    """Of these scenes."""
    target_m: float

    def __len__(self) -> int:
        """Number of scenes."""
        return len(self.scenes)

    def __getitem__(self, index: int, /) -> Scene:
        """One scene."""
        return resample(self.scenes[index], self.ground_resolution_m, self.target_m)

    def __iter__(self) -> Iterator[Scene]:
        """All in turn."""
        return (resample(scene, self.ground_resolution_m, self.target_m) for scene in self.scenes)


def predict_scene(scene: Scene, ground_resolution_m: float, compute: Compute) -> PredictedScene:
    """Road probability of a scene whose pixels are `ground_resolution_m` on the ground.

    Raises:
        ComputeError: The network failed.
    """
    scene = resample(scene, ground_resolution_m, compute.card.input.ground_resolution_m)
    valid = scene.valid > 0
    tiles = plan_tiles(compute.card, *valid.shape)
    stored = np.full(valid.shape, NODATA, dtype=np.uint8)
    with inferred(
        ArraySource(scene.image, valid), compute, TileRows.all_of(tiles), Stopwatch(), SilentFeedback()
    ) as blocks:
        for block in blocks:
            if block is not None:
                stored[block.window.slices] = encode_probability(block.probability, block.valid)
    return PredictedScene(scene.stem, stored, scene.road > 0, valid)
