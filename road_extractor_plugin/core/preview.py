"""A picture of the result: the image with the centre-lines on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.ranges import counted
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.grid import Grid, TileGrid, Window
from road_extractor_plugin.contract.model_card import InputSpec
from road_extractor_plugin.contract.road_graph import RoadGraph
from road_extractor_plugin.core.output_errors import writing
from road_extractor_plugin.core.png import write_png
from road_extractor_plugin.core.raster_source import RasterSource

UInt8 = npt.NDArray[np.uint8]
BoolMask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_LONGEST_SIDE_PX = 900
"""Enough for a screen; a larger picture takes longer than the lines of a small raster do."""
_LINE = (255, 221, 0)
_CASING = (40, 20, 60)
_LINE_RADIUS_PX = 1
_CASING_RADIUS_PX = 2
_WHITE = 255


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as small as its preview."""

    rgb: UInt8
    """(3, height, width), white where there is no imagery."""
    grid: Grid
    """What it shows."""


class ShownSource:
    """A raster whose pixels go into a picture while others read them, so that it is read and decoded once.

    A pixel of the picture is the mean of four places in it, those without imagery left out. For that the picture is
    first made twice as large, of the pixels at these places:

        +-------+-------+
        | x   x |       |     It is the same whatever the windows are, and whether all of them are read for others
        | x   x |       |     or, in a run that goes on from an earlier one, some only for the picture.
        +-------+-------+

    Args:
        source: The raster; used only in `read` and `read_rest`.
        tiles: The windows over it.
    """

    def __init__(self, source: RasterSource, tiles: TileGrid) -> None:
        self.grid = source.grid
        self._source, self._tiles = source, tiles
        self._seen: set[Window] = set()
        height, width = self.grid.height_px, self.grid.width_px
        reduction = max(height, width, _LONGEST_SIDE_PX) / _LONGEST_SIDE_PX
        self._rows, self._columns = _places(height, reduction), _places(width, reduction)
        shape = len(self._rows), len(self._columns)
        self._rgb: UInt8 = np.zeros((3, *shape), dtype=np.uint8)
        """0 where there is no imagery."""
        self._valid: BoolMask = np.zeros(shape, dtype=bool)

    def read(self, window: Window) -> tuple[npt.NDArray[Any], BoolMask]:
        """See `RasterSource.read`."""
        pixels, valid = self._source.read(window)
        rows = _within(self._rows, window.row, window.height)
        columns = _within(self._columns, window.column, window.width)
        y, x = self._rows[rows] - window.row, self._columns[columns] - window.column
        # Rows first and then columns takes a tenth of the time for both at once.
        rgb = _eight_bit_rgb(pixels.take(y, axis=1).take(x, axis=2), self._source.spec)
        self._rgb[:, rows, columns] = rgb
        if valid.all():
            self._valid[rows, columns] = True
        else:
            self._valid[rows, columns] = valid.take(y, axis=0).take(x, axis=1)
            self._rgb[:, rows, columns] *= self._valid[rows, columns]
        self._seen.add(window)
        return pixels, valid

    def read_rest(self, feedback: Feedback) -> None:
        """Read the windows that nobody else did, once all are read that others need.

        Raises:
            RasterUnreadableError: The image breaks off.
            Cancelled: The user asked for it.
        """
        for row in range(len(self._tiles.rows.starts)):
            for window in self._tiles.row_windows(row):
                if window not in self._seen:
                    stop_if_cancelled(feedback)
                    self.read(window)

    def picture(self) -> Picture:
        """The picture, when all of it was read."""
        rgb = _sums_of_four(self._rgb)
        if self._valid.all():  # as mostly; the division below takes longer than all the rest
            rgb += np.uint16(2)
            rgb >>= np.uint16(2)
        else:
            count = _sums_of_four(self._valid.view(np.uint8))
            rgb += count >> np.uint16(1)
            rgb //= np.maximum(count, np.uint16(1))
            rgb[:, count == 0] = _WHITE
        return Picture(rgb.astype(np.uint8), self.grid)


def _places(length_px: int, reduction: float) -> Indices:
    """Along one side, the pixels at a quarter and at three quarters of each pixel of the picture."""
    count = 2 * math.ceil(length_px / reduction)
    return ((np.arange(count) + 0.5) * (length_px / count)).astype(np.int64)


