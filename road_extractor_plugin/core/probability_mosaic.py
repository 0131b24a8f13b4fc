"""Several probability rasters as one: which of them belong together, and their values side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.errors import RasterUnreadableError
from road_extractor_plugin.contract.grid import Geotransform, Grid, Window
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA
from road_extractor_plugin.core.connected import component_numbers
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, ogr, osr, quiet_gdal
from road_extractor_plugin.core.ground import Ground, spatial_reference
from road_extractor_plugin.core.raster_file import open_dataset, place
from road_extractor_plugin.core.raster_grid import Bounds, bounds_of, corners

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

_TOUCHING_PX = 1.5
"""Rasters with a wider gap between them have no road in common."""
_RAMP_PX = 64
"""Where rasters overlap, the weight of each falls over so many pixels towards its edge, where a network sees least."""
_SAME_PIXEL = 0.01
"""Part of a pixel by which two rasters may be displaced and still count as on the same grid."""
_LONGEST_EDGE = 1 / 50
"""Outlines are cut into pieces of this part of their length before they are reprojected."""


@dataclass(frozen=True)
class Scene:
    """A probability raster and where it lies."""

    path: Path
    grid: Grid

    @property
    def bounds(self) -> Bounds:
        """In its own CRS."""
        return bounds_of(corners(self.grid.geotransform, self.grid.width_px, self.grid.height_px))

    @classmethod
    def of_file(cls, path: Path) -> Scene | None:
        """Look at a raster; None if it has no CRS, so that it lies nowhere.

        Raises:
            RasterUnreadableError: It cannot be opened.
            RasterUnusableError: Its place makes no sense.
        """
        with quiet_gdal():
            dataset = open_dataset(path)
            if dataset.GetSpatialRef() is None:
                return None
            placement = place(dataset, path, None)
            size = dataset.RasterXSize, dataset.RasterYSize
        bounds = bounds_of(corners(placement.geotransform, *size))
        pixel_m = placement.ground.pixel_size_m(placement.geotransform, *bounds.centre)
        return cls(path, Grid(*size, placement.geotransform, placement.crs_wkt, pixel_m))


def groups_that_touch(scenes: Sequence[Scene]) -> list[list[Scene]]:
    """Sort rasters into groups without a common road, in the order of their first ones.

    Their outlines are compared as rectangles in the CRS of the first.
    """
    boxes = [_box_in(scene, scenes[0].grid.crs_wkt) for scene in scenes]
    numbers = component_numbers(len(scenes), _meeting(boxes))
    groups: list[list[Scene]] = [[] for _ in range(max(numbers) + 1)]
    for number, scene in zip(numbers, scenes):
        groups[number].append(scene)
    return groups


def _meeting(boxes: Sequence[Bounds]) -> Iterator[tuple[int, int]]:
    """Pairs of rectangles with a common point, found on a sweep from west to east."""
    open_ones: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: boxes[i].west):
        box = boxes[index]
        open_ones = [other for other in open_ones if boxes[other].east >= box.west]
        for other in open_ones:
            if boxes[other].south <= box.north and box.south <= boxes[other].north:
                yield index, other
        open_ones.append(index)


def _box_in(scene: Scene, crs_wkt: str) -> Bounds:
    """The outline, half of what may lie between neighbours wider, as a rectangle in a CRS."""
    bounds = reprojected_bounds(scene, crs_wkt)
    units = Ground(crs_wkt).metres_per_unit(*bounds.centre)
    x, y = (_TOUCHING_PX / 2 * max(scene.grid.pixel_size_m) / side_m for side_m in units)
    return Bounds(bounds.west - x, bounds.south - y, bounds.east + x, bounds.north + y)


def reprojected_bounds(scene: Scene, crs_wkt: str) -> Bounds:
    """A raster's outline as a rectangle in another CRS."""
    source, target = spatial_reference(scene.grid.crs_wkt), spatial_reference(crs_wkt)
    bounds = scene.bounds
    if source.IsSame(target):
        return bounds
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for x, y in corners(scene.grid.geotransform, scene.grid.width_px, scene.grid.height_px):
        ring.AddPoint_2D(x, y)
    ring.CloseRings()
    ring.Segmentize(max(bounds.east - bounds.west, bounds.north - bounds.south) * _LONGEST_EDGE)
    ring.Transform(osr.CoordinateTransformation(source, target))
    west, east, south, north = ring.GetEnvelope()
    return Bounds(west, south, east, north)


def common_grid(scenes: Sequence[Scene]) -> Grid:
    """The pixels of the first raster, continued over all of them."""
    crs_wkt, pixels = scenes[0].grid.crs_wkt, scenes[0].grid.geotransform
    boxes = [reprojected_bounds(scene, crs_wkt) for scene in scenes]
    west, south = min(box.west for box in boxes), min(box.south for box in boxes)
    window = _window_around(Bounds(west, south, max(b.east for b in boxes), max(b.north for b in boxes)), pixels)
    x_size, y_size = pixels[1], pixels[5]
    geotransform = (pixels[0] + window.column * x_size, x_size, 0.0, pixels[3] + window.row * y_size, 0.0, y_size)
    centre = geotransform[0] + x_size * window.width / 2, geotransform[3] + y_size * window.height / 2
    pixel_m = Ground(crs_wkt).pixel_size_m(geotransform, *centre)
    return Grid(window.width, window.height, geotransform, crs_wkt, pixel_m)


