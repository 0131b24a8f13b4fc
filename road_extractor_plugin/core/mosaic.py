"""Imagery of tiles as one raster on disk, which fills as it is read."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Callable
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.errors import AreaError, ImageryMissingError, ImageryTooLargeError
from road_extractor_plugin.contract.feedback import Feedback, SilentFeedback
from road_extractor_plugin.contract.grid import Geotransform, Window
from road_extractor_plugin.contract.request import Area
from road_extractor_plugin.contract.tiles import MAX_TILES, FetchedTile, ImageryCounts, TileIndex, TileSource
from road_extractor_plugin.core.area import AreaMask, area_in_crs
from road_extractor_plugin.core.gdal_binding import gdal, ogr
from road_extractor_plugin.core.output_errors import check_room, writing
from road_extractor_plugin.core.raster_grid import Bounds

_OPTIONS = ("TILED=YES", "SPARSE_OK=TRUE", "BIGTIFF=IF_SAFER", "INTERLEAVE=PIXEL", "PHOTOMETRIC=RGB", "ALPHA=YES")
_BANDS = 4
_UNWANTED, _WANTED, _PRESENT, _MISSING = range(4)
_BATCH_TILES = 32
"""Fetched at a time at least, where there are so many: a few at a time would not keep the connections busy."""
_NEIGHBOURS_PX = 2
"""Pixels beyond the area from which those at its edge are interpolated."""
_MOST_AROUND = 10 * MAX_TILES
"""In the rectangle around an area, of which it may need a small part."""
_SLIVER = 1e-6
"""Part of a tile that is rounding error and not worth a tile."""


class Mosaic:
    """The tiles of a source around an area, in a sparse GeoTIFF with an alpha band.

    A tile is fetched when a part of it is required, or a little ahead, and only if it meets the area. What could not
    be had stays transparent, is counted, and can be asked for again: a mosaic may be closed and opened again for
    another run. Nothing but the tile at hand is in memory. Not for use by two threads at once.

    Args:
        name: For messages.
        source: Fetches the tiles.
        folder: Where it makes a folder of its own when it is opened, which stays until `remove`.
    """

    feedback: Feedback = SilentFeedback()
    """Asked whether to stop."""
    tell: Callable[[int, int], None]
    """Called with the number of tiles that were fetched so far, and of those that may be needed in all."""

    def __init__(self, name: str, source: TileSource, folder: Path) -> None:
        self.name = name
        self.identity = ""
        """Another one whenever the raster is made anew."""
        self.tell = lambda *_: None
        self._source = source
        self._path = folder / f"road_extractor_{uuid4().hex}" / "mosaic.tif"
        self._dataset: gdal.Dataset | None = None
        self._tiles = Window(0, 0, 0, 0)
        self._state: npt.NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self._problems: dict[TileIndex, str] = {}
        self._fetched_bytes = 0

    def open(self, area: Area | None) -> gdal.Dataset:
        """Make the raster, or take it up again with the tiles that it has.

        Args:
            area: Only tiles that meet it are fetched; None is all that the source has.

        Raises:
            AreaError: The area lies beyond all tiles.
            ImageryTooLargeError: It needs too many of them.
            DiskFullError: They would not fit on the disk.
            OutputError: The file cannot be written.
        """
        tiles, wanted = self._choose(area)
        self._fetched_bytes = 0
        self._problems.clear()
        if tiles == self._tiles and self._path.exists():
            self._state = np.where(self._state == _PRESENT, self._state, wanted)
            with writing(self._path, self.size_bytes):
                self._dataset = gdal.OpenEx(str(self._path), gdal.OF_RASTER | gdal.OF_UPDATE)
        else:
            self._tiles, self._state = tiles, wanted
            self._path.parent.mkdir(exist_ok=True)
            check_room(self._path.parent, self.size_bytes)
            with writing(self._path, self.size_bytes):
                self._dataset = self._create()
            self.identity = uuid4().hex[:8]
        return self._dataset

    def close(self) -> None:
        """Write what is in memory and let go of the file, which stays.

        Raises:
            OutputError: It could not all be written.
        """
        dataset, self._dataset = self._dataset, None
        if dataset is not None:
            with writing(self._path, self.size_bytes):
                dataset.FlushCache()  # not closed: views of it may live a little longer

    def remove(self) -> None:
        """Remove what is on the disk; the mosaic can be opened anew."""
        self.identity = ""
        self._dataset = None
        shutil.rmtree(self._path.parent, ignore_errors=True)

    @property
    def size_bytes(self) -> int:
        """Room on the disk that all wanted tiles take."""
        return int((self._state != _UNWANTED).sum()) * self._source.lattice.tile_px**2 * _BANDS

    def require(self, bounds: Bounds) -> bool:
        """Fetch what is not there yet of the tiles that meet these bounds, and some to the east of them.

        Returns:
            Whether pixels have changed.

        Raises:
            Cancelled: The user asked for it.
            OutputError: The file cannot be written.
        """
        window = self._meeting(bounds).intersection(self._tiles)
        needed = self._wanted_in(window)
        if not needed:
            return False
        ahead = Window(window.row, window.column + window.width, window.height, self._tiles.width)
        tiles = [*needed, *self._wanted_in(ahead.intersection(self._tiles))][: max(len(needed), _BATCH_TILES)]
        with closing(self._source.fetch(tiles, self.feedback)) as fetched:
            for tile in fetched:
                self._keep(tile)
                self.tell(int((self._state >= _PRESENT).sum()), int((self._state != _UNWANTED).sum()))
        return True

    def counts(self) -> ImageryCounts:
        """What came of fetching so far."""
        return ImageryCounts(
            level=self._source.lattice.level,
            tiles=int((self._state >= _PRESENT).sum()),
            missing=len(self._problems),
            problems=dict(Counter(self._problems.values()).most_common()),
            megabytes=self._fetched_bytes / 1e6,
        )

    def missing(self) -> Iterator[tuple[Bounds, str]]:
        """Where tiles are missing, and why."""
        for index in sorted(self._problems):
            yield self._bounds(index), self._problems[index]

    def check_any(self) -> None:
        """See whether any tile came.

        Raises:
            ImageryMissingError: None did, of those asked for.
        """
        counts = self.counts()
        if counts.missing == counts.tiles > 0:
            raise ImageryMissingError(self.name, counts.missing, next(iter(counts.problems)))

    def _choose(self, area: Area | None) -> tuple[Window, npt.NDArray[np.uint8]]:
        """The rectangle of tiles around an area, and for each of them whether the area needs it.

        Raises:
            AreaError: There are none.
            ImageryTooLargeError: There are too many.
        """
        lattice = self._source.lattice
        tiles = Window(0, 0, lattice.rows, lattice.columns)
        polygons = None if area is None else area_in_crs(area, lattice.crs_wkt)
        if polygons is not None:
            west, east, south, north = polygons.GetEnvelope()
            bounds = Bounds(west, south, east, north)
            tiles = self._meeting(bounds, _NEIGHBOURS_PX).intersection(tiles)
            if tiles.is_empty:
                problem = f"The area ({bounds}) lies beyond the imagery of '{self.name}'"
                raise AreaError(problem, "Choose an area on it, and check the coordinate reference systems")
        if tiles.height * tiles.width > _MOST_AROUND:
            raise ImageryTooLargeError(self.name, tiles.height * tiles.width, MAX_TILES)
        wanted = np.full((tiles.height, tiles.width), _WANTED, np.uint8)
        if polygons is not None:
            wanted[~self._touched(polygons, tiles)] = _UNWANTED
        if (wanted == _WANTED).sum() > MAX_TILES:
            raise ImageryTooLargeError(self.name, int((wanted == _WANTED).sum()), MAX_TILES)
        return tiles, wanted

    def _touched(self, polygons: ogr.Geometry, tiles: Window) -> npt.NDArray[np.bool_]:
        lattice = self._source.lattice
        (width, height), margin = lattice.tile_size, _NEIGHBOURS_PX / lattice.tile_px
        tiles_as_pixels: Geotransform = (lattice.west, width, 0.0, lattice.north, 0.0, -height)
        return AreaMask(polygons, tiles_as_pixels).touched(tiles, margin)

    def _create(self) -> gdal.Dataset:
        lattice, tiles = self._source.lattice, self._tiles
        width_px, height_px = tiles.width * lattice.tile_px, tiles.height * lattice.tile_px
        driver = gdal.GetDriverByName("GTiff")
        dataset = driver.Create(str(self._path), width_px, height_px, _BANDS, gdal.GDT_Byte, list(_OPTIONS))
        corner = self._bounds(TileIndex(tiles.row, tiles.column))
        dataset.SetGeoTransform((corner.west, lattice.pixel_size[0], 0.0, corner.north, 0.0, -lattice.pixel_size[1]))
        dataset.SetProjection(lattice.crs_wkt)
        return dataset

    def _keep(self, tile: FetchedTile) -> None:
        row, column = tile.index.row - self._tiles.row, tile.index.column - self._tiles.column
        self._fetched_bytes += tile.size_bytes
        self._state[row, column] = _MISSING if tile.problem else _PRESENT
        if tile.problem:
            self._problems[tile.index] = tile.problem
        if tile.pixels is None:
            return
        tile_px = self._source.lattice.tile_px
        if self._dataset is None:
            msg = "the mosaic is not open"
            raise ValueError(msg)
        with writing(self._path, self.size_bytes):
            self._dataset.WriteArray(tile.pixels, column * tile_px, row * tile_px)

    def _wanted_in(self, window: Window) -> list[TileIndex]:
        """From west to east, so that what is fetched ahead lies nearest."""
        row, column = window.row - self._tiles.row, window.column - self._tiles.column
        part = self._state[row : row + window.height, column : column + window.width] == _WANTED
        columns, rows = np.nonzero(part.T)
        return [TileIndex(window.row + int(r), window.column + int(c)) for r, c in zip(rows, columns)]

    def _meeting(self, bounds: Bounds, margin_px: int = 0) -> Window:
        """All tiles, of whatever number, that meet bounds grown by a margin."""
        lattice = self._source.lattice
        (width, height), margin = lattice.tile_size, margin_px / lattice.tile_px
        left = math.floor((bounds.west - lattice.west) / width - margin + _SLIVER)
        right = math.ceil((bounds.east - lattice.west) / width + margin - _SLIVER)
        top = math.floor((lattice.north - bounds.north) / height - margin + _SLIVER)
        bottom = math.ceil((lattice.north - bounds.south) / height + margin - _SLIVER)
        return Window(top, left, bottom - top, right - left)

    def _bounds(self, index: TileIndex) -> Bounds:
        lattice = self._source.lattice
        width, height = lattice.tile_size
        west, north = lattice.west + index.column * width, lattice.north - index.row * height
        return Bounds(west, north - height, west + width, north)
