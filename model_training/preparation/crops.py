"""One crop as files: written all at once, described by a record, and checked against it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from model_training.preparation.scenes import Piece
from road_extractor_plugin.contract.grid import Window

IMAGES, MASKS, VALID = "images", "masks", "valid"
_FULL = np.uint8(255)
_DECIMALS = 6
_COMPRESSION = 4
"""Of the PNG files, 0..9; from here on time grows much faster than the files shrink."""


@dataclass(frozen=True)
class CropRecord:
    """A line of the manifest."""

    crop: str
    """The image's path in the output folder; its mask and valid mask have the same name in `masks` and `valid`."""
    split: str
    source: str
    """Name of the image that it comes from."""
    row_px: int
    """Where it starts in that image at the crop's ground resolution."""
    column_px: int
    height_px: int
    width_px: int
    ground_resolution_m: float
    """Metres on the ground per pixel."""
    valid_fraction: float
    """Share of valid pixels; there is a file in `valid` when it is less than 1."""
    road_fraction: float
    """Share of road in the valid pixels; nan without labels."""
    sha256: str
    """Of the bytes of the image, the mask and the valid mask, one after the other."""


@dataclass(frozen=True)
class LeftOut:
    """A crop that the settings leave out."""

    crop: str
    source: str
    reason: str
    source_changed_ns: int
    """`Source.changed_ns` when that was found."""


@dataclass(frozen=True)
class CropPlace:
    """Which crop it is."""

    name: str
    """File name without suffix."""
    split: str
    source: str
    window: Window
    ground_resolution_m: float

    @property
    def crop(self) -> str:
        """As in the record."""
        return f"{self.split}/{IMAGES}/{self.name}.png"


def write_crop(folder: Path, place: CropPlace, piece: Piece) -> CropRecord:
    """Write a crop's files; a file is complete or absent.

    The masks are 0 and 255. There is no mask without labels, and no valid mask when all of the crop is valid.
    """
    layers = {IMAGES: _png(piece.image.transpose(1, 2, 0))}
    if piece.road is not None:
        layers[MASKS] = _png(piece.road * _FULL)
    if not piece.valid.all():
        layers[VALID] = _png(piece.valid * _FULL)
    digest = hashlib.sha256()
    for layer, content in layers.items():
        digest.update(content)
        _write(folder / place.split / layer / f"{place.name}.png", content)
    window = place.window
    return CropRecord(
        crop=place.crop,
        split=place.split,
        source=place.source,
        row_px=window.row,
        column_px=window.column,
        height_px=window.height,
        width_px=window.width,
        ground_resolution_m=place.ground_resolution_m,
        valid_fraction=round(float(piece.valid.mean()), _DECIMALS),
        road_fraction=float("nan") if piece.road is None else round(float(piece.road[piece.valid].mean()), _DECIMALS),
        sha256=digest.hexdigest(),
    )


def is_intact(folder: Path, record: CropRecord, source_changed_ns: int) -> bool:
    """Whether a crop's files are there, unchanged, and newer than the files that they were made from."""
    digest = hashlib.sha256()
    image = folder / record.crop
    for layer in (IMAGES, MASKS, VALID):
        path = image.parent.parent / layer / image.name
        if not path.is_file():
            continue
        if path.stat().st_mtime_ns < source_changed_ns:
            return False
        digest.update(path.read_bytes())
    return digest.hexdigest() == record.sha256


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=_COMPRESSION)
    return file.getvalue()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
