"""Reading imagery on the grid that the network wants, window by window, whatever the file looks like."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import gdal_array

from road_extractor_plugin.compute.normalise import Stretch, apply_stretch, percentile_stretch
from road_extractor_plugin.contract.errors import AreaError, RasterUnreadableError, RasterUnusableError
from road_extractor_plugin.contract.grid import Geotransform, Grid, Window
from road_extractor_plugin.contract.model_card import InputSpec
from road_extractor_plugin.contract.request import Area
from road_extractor_plugin.core.aligned_pixels import AlignedPixels
from road_extractor_plugin.core.area import AreaMask, area_in_crs
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, ogr, quiet_gdal
from road_extractor_plugin.core.raster_bands import BandChoice, choose_bands, expand_palette
from road_extractor_plugin.core.raster_file import Placement, open_dataset, place
from road_extractor_plugin.core.raster_grid import Bounds, GridPlan, bounds_of, corners, plan_grid

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
_OPAQUE = 255
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
    exclude it, all bands are finite, and its centre lies in the area asked for. Averaged pixels are valid
    where any of their pixels is. Pixels that are not 8-bit are stretched by one stretch for the whole grid,
    so that windows fit together. Nothing is held but one window. Not for use by two threads at once.

    Open with `RasterSource.open`; a context manager.
    """

    def __init__(self, path: Path, opened: _Opened, plan: GridPlan, area: AreaMask | None, spec: InputSpec) -> None:
        self.grid: Grid = plan.grid
        self.native_ground_resolution_m = plan.native_ground_resolution_m
        self.warnings: tuple[str, ...] = ()
        self._path = path
        self._file, self._colours = opened.file, opened.colours
        self._area = area
        self.spec = spec
        self._aligned = AlignedPixels.of(opened.colours, plan.grid) if plan.resampling == "near" else None
        self._warped = _warp(
            opened.colours, plan.grid, plan.resampling, "VRT", (plan.grid.height_px, plan.grid.width_px)
        )
        self._stretch: Stretch | None = None
        self._last_row = 0

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        spec: InputSpec,
        raster_ground_resolution_m: float | None = None,
        area: Area | None = None,
        band_indexes: tuple[int, ...] | None = None,
    ) -> RasterSource:
        """Open a raster and decide how it is read.

        Args:
            path: Any raster that GDAL reads.
            spec: What the network wants, its ground resolution above all.
            raster_ground_resolution_m: Metres on the ground per pixel of a raster without CRS.
            area: Where to read; None is the whole raster.
            band_indexes: Bands for the network's channels, from 1; None chooses them (`choose_bands`).

        Raises:
            RasterUnreadableError: Missing, no raster, or broken.
            RasterUnusableError: Without place, size, bands or imagery to work on.
            AreaError: The area does not meet the raster.
        """
        with quiet_gdal():
            try:
                file = dataset = open_dataset(path)
                placement = place(dataset, path, raster_ground_resolution_m)
                dataset = expand_palette(dataset)
                choice = choose_bands(dataset, path, spec.bands, band_indexes)
                colours = _colour_view(dataset, choice, placement.geotransform)
                polygons = None if area is None else area_in_crs(area, placement.crs_wkt)
                plan = _plan(dataset, path, placement, polygons, spec.ground_resolution_m)
                mask = None if polygons is None else AreaMask(polygons, plan.grid.geotransform)
                source = cls(path, _Opened(file, colours), plan, mask, spec)
                source._prepare((*placement.warnings, *choice.warnings))
            except RuntimeError as error:
                raise RasterUnreadableError(path, gdal_detail(error)) from error
        return source

    def __enter__(self) -> RasterSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._warped = self._colours = self._aligned = self._file = self._area = None

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

    def read_overview(self, max_side_px: int) -> tuple[Pixels, Mask]:
        """The whole grid like `read`, averaged so that its longer side has at most so many pixels.

        Raises:
            RasterUnreadableError: The file is broken.
        """
        grid = self.grid
        reduction = max(grid.width_px, grid.height_px) / max_side_px
        if reduction <= 1:
            return self.read(grid.window)
        shape = (math.ceil(grid.height_px / reduction), math.ceil(grid.width_px / reduction))
        with quiet_gdal():
            try:
                reduced = self._aligned.averaged(grid.window, shape) if self._aligned else None
                raw, valid = reduced or _split(_warp(self._colours, grid, "average", "MEM", shape).ReadAsArray())
            except RuntimeError as error:
                raise RasterUnreadableError(self._path, gdal_detail(error)) from error
        if self._area is not None:
            valid &= self._area.read(grid.window, shape)
        return self._in_value_range(raw, valid), valid

    def _in_value_range(self, raw: Pixels, valid: Mask) -> Pixels:
        pixels = raw if self._stretch is None else apply_stretch(raw, self._stretch, self.spec)
        if not valid.all():
            pixels[:, ~valid] = 0
        return pixels

    def _read_raw(self, window: Window) -> tuple[Pixels, Mask]:
        inside = window.intersection(self.grid.window)
        bands = len(self.spec.bands)
        raw = np.zeros((bands, window.height, window.width), _dtype(self._warped))
        valid = np.zeros((window.height, window.width), bool)
        wanted = self._area.read(inside) if self._area is not None and not inside.is_empty else None
        if inside.is_empty or (wanted is not None and not wanted.any()):
            return raw, valid
        rows = slice(inside.row - window.row, inside.row - window.row + inside.height)
        columns = slice(inside.column - window.column, inside.column - window.column + inside.width)
        with quiet_gdal():
            try:
                raw[:, rows, columns], valid[rows, columns] = self._read_inside(inside)
            except RuntimeError as error:
                raise RasterUnreadableError(self._path, gdal_detail(error)) from error
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
        row_bytes = self._file.RasterXSize * self._file.RasterCount * _dtype(self._file).itemsize
        return int(_HEADROOM * rows * row_bytes)

    def _has_wide_blocks(self) -> bool:
        return bool(self._file.GetRasterBand(1).GetBlockSize()[0] >= self._file.RasterXSize)

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
        return _split(self._warped.ReadAsArray(window.column, window.row, window.width, window.height))

    def _prepare(self, warnings: tuple[str, ...]) -> None:
        """Decide on the stretch, look for imagery and tell what the user should know.

        Raises:
            RasterUnusableError: There is no imagery in the grid.
        """
        stretch_warning: tuple[str, ...] = ()
        is_byte = _dtype(self._warped) == np.uint8
        if not is_byte:
            self._stretch = percentile_stretch(*self._sample())
            stretch_warning = (_stretch_sentence(_dtype(self._warped), self._stretch),)
        elif self.spec.value_range != (0, 255):
            self._stretch = Stretch((0.0,) * len(self.spec.bands), (255.0,) * len(self.spec.bands))
        if is_byte and (self._area is not None or _may_have_holes(self._colours)):
            self._first_imagery()
        resolution_warning = _resolution_warning(self.native_ground_resolution_m, self.spec)
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
        raise RasterUnusableError(
            self._path, f"has no imagery{where}: all pixels are nodata", "Choose another raster or area"
        )


