"""Which pixels a job computes: the raster's own where they suit the network, else new ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

from road_extractor_plugin.contract.grid import Geotransform, Grid
from road_extractor_plugin.core.ground import Ground

_SAME_RESOLUTION = 0.01
"""Relative difference of ground resolution below which pixels are taken as they are."""
_BEYOND_REASON = 1000.0
"""Factor of ground resolution that no imagery of roads has, but one with the wrong CRS."""
_SLIVER_PX = 1e-6
"""Part of a pixel that is rounding error and not worth another row or column."""


@dataclass(frozen=True)
class Bounds:
    """A rectangle in CRS units."""

    west: float
    south: float
    east: float
    north: float

    @property
    def centre(self) -> tuple[float, float]:
        """x, y."""
        return (self.west + self.east) / 2, (self.south + self.north) / 2

    def __str__(self) -> str:
        return f"x {self.west:.10g} to {self.east:.10g}, y {self.south:.10g} to {self.north:.10g}"


@dataclass(frozen=True)
class GridPlan:
    """The grid of a job, and how its pixels come from those of the raster."""

    grid: Grid
    resampling: str
    """GDAL's name: "near" (the raster's own pixels), "average" or "bilinear"."""
    native_ground_resolution_m: float
    """Metres on the ground of the raster's pixel at the grid's centre: root of its area."""


def corners(geotransform: Geotransform, width_px: int, height_px: int) -> tuple[tuple[float, float], ...]:
    """x, y of the raster's four corners, in order around it."""
    pixels = ((0, 0), (width_px, 0), (width_px, height_px), (0, height_px))
    x0, x_column, x_row, y0, y_column, y_row = geotransform
    return tuple((x0 + x_column * c + x_row * r, y0 + y_column * c + y_row * r) for c, r in pixels)


def bounds_of(points: tuple[tuple[float, float], ...]) -> Bounds:
    """The rectangle around points."""
    xs, ys = zip(*points)
    return Bounds(min(xs), min(ys), max(xs), max(ys))


def plan_grid(
    raster: tuple[Geotransform, int, int], crs_wkt: str, ground: Ground, area: Bounds, target_m: float
) -> GridPlan:
    """Plan the north-up grid over an area.

    1. A raster without rotation whose ground resolution is within 1 % of the target in both axes keeps its
       pixels.
    2. Otherwise a pixel is the target's size on the ground at the area's centre, along x and along y, and the
       grid starts at the north-west corner of the raster's extent. Pixels are averaged where both axes
       shrink, else interpolated bilinearly.
    3. In both cases the grid is cut outwards to whole pixels around the area.

    Args:
        raster: Geotransform, width and height of the raster.
        crs_wkt: Its CRS; empty when unknown.
        ground: The ground in that CRS.
        area: Bounds within the raster's extent.
        target_m: Ground resolution wanted, m/px.

    Raises:
        ValueError: The area is nowhere on the Earth, or the raster's pixels differ from the target beyond all reason.
    """
    geotransform, width_px, height_px = raster
    extent = bounds_of(corners(geotransform, width_px, height_px))
    native_m = ground.pixel_size_m(geotransform, *area.centre)
    if not target_m / _BEYOND_REASON < min(native_m) <= max(native_m) < target_m * _BEYOND_REASON:
        msg = f"its pixels would have {native_m[0]:.3g} by {native_m[1]:.3g} m on the ground"
        raise ValueError(msg)
    shrinking = [target_m / side_m for side_m in native_m]
    is_upright = geotransform[2] == 0 == geotransform[4]
    if is_upright and all(abs(factor - 1) <= _SAME_RESOLUTION for factor in shrinking):  # 1
        pixel, resampling = (abs(geotransform[1]), abs(geotransform[5])), "near"
    else:  # 2
        metres = ground.metres_per_unit(*area.centre)
        pixel = (target_m / metres[0], target_m / metres[1])
        resampling = "average" if min(shrinking) >= 1 else "bilinear"
    return GridPlan(_cut(extent, area, pixel, crs_wkt, ground), resampling, math.sqrt(native_m[0] * native_m[1]))


def _cut(extent: Bounds, area: Bounds, pixel: tuple[float, float], crs_wkt: str, ground: Ground) -> Grid:
    """Rule 3: the pixels, counted from the extent's north-west corner, that the area touches."""
    left = math.floor((area.west - extent.west) / pixel[0] + _SLIVER_PX)
    right = math.ceil((area.east - extent.west) / pixel[0] - _SLIVER_PX)
    top = math.floor((extent.north - area.north) / pixel[1] + _SLIVER_PX)
    bottom = math.ceil((extent.north - area.south) / pixel[1] - _SLIVER_PX)
    geotransform = (
        extent.west + left * pixel[0],
        pixel[0],
        0.0,
        extent.north - top * pixel[1],
        0.0,
        -pixel[1],
    )
    return Grid(
        max(right - left, 1),
        max(bottom - top, 1),
        geotransform,
        crs_wkt,
        ground.pixel_size_m(geotransform, *area.centre),
    )
