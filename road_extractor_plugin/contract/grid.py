"""Pixels, tiles and strips: all the arithmetic of cutting a large raster into pieces, in one place.

Axis order is (row, column) = (y, x) throughout; row 0 is the northern edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from road_extractor_plugin.contract.errors import RequestError

Geotransform = tuple[float, float, float, float, float, float]
"""GDAL's order: x of the corner, x per column, x per row, y of the corner, y per column, y per row."""


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels; it may reach beyond the raster it is read from."""

    row: int
    column: int
    height: int
    width: int

    def intersection(self, other: Window) -> Window:
        """The part in both; height or width is 0 when there is none."""
        row, column = max(self.row, other.row), max(self.column, other.column)
        bottom = min(self.row + self.height, other.row + other.height)
        right = min(self.column + self.width, other.column + other.width)
        return Window(row, column, max(bottom - row, 0), max(right - column, 0))

    @property
    def corner(self) -> tuple[int, int]:
        """Row and column of the north-western pixel."""
        return self.row, self.column

    @property
    def slices(self) -> tuple[slice, slice]:
        """Of an array (rows, columns) that has all of it."""
        return slice(self.row, self.row + self.height), slice(self.column, self.column + self.width)

    @property
    def is_empty(self) -> bool:
        """Whether it has no pixel."""
        return self.height <= 0 or self.width <= 0


@dataclass(frozen=True)
class Grid:
    """The north-up pixel grid that a job computes and writes on."""

    width_px: int
    height_px: int
    geotransform: Geotransform
    crs_wkt: str
    """WKT of the coordinate reference system; empty when unknown."""
    pixel_size_m: tuple[float, float]
    """Metres on the ground of one pixel along x and along y, at the grid's centre."""

    @property
    def window(self) -> Window:
        """All of it."""
        return Window(0, 0, self.height_px, self.width_px)

    @property
    def area_km2(self) -> float:
        """Ground area of the whole grid, by the pixel size at its centre."""
        return self.width_px * self.height_px * self.pixel_size_m[0] * self.pixel_size_m[1] / 1e6

    def part(self, window: Window) -> Grid:
        """The grid of some of its pixels; their size on the ground is still that at the centre of the whole."""
        x, x_size, x_skew, y, y_skew, y_size = self.geotransform
        geotransform = (x + window.column * x_size, x_size, x_skew, y + window.row * y_size, y_skew, y_size)
        return Grid(window.width, window.height, geotransform, self.crs_wkt, self.pixel_size_m)