def _within(places: Indices, start: int, length_px: int) -> slice:
    """Which of the places, which rise, are in a window."""
    first, stop = np.searchsorted(places, [start, start + length_px]).tolist()
    return slice(first, stop)


def _sums_of_four(values: UInt8) -> npt.NDArray[np.uint16]:
    """(..., height, width) of 2 x 2 pixels each of (..., 2 height, 2 width)."""
    pairs = values.view(np.uint16)  # two pixels each, so that none is read by itself, which takes twice as long
    sums = pairs & np.uint16(255)
    sums += pairs >> np.uint16(8)
    of_four: npt.NDArray[np.uint16] = sums[..., ::2, :] + sums[..., 1::2, :]
    return of_four


def write_preview(path: Path, picture: Picture, graph: RoadGraph) -> None:
    """Write a picture with the roads as PNG.

    Args:
        path: File to make.
        picture: The image; the roads are drawn on it.
        graph: In pixels of the picture's grid.

    Raises:
        OutputError: The file cannot be written.
    """
    rgb = picture.rgb
    lines = burnt_lines(graph, picture.grid, rgb.shape[1:])
    rgb[:, _widened(lines, _CASING_RADIUS_PX)] = np.array(_CASING)[:, None]
    rgb[:, _widened(lines, _LINE_RADIUS_PX)] = np.array(_LINE)[:, None]
    with writing(path, rgb.nbytes):
        write_png(path, rgb)


def burnt_lines(graph: RoadGraph, grid: Grid, shape: tuple[int, ...]) -> BoolMask:
    """The centre-lines on a picture of the grid, one pixel wide and nowhere more than half a pixel off.

    Along the axis in which a segment is longer, it gets one pixel per row or column: that in which it crosses the
    middle of the row or column. (GDAL's own burning moves the ends of segments to pixel centres first.)

    Args:
        graph: In pixels of the grid.
        grid: What the picture shows.
        shape: Height and width of the picture.
    """
    height, width = shape
    burnt: BoolMask = np.zeros(shape, dtype=bool)
    if graph.edges:
        scale = (width / grid.width_px, height / grid.height_px)
        start = np.concatenate([edge.points[:-1] for edge in graph.edges]) * scale
        end = np.concatenate([edge.points[1:] for edge in graph.edges]) * scale
        is_steep = np.abs(end - start).argmax(axis=1) == 1
        columns, rows = _pixels_along_x(start[~is_steep], end[~is_steep])
        steep_rows, steep_columns = _pixels_along_x(start[is_steep, ::-1], end[is_steep, ::-1])
        rows, columns = np.append(rows, steep_rows), np.append(columns, steep_columns)
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        burnt[rows[inside], columns[inside]] = True
    return burnt


def _pixels_along_x(start: Points, end: Points) -> tuple[Indices, Indices]:
    """Columns and rows of the pixels of segments (n, 2) that are longer in x than in y."""
    first = np.ceil(np.minimum(start[:, 0], end[:, 0]) - 0.5).astype(np.int64)
    last = np.floor(np.maximum(start[:, 0], end[:, 0]) - 0.5).astype(np.int64)
    count = np.maximum(last - first + 1, 0)
    segment = np.repeat(np.arange(len(count)), count)
    column = counted(first, first + count)
    run, rise = (end - start)[segment].T
    slope = np.divide(rise, run, out=np.zeros_like(run), where=run != 0)
    row = np.floor(start[segment, 1] + (column + 0.5 - start[segment, 0]) * slope).astype(np.int64)
    return column, row


def _eight_bit_rgb(pixels: npt.NDArray[Any], spec: InputSpec) -> UInt8:
    """The first three bands, or the first one three times."""
    smallest, largest = spec.value_range
    chosen = pixels[:3] if len(pixels) >= 3 else pixels[[0, 0, 0]]  # noqa: PLR2004
    if np.issubdtype(chosen.dtype, np.uint8):  # then it is in 0..255 already
        return chosen
    rgb: UInt8 = np.rint((chosen - smallest) * (255.0 / (largest - smallest))).astype(np.uint8)
    return rgb


def _widened(lines: BoolMask, radius_px: int) -> BoolMask:
    """Lines grown by so many pixels to each side."""
    grown = lines.copy()
    for _ in range(radius_px):
        padded = np.pad(grown, 1)
        grown = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:] | grown
    return grown
