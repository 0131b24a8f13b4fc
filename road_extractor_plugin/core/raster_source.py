"""Reading imagery on the grid that the network wants, window by window, whatever the file looks like."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.normalise import Stretch, apply_stretch, percentile_stretch
from road_extractor_plugin.contract.errors import AreaError, RasterUnreadableError, RasterUnusableError
from road_extractor_plugin.contract.grid import Geotransform, Grid, Window
from road_extractor_plugin.contract.model_card import InputSpec
from road_extractor_plugin.contract.request import Area
from road_extractor_plugin.core.aligned_pixels import AlignedPixels
from road_extractor_plugin.core.area import AreaMask, area_in_crs
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, ogr, quiet_gdal
from road_extractor_plugin.core.mosaic import Mosaic
from road_extractor_plugin.core.raster_bands import BandChoice, choose_bands, expand_palette
from road_extractor_plugin.core.raster_file import Placement, open_dataset, place
from road_extractor_plugin.core.raster_grid import Bounds, GridPlan, bounds_of, corners, plan_grid
from road_extractor_plugin.core.raster_warnings import resolution_warnings, stretch_sentence
from road_extractor_plugin.core.warping import dtype_of, split, warp

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_SAMPLE_WINDOWS = 12
"""Along each axis, for the statistics of a raster that is larger than they cover."""
_SAMPLE_PX = 80
"""Side of such a window; all of them are just under a megapixel."""
_SEARCH_PX = 1024
"""Side of the windows in which any imagery at all is sought."""
_HEADROOM = 1.25
"""Of GDAL's cache, over the blocks that it shall keep."""
_KERNEL_PX = 2
"""Around a window, from where resampling may take a part of what it needs; more where it enlarges."""
_MAX_PIXELS = 10**12
"""A country at 1 m; more is taken for a mistake."""
_CHECK_CRS = "Check which coordinate reference system it really has"


@dataclass(frozen=True)
class _Opened:
    """A raster file, and a view of its bands in the order that the network wants."""

    file: gdal.Dataset
    colours: gdal.Dataset