def round_up(length_px: int, multiple_of: int) -> int:
    """The smallest multiple that is not less than `length_px`, and at least one."""
    return max(-(-length_px // multiple_of), 1) * multiple_of


@dataclass(frozen=True)
class AxisTiles:
    """Tiles of one length along one axis, neighbours overlapping by at least `overlap_px`.

        |<----- tile_px ----->|
        [ tile 0          ....]
                       [ tile 1          ....]
                                    [ tile 2          ....]   the last one is moved back to end at the edge
        |<------------------ length_px ------------------->|

    An axis shorter than a tile has one tile, which reaches beyond the edge (the excess is nodata).
    """

    length_px: int
    tile_px: int
    overlap_px: int

    def __post_init__(self) -> None:
        """Refuse an overlap that leaves no step.

        Raises:
            RequestError: Lengths are not positive, or the overlap is not smaller than the tile.
        """
        if self.length_px < 1 or self.tile_px < 1:
            raise RequestError("length and tile", (self.length_px, self.tile_px), "at least 1 px each")
        if not 0 <= self.overlap_px < self.tile_px:
            raise RequestError("overlap", self.overlap_px, f"at least 0 and less than the tile of {self.tile_px} px")

    @property
    def starts(self) -> tuple[int, ...]:
        """First pixel of each tile, strictly increasing."""
        last = max(self.length_px - self.tile_px, 0)
        step = self.tile_px - self.overlap_px
        return (*range(0, last, step), last)

    def step(self, index: int) -> int:
        """Pixels from the start of a tile to that of the next; for the last one, all of the tile."""
        starts = self.starts
        return starts[index + 1] - starts[index] if index + 1 < len(starts) else self.tile_px


@dataclass(frozen=True)
class TileGrid:
    """The tensor product of two axes of tiles."""

    rows: AxisTiles
    columns: AxisTiles

    @classmethod
    def plan(cls, height_px: int, width_px: int, *, tile_px: int, overlap_px: int, multiple_of: int) -> TileGrid:
        """Tiles of at most `tile_px`: as few as possible along each axis, and then as small as that many can be.

        So little is computed twice, also where a raster is just larger than some number of tiles. Several tiles of an
        odd number become an even one of lower tiles where that costs less than a tile: processors compute two at once,
        and the last one would have nothing beside it.

        Args:
            height_px: Rows of the raster.
            width_px: Columns of the raster.
            tile_px: Largest side of a tile.
            overlap_px: Least overlap of neighbours.
            multiple_of: Sides of tiles are multiples of this.

        Raises:
            RequestError: The overlap is not smaller than the tile, or the tile no multiple.
        """
        if tile_px < multiple_of or tile_px % multiple_of:
            raise RequestError("tile size", tile_px, f"a multiple of {multiple_of} px")
        if overlap_px >= tile_px and max(height_px, width_px) > tile_px:
            raise RequestError("tile size", tile_px, f"more than the overlap of {overlap_px} px")
        rows, columns = (_plan_axis(length, tile_px, overlap_px, multiple_of) for length in (height_px, width_px))
        plan = cls(rows, columns)
        # Of a raster no higher than the overlap there are no lower tiles: they would have to be higher than that.
        if plan.tile_count == 1 or plan.tile_count % 2 == 0 or height_px <= overlap_px:
            return plan
        even = cls(_plan_axis(height_px, tile_px, overlap_px, multiple_of, len(rows.starts) + 1), columns)
        is_cheap = even.overlap_factor * plan.tile_count < plan.overlap_factor * (plan.tile_count + 1)
        return even if even.tile_count % 2 == 0 and is_cheap else plan

    def row_windows(self, row: int) -> tuple[Window, ...]:
        """The tiles of one row of tiles, from west to east."""
        top = self.rows.starts[row]
        return tuple(Window(top, left, self.rows.tile_px, self.columns.tile_px) for left in self.columns.starts)

    def finished(self, row: int, column: int) -> Window:
        """The part of the raster that no tile after this one touches, and one before did not leave finished.

        Tiles come row by row from the north, and each row from the west. These parts share out the raster.
        """
        sides = []
        for axis, index in ((self.rows, row), (self.columns, column)):
            sides.append(min(axis.step(index), axis.length_px - axis.starts[index]))
        height, width = sides
        return Window(self.rows.starts[row], self.columns.starts[column], height, width)

    @property
    def tile_count(self) -> int:
        """Number of tiles in all."""
        return len(self.rows.starts) * len(self.columns.starts)

    @property
    def overlap_factor(self) -> float:
        """Pixels computed over pixels wanted; 1 is no overlap at all."""
        computed = self.tile_count * self.rows.tile_px * self.columns.tile_px
        return computed / (self.rows.length_px * self.columns.length_px)


@dataclass(frozen=True)
class TileRows:
    """Some rows of tiles, or all: what a run computes in one go."""

    tiles: TileGrid
    rows: range
    """Counted from the north; not empty."""

    @classmethod
    def all_of(cls, tiles: TileGrid) -> TileRows:
        """Every row."""
        return cls(tiles, range(len(tiles.rows.starts)))

    @property
    def tile_count(self) -> int:
        """Number of tiles in these rows."""
        return len(self.rows) * len(self.tiles.columns.starts)

    @property
    def finished(self) -> Window:
        """The parts of the raster that these tiles finish (`TileGrid.finished`): as wide as the raster."""
        first, last = self.tiles.finished(self.rows[0], 0), self.tiles.finished(self.rows[-1], 0)
        return Window(first.row, 0, last.row + last.height - first.row, self.tiles.columns.length_px)

    @property
    def needed(self) -> range:
        """These rows, and those north of them of which tiles reach into what they finish."""
        axis = self.tiles.rows
        first = next(row for row, start in enumerate(axis.starts) if start + axis.tile_px > axis.starts[self.rows[0]])
        return range(first, self.rows.stop)


def _plan_axis(length_px: int, tile_px: int, overlap_px: int, multiple_of: int, at_least: int = 1) -> AxisTiles:
    if length_px <= tile_px and at_least == 1:
        # One tile alone has no neighbour to overlap with.
        return AxisTiles(length_px, round_up(length_px, multiple_of), 0)
    count = max(math.ceil((length_px - overlap_px) / (tile_px - overlap_px)), at_least)
    smallest = math.ceil((length_px + (count - 1) * overlap_px) / count)
    return AxisTiles(length_px, round_up(smallest, multiple_of), overlap_px)
