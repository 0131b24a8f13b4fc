"""An image and its labels at the resolution wanted, read window by window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Optional, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from model_training.errors import DatasetError
from model_training.preparation.borders import has_dark_frame, has_white_frame
from model_training.preparation.pictures import (
    Bytes,
    Mask,
    Picture,
    read_mask,
    read_picture,
    resample,
    resample_mask,
    rgb_spec,
)
from model_training.preparation.road_surface import RoadSurface
from model_training.preparation.settings import Imagery, RoadStyle, Settings
from model_training.preparation.sources import Source
from road_extractor_plugin.contract.grid import Grid, Window
from road_extractor_plugin.core.gdal_binding import gdal_detail, quiet_gdal
from road_extractor_plugin.core.raster_file import open_dataset, place
from road_extractor_plugin.core.raster_grid import GridPlan, bounds_of, corners, plan_grid
from road_extractor_plugin.core.raster_source import RasterSource

_DECIMALS = 6
_Value = TypeVar("_Value", np.uint8, np.bool_)


@dataclass(frozen=True)
class Piece:
    """A window of a scene."""

    image: Bytes
    """(3, height, width): red, green, blue."""
    valid: Mask
    """(height, width)."""
    road: Optional[Mask]
    """(height, width); None without labels."""


@dataclass(frozen=True)
class Outline:
    """What is known of a scene before its pixels are read."""

    own: Grid
    """The image's own pixels."""
    plan: GridPlan
    """The pixels wanted."""

    @property
    def ground_resolution_m(self) -> float:
        """Metres on the ground per pixel wanted: root of its area."""
        return round(math.sqrt(self.plan.grid.pixel_size_m[0] * self.plan.grid.pixel_size_m[1]), _DECIMALS)


class Scene(Protocol):
    """Something to cut crops from; a context manager."""

    def read(self, window: Window) -> Piece:
        """Read a window of the planned grid; what lies outside is invalid."""

    def __enter__(self) -> Scene: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def outline(source: Source, settings: Settings) -> Outline:
    """Find size and ground resolution from an image's header.

    1. By default the grid wanted is the image's own.
    2. With a target resolution it is what the plugin would compute on (`plan_grid`).
    3. With a fixed size it is that many pixels over the same ground.

    Raises:
        DatasetError: The image cannot be read or is rotated, or roads cannot be laid on it.
        RasterUnusableError: Its ground resolution is not known.
    """
    imagery, needs_crs = settings.imagery, settings.roads is not None
    # Without CRS but with one needed, any resolution will do: the image is refused below.
    stated_m = 1.0 if needs_crs else imagery.ground_resolution_m
    with quiet_gdal():
        try:
            dataset = open_dataset(source.image)
            placement = place(dataset, source.image, stated_m)
        except RuntimeError as error:
            problem = f"cannot be read as an image ({gdal_detail(error)})"
            raise DatasetError(source.image, problem, "Replace or remove the file") from error
    size = dataset.RasterXSize, dataset.RasterYSize
    bounds = bounds_of(corners(placement.geotransform, *size))
    pixel_m = placement.ground.pixel_size_m(placement.geotransform, *bounds.centre)
    own = Grid(*size, placement.geotransform, placement.crs_wkt, pixel_m)
    native_m = math.sqrt(pixel_m[0] * pixel_m[1])
    if needs_crs and not own.crs_wkt:
        problem = "has no coordinate reference system"
        raise DatasetError(source.image, problem, "Assign one, so that roads can be laid on it")
    _check_upright(source.image, own, imagery)
    if imagery.target_resolution_m is not None:  # 2
        raster = (placement.geotransform, *size)
        plan = plan_grid(raster, placement.crs_wkt, placement.ground, bounds, imagery.target_resolution_m)
        return Outline(own, plan)
    if imagery.resize_px is not None:  # 3
        return Outline(own, GridPlan(_resized(own, imagery.resize_px), "bilinear", native_m))
    return Outline(own, GridPlan(own, "near", native_m))  # 1


def _check_upright(path: Path, own: Grid, imagery: Imagery) -> None:
    """Refuse to resample a rotated image as a whole.

    Raises:
        DatasetError: It is rotated.
    """
    is_rotated = (own.geotransform[2], own.geotransform[4]) != (0, 0)
    if is_rotated and imagery.target_resolution_m is not None and not imagery.by_window:
        raise DatasetError(path, "is rotated", "Warp it and its mask to north-up first")