class RasterSource:
    """A raster, resampled to the network's ground resolution, with its pixels in the card's value range.

    A pixel is valid where the raster's nodata value (in all bands at once), alpha band or mask does not
    exclude it, all bands are finite, and its centre lies in the area asked for. Pixels that are not 8-bit are
    stretched by one stretch for the whole grid, so that windows fit together. Nothing is held but one window.
    Not for use by two threads at once.

    Open with `RasterSource.open`; a context manager.
    """

    def __init__(
        self, raster: Path | Mosaic, opened: _Opened, plan: GridPlan, area: AreaMask | None, spec: InputSpec
    ) -> None:
        self.grid: Grid = plan.grid
        self.native_ground_resolution_m = plan.native_ground_resolution_m
        self.warnings: tuple[str, ...] = ()
        self._name = _name(raster)
        self._mosaic = raster if isinstance(raster, Mosaic) else None
        self._file, self._colours = opened.file, opened.colours
        self._area = area
        self.spec = spec
        self._aligned = AlignedPixels.of(opened.colours, plan.grid) if plan.resampling == "near" else None
        self._warped = warp(opened.colours, plan.grid, plan.resampling)
        self._stretch: Stretch | None = None
        self._last_row = 0

    @classmethod
    def open(
        cls,
        raster: Path | Mosaic,
        *,
        spec: InputSpec,
        raster_ground_resolution_m: float | None = None,
        area: Area | None = None,
        band_indexes: tuple[int, ...] | None = None,
    ) -> RasterSource:
        """Open a raster and decide how it is read.

        Args:
            raster: Any raster that GDAL reads; or a mosaic, whose tiles are fetched as windows are read.
            spec: What the network wants, its ground resolution above all.
            raster_ground_resolution_m: Metres on the ground per pixel of a raster without CRS.
            area: Where to read; None is the whole raster.
            band_indexes: Bands for the network's channels, from 1; None chooses them (`choose_bands`).

        Raises:
            RasterUnreadableError: Missing, no raster, or broken.
            RasterUnusableError: Without place, size, bands or imagery to work on.
            AreaError: The area does not meet the raster.
            ImageryMissingError: No tile of a mosaic could be had, of those asked for.
            ImageryTooLargeError: The mosaic would have too many tiles.
            OutputError: The mosaic cannot be written.
            Cancelled: The user asked for it.
        """
        name = _name(raster)
        with quiet_gdal(), ExitStack() as on_failure:
            try:
                if isinstance(raster, Mosaic):
                    on_failure.callback(raster.close)
                file = dataset = raster.open(area) if isinstance(raster, Mosaic) else open_dataset(raster)
                placement = place(dataset, name, raster_ground_resolution_m)
                dataset = expand_palette(dataset)
                choice = choose_bands(dataset, name, spec.bands, band_indexes)
                colours = _colour_view(dataset, choice, placement.geotransform)
                polygons = None if area is None else area_in_crs(area, placement.crs_wkt)
                plan = _plan(dataset, name, placement, polygons, spec.ground_resolution_m)
                mask = None if polygons is None else AreaMask(polygons, plan.grid.geotransform)
                source = cls(raster, _Opened(file, colours), plan, mask, spec)
                source._prepare((*placement.warnings, *choice.warnings))
            except RuntimeError as error:
                raise RasterUnreadableError(name, gdal_detail(error)) from error
            on_failure.pop_all()
        return source

    def __enter__(self) -> RasterSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file.

        Raises:
            OutputError: The rest of a mosaic cannot be written.
        """
        self._warped = self._colours = self._aligned = self._file = self._area = None
        if self._mosaic is not None:
            self._mosaic.close()

    def read(self, window: Window) -> tuple[Pixels, Mask]:
        """Read any window of the grid.

        Args:
            window: May reach beyond the grid; what lies outside is invalid.

        Returns:
            (bands, height, width) in the card's value range, uint8 if the raster is so and the range is
            0..255, else float32, 0 where invalid; and where it is valid (height, width).

        Raises:
            RasterUnreadableError: The file is broken there.
        """
        raw, valid = self._read_raw(window)
        return self._in_value_range(raw, valid), valid

    def _in_value_range(self, raw: Pixels, valid: Mask) -> Pixels:
        pixels = raw if self._stretch is None else apply_stretch(raw, self._stretch, self.spec)
        if not valid.all():
            pixels[:, ~valid] = 0
        return pixels

    def _read_raw(self, window: Window) -> tuple[Pixels, Mask]:
        inside = window.intersection(self.grid.window)
        bands = len(self.spec.bands)
        raw = np.zeros((bands, window.height, window.width), dtype_of(self._warped))
        valid = np.zeros((window.height, window.width), bool)
        wanted = self._area.read(inside) if self._area is not None and not inside.is_empty else None
        if inside.is_empty or (wanted is not None and not wanted.any()):
            return raw, valid
        self._fetch(inside)
        rows = slice(inside.row - window.row, inside.row - window.row + inside.height)
        columns = slice(inside.column - window.column, inside.column - window.column + inside.width)
        with quiet_gdal():
            try:
                raw[:, rows, columns], valid[rows, columns] = self._read_inside(inside)
            except RuntimeError as error:
                raise RasterUnreadableError(self._name, gdal_detail(error)) from error
        if wanted is not None:
            valid[rows, columns] &= wanted
        return raw, valid

    def kept_bytes(self, rows_px: int) -> int:
        """What GDAL should keep while windows of so many rows are read from west to east.

        Blocks as wide as the raster are decoded once for all windows beside each other, if there is room for them.
        """
        if not self._has_wide_blocks():
            return 0
        rows = rows_px * self.grid.pixel_size_m[1] / self.native_ground_resolution_m
        row_bytes = self._file.RasterXSize * self._file.RasterCount * dtype_of(self._file).itemsize
        return int(_HEADROOM * rows * row_bytes)

    def _has_wide_blocks(self) -> bool:
        return bool(self._file.GetRasterBand(1).GetBlockSize()[0] >= self._file.RasterXSize)

    def _fetch(self, window: Window) -> None:
        """Have a mosaic fetch what the pixels of a window come from."""
        if self._mosaic is None:
            return
        west, x_size, _, north, _, y_size = self.grid.geotransform
        kernel_px = _KERNEL_PX * max(1.0, self.native_ground_resolution_m / self.spec.ground_resolution_m)
        left, right = window.column - kernel_px, window.column + window.width + kernel_px
        top, bottom = window.row - kernel_px, window.row + window.height + kernel_px
        bounds = Bounds(west + left * x_size, north + bottom * y_size, west + right * x_size, north + top * y_size)
        if self._mosaic.require(bounds):
            self._warped.FlushCache()  # it keeps blocks, of which some may have been read when they were empty

    def _read_inside(self, window: Window) -> tuple[Pixels, Mask]:
        """Raw pixels of a window inside the grid.

        GDAL would keep all that it decodes, up to a twentieth of the machine's memory. Blocks as wide as the raster
        serve the next window beside this one too.
        """
        if not self._has_wide_blocks() or window.row != self._last_row:
            self._warped.FlushCache()
            self._file.FlushCache()
        self._last_row = window.row
        if self._aligned is not None:
            return self._aligned.read(window)
        return split(self._warped.ReadAsArray(window.column, window.row, window.width, window.height))

    def _prepare(self, warnings: tuple[str, ...]) -> None:
        """Decide on the stretch, look for imagery and tell what the user should know.

        Raises:
            RasterUnusableError: There is no imagery in the grid.
        """
        stretch_warning: tuple[str, ...] = ()
        is_byte = dtype_of(self._warped) == np.uint8
        if not is_byte:
            self._stretch = percentile_stretch(*self._sample())
            stretch_warning = (stretch_sentence(dtype_of(self._warped), self._stretch),)
        elif self.spec.value_range != (0, 255):
            self._stretch = Stretch((0.0,) * len(self.spec.bands), (255.0,) * len(self.spec.bands))
        if is_byte and (self._area is not None or _may_have_holes(self._colours)):
            self._first_imagery()
        resolution_warning = resolution_warnings(self.native_ground_resolution_m, self.spec)
        self.warnings = (*warnings, *resolution_warning, *stretch_warning)

    def _sample(self) -> tuple[Pixels, Mask]:
        """Raw pixels for statistics: all of a small grid, else windows spread evenly over it.

        Windows cost the same on a raster of any size, with overviews or without.
        """
        grid, side = self.grid, _SAMPLE_PX
        if grid.width_px * grid.height_px <= (_SAMPLE_WINDOWS * _SAMPLE_PX) ** 2:
            raw, valid = self._read_raw(grid.window)
        else:
            rows, columns = (
                np.unique(np.linspace(0, max(length - side, 0), _SAMPLE_WINDOWS).astype(int))
                for length in (grid.height_px, grid.width_px)
            )
            parts = [self._read_raw(Window(int(r), int(c), side, side)) for r in rows for c in columns]
            raw = np.concatenate([part for part, _ in parts], axis=1)
            valid = np.concatenate([part for _, part in parts])
        return (raw, valid) if valid.any() else self._first_imagery()

    def _first_imagery(self) -> tuple[Pixels, Mask]:
        """The first window with valid pixels, looking from the centre outwards.

        Raises:
            RasterUnusableError: There is none.
        """
        grid, side = self.grid, _SEARCH_PX
        windows = [
            Window(row, column, side, side)
            for row in range(0, grid.height_px, side)
            for column in range(0, grid.width_px, side)
        ]
        centre = (grid.height_px - side) / 2, (grid.width_px - side) / 2
        for window in sorted(windows, key=lambda w: math.dist((w.row, w.column), centre)):
            raw, valid = self._read_raw(window)
            if valid.any():
                return raw, valid
        where = "" if self._area is None else " in the area asked for"
        if self._mosaic is not None:
            self._mosaic.check_any()
        raise RasterUnusableError(
            self._name, f"has no imagery{where}: all pixels are nodata", "Choose another raster or area"
        )


def _name(raster: Path | Mosaic) -> Path | str:
    return raster.name if isinstance(raster, Mosaic) else raster


def _colour_view(dataset: gdal.Dataset, choice: BandChoice, geotransform: Geotransform) -> gdal.Dataset:
    """A view of the chosen bands in order, the alpha band last."""
    bands = [*choice.indexes] if choice.alpha is None else [*choice.indexes, choice.alpha]
    view = gdal.Translate("", dataset, format="VRT", bandList=bands)
    view.SetGeoTransform(geotransform)
    return view


def _plan(
    dataset: gdal.Dataset, name: Path | str, placement: Placement, polygons: ogr.Geometry | None, target_m: float
) -> GridPlan:
    """Plan the grid over the part of the area that lies on the raster.

    Raises:
        AreaError: There is no such part.
        RasterUnusableError: Its place or the size of its pixels makes no sense.
    """
    width_px, height_px = dataset.RasterXSize, dataset.RasterYSize
    footprint = corners(placement.geotransform, width_px, height_px)
    bounds = bounds_of(footprint)
    if polygons is not None:
        common = polygons.Intersection(_polygon(footprint))
        if common.Area() == 0:
            west, east, south, north = polygons.GetEnvelope()
            problem = f"The area ({Bounds(west, south, east, north)}) does not meet '{name}' ({bounds})"
            raise AreaError(problem, "Choose an area on the raster, and check the coordinate reference systems")
        west, east, south, north = common.GetEnvelope()
        bounds = Bounds(west, south, east, north)
    raster = (placement.geotransform, width_px, height_px)
    try:
        plan = plan_grid(raster, placement.crs_wkt, placement.ground, bounds, target_m)
    except ValueError as error:
        raise RasterUnusableError(name, f"lies at {bounds}: {error}", _CHECK_CRS) from error
    if plan.grid.width_px * plan.grid.height_px > _MAX_PIXELS:
        problem = f"would have {plan.grid.width_px} by {plan.grid.height_px} pixels of {target_m:g} m"
        raise RasterUnusableError(name, problem, "Choose a smaller area")
    return plan


def _polygon(points: tuple[tuple[float, float], ...]) -> ogr.Geometry:
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for x, y in (*points, points[0]):
        ring.AddPoint_2D(x, y)
    polygon = ogr.Geometry(ogr.wkbPolygon)
    polygon.AddGeometry(ring)
    return polygon


def _may_have_holes(colours: gdal.Dataset) -> bool:
    return any(
        colours.GetRasterBand(index).GetMaskFlags() != gdal.GMF_ALL_VALID for index in range(1, colours.RasterCount + 1)
    )