def _window_around(bounds: Bounds, geotransform: Geotransform) -> Window:
    """The pixels, counted from those of a geotransform, that a rectangle touches by more than rounding errors."""
    x0, x_size, _, y0, _, y_size = geotransform
    left = math.floor((bounds.west - x0) / x_size + _SAME_PIXEL)
    right = math.ceil((bounds.east - x0) / x_size - _SAME_PIXEL)
    top = math.floor((bounds.north - y0) / y_size + _SAME_PIXEL)
    bottom = math.ceil((bounds.south - y0) / y_size - _SAME_PIXEL)
    return Window(top, left, bottom - top, right - left)


class ProbabilityMosaic:
    """Probability rasters on a common grid (`RasterRows`).

    Where several have data, their mean counts, each weighted by its distance from its own edge; so nothing jumps where
    one begins or ends. Rasters on the same pixels are taken as they are, others are interpolated.

    Args:
        scenes: The rasters.
        grid: Covers all of them.
    """

    def __init__(self, scenes: Sequence[Scene], grid: Grid) -> None:
        self._grid = grid
        self._sheets = [_Sheet(scene, grid) for scene in scenes]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self._grid.height_px, self._grid.width_px

    def read(self, start: int, stop: int) -> UInt8:
        """See `RasterRows.read`.

        Raises:
            RasterUnreadableError: A file is damaged there.
        """
        total = np.zeros((stop - start, self._grid.width_px), np.float32)
        weights = np.zeros_like(total)
        for sheet in self._sheets:
            window = sheet.window.intersection(Window(start, 0, stop - start, self._grid.width_px))
            if window.is_empty:
                continue
            values = sheet.read(window)
            weight = np.where(values == NODATA, np.float32(0), sheet.weight(window))
            rows = slice(window.row - start, window.row - start + window.height)
            columns = slice(window.column, window.column + window.width)
            total[rows, columns] += weight * values
            weights[rows, columns] += weight
        known = weights > 0
        mean = np.divide(total, weights, out=total, where=known)
        return np.where(known, np.minimum(np.rint(mean), CERTAIN), NODATA).astype(np.uint8)


class _Sheet:
    """One raster on the pixels of the mosaic."""

    def __init__(self, scene: Scene, grid: Grid) -> None:
        self._path = scene.path
        self._is_aligned = _on_same_pixels(scene.grid, grid)
        self.window = _window_around(reprojected_bounds(scene, grid.crs_wkt), grid.geotransform)
        x0, x_size, _, y0, _, y_size = grid.geotransform
        west, north = x0 + self.window.column * x_size, y0 + self.window.row * y_size
        with quiet_gdal():
            try:
                dataset = open_dataset(scene.path)
                self._dataset = dataset if self._is_aligned else gdal.Warp(
                    "", dataset, format="VRT", dstSRS=grid.crs_wkt, srcNodata=NODATA, dstNodata=NODATA,
                    outputBounds=(west, north + self.window.height * y_size, west + self.window.width * x_size, north),
                    width=self.window.width, height=self.window.height, resampleAlg="bilinear",
                )  # fmt: skip
            except RuntimeError as error:
                raise RasterUnreadableError(scene.path, gdal_detail(error)) from error

    def read(self, window: Window) -> UInt8:
        """Pixels of the mosaic, all within this raster."""
        band = self._dataset.GetRasterBand(1)
        area = window.column - self.window.column, window.row - self.window.row, window.width, window.height
        with quiet_gdal():
            try:
                values: UInt8 = band.ReadAsArray(*area)
                band.FlushCache()  # see `RasterReader`
            except RuntimeError as error:
                raise RasterUnreadableError(self._path, gdal_detail(error)) from error
        return values

    def weight(self, window: Window) -> Float32:
        """(height, width) Weight of each pixel, above 0."""
        down = _ramp(window.row - self.window.row, window.height, self.window.height)
        across = _ramp(window.column - self.window.column, window.width, self.window.width)
        return down[:, None] * across


def _ramp(start: int, length: int, whole: int) -> Float32:
    """Up from one edge and down to the other, of part of an axis."""
    place = np.arange(start, start + length, dtype=np.float32) + np.float32(0.5)
    nearest: Float32 = np.minimum(np.minimum(place, whole - place), _RAMP_PX) / _RAMP_PX
    return nearest


def _on_same_pixels(one: Grid, other: Grid) -> bool:
    """Whether the pixels of two grids coincide over all of the first."""
    if not spatial_reference(one.crs_wkt).IsSame(spatial_reference(other.crs_wkt)):
        return False
    for origin, size, length in ((0, 1, one.width_px), (3, 5, one.height_px)):
        step, first = other.geotransform[size], one.geotransform[origin] - other.geotransform[origin]
        last = first + one.geotransform[size] * length
        if any(abs(place / step - round(place / step)) > _SAME_PIXEL for place in (first, last)):
            return False
        if round((last - first) / step) != length:
            return False
    return True