def _resized(own: Grid, side_px: int) -> Grid:
    west, x_size, _, north, _, y_size = own.geotransform
    across, down = own.width_px / side_px, own.height_px / side_px
    pixel_m = (own.pixel_size_m[0] * across, own.pixel_size_m[1] * down)
    return Grid(side_px, side_px, (west, x_size * across, 0.0, north, 0.0, y_size * down), own.crs_wkt, pixel_m)


def open_scene(source: Source, settings: Settings, found: Outline, needed: Window) -> Scene | None:
    """Open a scene.

    Args:
        source: The image and its labels.
        settings: How to read them.
        found: Its outline.
        needed: Where windows will be read.

    Returns:
        None for an image that the settings leave out.

    Raises:
        RoadExtractorError: A file cannot be read, or does not fit the others.
    """
    if settings.imagery.by_window:
        return RasterScene(source, settings, found, needed)
    picture = read_picture(source.image, settings.imagery)
    grid, method = found.plan.grid, found.plan.resampling
    image = resample(picture.image, grid.height_px, grid.width_px, method)
    if (settings.imagery.drop == "white" and has_white_frame(image)) or (
        settings.imagery.drop == "dark" and has_dark_frame(image)
    ):
        return None
    valid = _valid(source, picture, found)
    road = None if source.labels is None else _road(source.labels, settings.roads, found)
    return PictureScene(image, resample_mask(valid, grid.height_px, grid.width_px, method), road)


def _valid(source: Source, picture: Picture, found: Outline) -> Mask:
    """Where the image, and the mask beside it if there is one, are valid: at the image's own pixels."""
    if source.valid is None:
        return picture.valid
    return picture.valid & _same_size(source.valid, found.own)


def _same_size(path: Path, own: Grid) -> Mask:
    """Read a mask.

    Raises:
        DatasetError: It cannot be read, or its size is not that of the image.
    """
    mask = read_mask(path)
    if mask.shape != (own.height_px, own.width_px):
        sizes = f"is {mask.shape[1]} x {mask.shape[0]} px, its image {own.width_px} x {own.height_px} px"
        raise DatasetError(path, sizes, "Make both the same size")
    return mask


def _road(labels: Path, style: RoadStyle | None, found: Outline) -> Mask:
    grid = found.plan.grid
    if style is None:
        return resample_mask(_same_size(labels, found.own), grid.height_px, grid.width_px, found.plan.resampling)
    # Drawn over the ground of the image itself: the planned grid may reach part of a pixel further.
    surface = RoadSurface(labels, style, found.own, found.own.window, max(grid.pixel_size_m))
    return surface.read(found.own.window, (grid.height_px, grid.width_px))


class PictureScene:
    """A scene that is held in memory."""

    def __init__(self, image: Bytes, valid: Mask, road: Mask | None) -> None:
        self._image = image
        self._valid = valid
        self._road = road

    def __enter__(self) -> PictureScene:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def read(self, window: Window) -> Piece:
        """Read a window; what lies outside is 0 and invalid."""
        road = None if self._road is None else _padded(self._road, window)
        return Piece(_padded(self._image, window), _padded(self._valid, window), road)


def _padded(layer: npt.NDArray[_Value], window: Window) -> npt.NDArray[_Value]:
    """A window of (..., height, width) that may reach beyond its lower and right edges, 0 there."""
    part = layer[..., window.row : window.row + window.height, window.column : window.column + window.width]
    missing = (window.height - part.shape[-2], window.width - part.shape[-1])
    return np.pad(part, ((0, 0),) * (layer.ndim - 2) + ((0, missing[0]), (0, missing[1])))


class RasterScene:
    """A scene of any size, read from the file window by window as the plugin does."""

    def __init__(self, source: Source, settings: Settings, found: Outline, needed: Window) -> None:
        target_m = settings.imagery.target_resolution_m or found.ground_resolution_m
        self._raster = RasterSource.open(
            source.image,
            spec=rgb_spec(target_m),
            band_indexes=settings.imagery.bands,
        )
        grid = self._raster.grid
        self._roads = None
        if source.labels is not None and settings.roads is not None:
            self._roads = RoadSurface(source.labels, settings.roads, grid, needed, max(grid.pixel_size_m))

    def __enter__(self) -> RasterScene:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raster.close()

    def read(self, window: Window) -> Piece:
        """Read a window; what lies outside is 0 and invalid."""
        pixels, valid = self._raster.read(window)
        road = None if self._roads is None else self._roads.read(window)
        return Piece(np.rint(pixels).astype(np.uint8), valid, road)