def _colour_view(dataset: gdal.Dataset, choice: BandChoice, geotransform: Geotransform) -> gdal.Dataset:
    """A view of the chosen bands in order, the alpha band last."""
    bands = [*choice.indexes] if choice.alpha is None else [*choice.indexes, choice.alpha]
    view = gdal.Translate("", dataset, format="VRT", bandList=bands)
    view.SetGeoTransform(geotransform)
    return view


def _plan(
    dataset: gdal.Dataset, path: Path, placement: Placement, polygons: ogr.Geometry | None, target_m: float
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
            problem = f"The area ({Bounds(west, south, east, north)}) does not meet '{path}' ({bounds})"
            raise AreaError(problem, "Choose an area on the raster, and check the coordinate reference systems")
        west, east, south, north = common.GetEnvelope()
        bounds = Bounds(west, south, east, north)
    raster = (placement.geotransform, width_px, height_px)
    try:
        plan = plan_grid(raster, placement.crs_wkt, placement.ground, bounds, target_m)
    except ValueError as error:
        raise RasterUnusableError(path, f"lies at {bounds}: {error}", _CHECK_CRS) from error
    if plan.grid.width_px * plan.grid.height_px > _MAX_PIXELS:
        problem = f"would have {plan.grid.width_px} by {plan.grid.height_px} pixels of {target_m:g} m"
        raise RasterUnusableError(path, problem, "Choose a smaller area")
    return plan


def _polygon(points: tuple[tuple[float, float], ...]) -> ogr.Geometry:
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for x, y in (*points, points[0]):
        ring.AddPoint_2D(x, y)
    polygon = ogr.Geometry(ogr.wkbPolygon)
    polygon.AddGeometry(ring)
    return polygon


def _warp(colours: gdal.Dataset, grid: Grid, resampling: str, driver: str, shape: tuple[int, int]) -> gdal.Dataset:
    """The bands at `shape` (height, width) over the grid's extent, followed by one of validity, up to 255.

    Nothing is reprojected, so the mapping is affine and exact. Overviews are used where they leave at least
    two pixels of theirs per pixel wanted: then averaging still hides how they were made. A pixel is nodata
    where all bands are.
    """
    west, x_size, _, north, _, y_size = grid.geotransform
    is_float = np.issubdtype(_dtype(colours), np.floating)
    has_nodata = colours.GetRasterBand(1).GetNoDataValue() is not None
    return gdal.Warp(
        "",
        colours,
        format=driver,
        outputBounds=(west, north + grid.height_px * y_size, west + grid.width_px * x_size, north),
        height=shape[0],
        width=shape[1],
        resampleAlg=resampling,
        overviewLevel="AUTO-1",
        errorThreshold=0,
        dstAlpha=True,
        srcNodata="nan" if is_float and not has_nodata else None,
        transformerOptions=["SRC_METHOD=GEOTRANSFORM", "DST_METHOD=GEOTRANSFORM"],
        warpOptions=["UNIFIED_SRC_NODATA=YES", f"DST_ALPHA_MAX={_OPAQUE}"],
    )


def _split(warped: Pixels) -> tuple[Pixels, Mask]:
    """Pixels and validity of what `_warp` gives: at least half covered, and finite."""
    raw, alpha = warped[:-1], warped[-1]
    valid: Mask = alpha > _OPAQUE // 2
    if np.issubdtype(raw.dtype, np.floating):
        valid &= np.isfinite(raw).all(axis=0)
    return raw, valid


def _may_have_holes(colours: gdal.Dataset) -> bool:
    return any(
        colours.GetRasterBand(index).GetMaskFlags() != gdal.GMF_ALL_VALID for index in range(1, colours.RasterCount + 1)
    )


def _dtype(dataset: gdal.Dataset) -> np.dtype[Any]:
    return np.dtype(gdal_array.GDALTypeCodeToNumericTypeCode(dataset.GetRasterBand(1).DataType))


def _resolution_warning(native_m: float, spec: InputSpec) -> tuple[str, ...]:
    finest, coarsest = spec.ground_resolution_range_m
    if finest <= native_m <= coarsest:
        return ()
    effect = "detail finer than that is averaged away" if native_m < finest else "roads may be missed"
    sentence = (
        f"The raster has {native_m:.3g} m per pixel on the ground, the model is made for {finest:g} to {coarsest:g} m. "
        f"It is resampled to {spec.ground_resolution_m:g} m; {effect}."
    )
    return (sentence,)


def _stretch_sentence(dtype: np.dtype[Any], stretch: Stretch) -> str:
    ranges = ", ".join(f"{low:.4g} to {high:.4g}" for low, high in zip(stretch.low, stretch.high))
    return (
        f"Pixels are {dtype}, not 8-bit: each band is stretched from its 2nd to 98th percentile ({ranges}), once for "
        "the whole image."
    )
