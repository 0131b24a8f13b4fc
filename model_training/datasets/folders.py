"""Folders of images and road masks, read as bytes.

    <folder>/images/<stem>.*     RGB, 8 bit
    <folder>/masks/<stem>.*      one band: 0/1, 0/255, or a JPEG; road is what is above half of the largest value
    <folder>/valid/<stem>.*      optional, per scene, same rule: where there is imagery; the rest does not count

Files pair by stem, in sorted order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from model_training.errors import DatasetError
from road_extractor_plugin.contract.errors import RequestError

Bytes = npt.NDArray[np.uint8]
DEEP_MODES = {"I;16", "I;16B", "I;16L", "I", "F"}
"""Pillow's modes of one band with more than 8 bits."""
JPEG_NOISE = 64
"""A road in a JPEG is brighter than this."""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})


@dataclass(frozen=True)
class FolderConfig:
    """One data set among those trained on."""

    path: str
    """Folder as above, relative to the data root."""
    ground_resolution_m: float
    """Metres on the ground per pixel of its images."""
    share: float
    """Part of all crops that come from this folder, relative to the other folders' shares."""

    def __post_init__(self) -> None:
        """Refuse numbers without meaning.

        Raises:
            RequestError: The resolution or the share is not positive.
        """
        if self.ground_resolution_m <= 0:
            raise RequestError(f"ground_resolution_m of {self.path}", self.ground_resolution_m, "positive, m/px")
        if self.share <= 0:
            raise RequestError(f"share of {self.path}", self.share, "positive")


@dataclass(frozen=True)
class ScenePaths:
    """The files of one scene."""

    stem: str
    image: Path
    mask: Path
    valid: Path | None


@dataclass(frozen=True)
class Scene:
    """One image with its labels, in memory."""

    stem: str
    image: Bytes
    """(height, width, 3), red green blue."""
    road: Bytes
    """(height, width), 0 or 1."""
    valid: Bytes
    """(height, width), 0 or 1."""

    @property
    def byte_count(self) -> int:
        """What it takes in memory."""
        return self.image.nbytes + self.road.nbytes + self.valid.nbytes


def list_scenes(folder: Path) -> tuple[ScenePaths, ...]:
    """Pair the files of a folder by stem, sorted.

    Raises:
        DatasetError: A subfolder is missing or empty, or an image and its mask (or valid mask) do not pair.
    """
    images, masks = _by_stem(folder / "images"), _by_stem(folder / "masks")
    valid = _by_stem(folder / "valid") if (folder / "valid").is_dir() else {}
    for stem, path in images.items():
        if stem not in masks:
            raise DatasetError(path, "has no mask", f"Put '{stem}.png' into '{folder / 'masks'}' or remove the image")
    for stem, path in {**masks, **valid}.items():
        if stem not in images:
            raise DatasetError(path, "has no image", f"Put '{stem}.jpg' into '{folder / 'images'}' or remove this file")
    return tuple(ScenePaths(stem, images[stem], masks[stem], valid.get(stem)) for stem in sorted(images))


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DatasetError(folder, "is not a folder", "A data folder needs the subfolders images and masks")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES:
            continue
        if path.stem in found:
            raise DatasetError(path, f"has the same stem as '{found[path.stem].name}'", "Remove one of the two")
        found[path.stem] = path
    if not found:
        raise DatasetError(folder, "holds no images", f"Supported are {', '.join(sorted(SUFFIXES))}")
    return found


def read_scene(paths: ScenePaths) -> Scene:
    """Read a scene.

    Raises:
        DatasetError: A file is corrupt or has more than 8 bits per band, or the sizes differ.
    """
    image = _read_image(paths.image)
    road = _read_mask(paths.mask)
    valid = np.ones_like(road) if paths.valid is None else _read_mask(paths.valid)
    for name, path, layer in (("mask", paths.mask, road), ("valid mask", paths.valid, valid)):
        if path is not None and layer.shape != image.shape[:2]:
            sizes = f"is a {name} of {_size(layer)} px for an image of {_size(image)} px"
            raise DatasetError(path, sizes, "Make both the same size")
    return Scene(paths.stem, image, road, valid)


def binary_mask(values: npt.NDArray[Any]) -> Bytes:
    """0 or 1, cut at half of the largest value, so that 0/1, 0/255 and JPEG noise all read right.

    A mask of 0 throughout stays empty.
    """
    road: Bytes = (values > values.max(initial=0) / 2).astype(np.uint8)
    return road


def _read_image(path: Path) -> Bytes:
    def as_rgb(image: Image.Image) -> Bytes:
        if image.mode in DEEP_MODES:
            has = f"has more than 8 bits per band (Pillow's mode {image.mode})"
            raise DatasetError(path, has, "Stretch it to 8 bits first, as `prepare geo` does")
        return np.asarray(image.convert("RGB"), dtype=np.uint8)

    return _read(path, as_rgb)


def _read_mask(path: Path) -> Bytes:
    def as_mask(image: Image.Image) -> Bytes:
        values = np.asarray(image if image.mode in {"1", "L"} | DEEP_MODES else image.convert("L"))
        # What a JPEG without roads has is noise, of which half would be roads.
        return binary_mask(np.where(values < JPEG_NOISE, 0, values) if image.format == "JPEG" else values)

    return _read(path, as_mask)


def _read(path: Path, decode: Callable[[Image.Image], Bytes]) -> Bytes:
    try:
        with Image.open(path) as image:
            return decode(image)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DatasetError(path, f"cannot be read as an image ({error})", "Replace or remove the file") from error


def _size(array: Bytes) -> str:
    return f"{array.shape[1]} x {array.shape[0]}"
