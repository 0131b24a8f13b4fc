"""Imagery of tiles as a raster that fills as it is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest

from road_extractor_plugin.contract.errors import AreaError, Cancelled, ImageryMissingError, ImageryTooLargeError
from road_extractor_plugin.contract.feedback import Feedback, SilentFeedback, stop_if_cancelled
from road_extractor_plugin.contract.grid import Window
from road_extractor_plugin.contract.model_card import InputSpec
from road_extractor_plugin.contract.request import Area
from road_extractor_plugin.contract.tiles import FetchedTile, TileIndex, TileLattice
from road_extractor_plugin.core.gdal_binding import gdal
from road_extractor_plugin.core.mosaic import Mosaic
from road_extractor_plugin.core.raster_source import RasterSource

WEST, NORTH, TILE_PX = 500_000.0, 6_000_000.0, 64


class DrawnTiles:
    """A source of 20 x 30 tiles of 1 m pixels in UTM, whose red and green tell row and column."""

    def __init__(self, crs_wkt: str, pixel_m: float = 1.0) -> None:
        self.lattice = TileLattice(crs_wkt, WEST, NORTH, (pixel_m, pixel_m), TILE_PX, 20, 30, "level 3")
        self.asked: list[TileIndex] = []
        self.problems: dict[TileIndex, str] = {}

    def fetch(self, tiles: Sequence[TileIndex], feedback: Feedback) -> Generator[FetchedTile, None, None]:
        for tile in tiles:
            stop_if_cancelled(feedback)
            self.asked.append(tile)
            problem = self.problems.get(tile, "")
            yield FetchedTile(tile, None if problem else drawn(tile.row, tile.column), problem, size_bytes=1000)


def drawn(row: int, column: int, height: int = 1, width: int = 1) -> npt.NDArray[np.uint8]:
    """(4, height, width) of so many tiles."""
    y, x = np.mgrid[row * TILE_PX : (row + height) * TILE_PX, column * TILE_PX : (column + width) * TILE_PX]
    return np.stack([y % 251, x % 251, (y // 251 * 13 + x // 251) % 256, np.full_like(x, 255)]).astype(np.uint8)


def square(west_px: float, north_px: float, east_px: float, south_px: float, crs_wkt: str) -> Area:
    west, east, north, south = WEST + west_px, WEST + east_px, NORTH - north_px, NORTH - south_px
    corners = ((west, north), (east, north), (east, south), (west, south), (west, north))
    return Area(f"POLYGON(({', '.join(f'{x} {y}' for x, y in corners)}))", crs_wkt)


@pytest.fixture
def tiles(crs_wkt: Callable[[str], str]) -> DrawnTiles:
    return DrawnTiles(crs_wkt("EPSG:32633"))


@pytest.fixture
def mosaic(tiles: DrawnTiles, tmp_path: Path) -> Mosaic:
    return Mosaic("Drawn", tiles, tmp_path)


def test_tiles_are_stitched_pixel_for_pixel(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    area = square(100, 140, 700, 500, tiles.lattice.crs_wkt)
    with RasterSource.open(mosaic, spec=spec, area=area) as source:
        pixels, valid = source.read(source.grid.window)
        assert source.grid.geotransform == (WEST + 100, 1.0, 0.0, NORTH - 140, 0.0, -1.0)
    assert valid.all()
    np.testing.assert_array_equal(pixels, drawn(0, 0, 20, 30)[:3, 140:500, 100:700])


def test_tiles_are_fetched_when_they_are_read_and_once(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    with RasterSource.open(mosaic, spec=spec, area=square(10, 10, 1900, 1200, tiles.lattice.crs_wkt)) as source:
        searched = len(tiles.asked)
        assert searched < 20 * 30 / 2, "a look for any imagery needs no more"
        tiles.asked.clear()
        source.read(Window(0, 0, 60, 1890))
        source.read(Window(0, 0, 60, 1890))
        assert {tile.row for tile in tiles.asked} == {0, 1}
        for row in range(0, 1190, 70):
            for column in range(0, 1890, 200):
                source.read(Window(row, column, 70, 200))
    assert len(tiles.asked) == len(set(tiles.asked))
    assert len(tiles.asked) + searched == 19 * 30


def test_fetched_in_batches(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    with RasterSource.open(mosaic, spec=spec, area=square(10, 10, 1900, 1200, tiles.lattice.crs_wkt)) as source:
        tiles.asked.clear()
        source.read(Window(1140, 0, 20, 20))
    assert {tile.row for tile in tiles.asked} == {17, 18}
    assert len(tiles.asked) == 32, "though two were needed"


def test_a_window_read_late_is_not_spoilt_by_one_read_early(tiles: DrawnTiles, tmp_path: Path, spec: InputSpec) -> None:
    spec = dataclasses.replace(spec, ground_resolution_m=1.7)
    area = square(10, 10, 1900, 1200, tiles.lattice.crs_wkt)
    with RasterSource.open(Mosaic("a", tiles, tmp_path), spec=spec, area=area) as source:
        at_once, valid_at_once = source.read(source.grid.window)
    with RasterSource.open(Mosaic("b", tiles, tmp_path), spec=spec, area=area) as source:
        piecewise, valid = np.zeros_like(at_once), np.zeros_like(valid_at_once)
        height, width = valid.shape
        for row in range(0, height, 45):
            for column in range(0, width, 45):
                window = Window(row, column, 45, 45).intersection(source.grid.window)
                rows, columns = slice(row, row + window.height), slice(column, column + window.width)
                piecewise[:, rows, columns], valid[rows, columns] = source.read(window)
    assert valid[1:-1, 1:-1].all()
    np.testing.assert_array_equal(valid, valid_at_once)
    np.testing.assert_array_equal(piecewise, at_once)


def test_only_tiles_that_meet_the_area(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    crs = tiles.lattice.crs_wkt
    two = f"MULTIPOLYGON({square(100, 100, 150, 150, crs).wkt[7:]},{square(1500, 900, 1600, 1000, crs).wkt[7:]})"
    with RasterSource.open(mosaic, spec=spec, area=Area(two, crs)) as source:
        pixels, valid = source.read(source.grid.window)
    assert valid.sum() == 50**2 + 100**2
    np.testing.assert_array_equal(pixels[:, valid], drawn(0, 0, 20, 30)[:3, 100:1000, 100:1600][:, valid])
    wanted = {(r, c) for r in (1, 2) for c in (1, 2)} | {(r, c) for r in (14, 15) for c in (23, 24, 25)}
    assert {(tile.row, tile.column) for tile in tiles.asked} == wanted
    counts = mosaic.counts()
    assert (counts.tiles, counts.missing) == (10, 0)
    assert counts.megabytes == pytest.approx(0.01)


def test_missing_tiles_are_nodata_and_counted(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    tiles.problems = {TileIndex(3, 4): "HTTP 503", TileIndex(3, 5): "HTTP 404"}
    with RasterSource.open(mosaic, spec=spec, area=square(64, 64, 640, 640, tiles.lattice.crs_wkt)) as source:
        _, valid = source.read(source.grid.window)
    hole = np.zeros_like(valid)
    hole[128:192, 192:320] = True
    np.testing.assert_array_equal(valid, ~hole)
    assert mosaic.counts().problems == {"HTTP 503": 1, "HTTP 404": 1}
    (first, reason), _ = mosaic.missing()
    assert (first.west, first.north, first.east, first.south) == (WEST + 256, NORTH - 192, WEST + 320, NORTH - 256)
    assert reason == "HTTP 503"


def test_opened_again_only_the_missing_are_asked_for(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    tiles.problems = {TileIndex(3, 4): "HTTP 503", TileIndex(3, 5): "HTTP 404"}
    area = square(64, 64, 640, 640, tiles.lattice.crs_wkt)
    with RasterSource.open(mosaic, spec=spec, area=area) as source:
        source.read(source.grid.window)
    tiles.problems, tiles.asked = {TileIndex(3, 5): "HTTP 404"}, []
    with RasterSource.open(mosaic, spec=spec, area=area) as source:
        pixels, valid = source.read(source.grid.window)
    assert sorted(tiles.asked) == [TileIndex(3, 4), TileIndex(3, 5)]
    assert valid.sum() == 576**2 - 64**2
    np.testing.assert_array_equal(pixels[:, valid], drawn(0, 0, 20, 30)[:3, 64:640, 64:640][:, valid])
    assert mosaic.counts().missing == 1


def test_another_area_starts_anew(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    for west_px in (0, 400):
        area = square(west_px, 0, west_px + 200, 200, tiles.lattice.crs_wkt)
        with RasterSource.open(mosaic, spec=spec, area=area) as source:
            pixels, _ = source.read(source.grid.window)
        np.testing.assert_array_equal(pixels, drawn(0, 0, 20, 30)[:3, :200, west_px : west_px + 200])


def test_no_tile_at_all(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    tiles.problems = {TileIndex(row, column): "HTTP 403" for row in range(20) for column in range(30)}
    with pytest.raises(ImageryMissingError, match=r"None of the \d+ tiles of 'Drawn'.*HTTP 403"):
        RasterSource.open(mosaic, spec=spec, area=square(0, 0, 300, 300, tiles.lattice.crs_wkt))


def test_area_beyond_the_tiles(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    with pytest.raises(AreaError, match="beyond the imagery of 'Drawn'"):
        RasterSource.open(mosaic, spec=spec, area=square(9000, 9000, 9100, 9100, tiles.lattice.crs_wkt))


def test_too_many_tiles(tiles: DrawnTiles, tmp_path: Path, spec: InputSpec) -> None:
    tiles.lattice = dataclasses.replace(tiles.lattice, rows=10**6, columns=10**6)
    with pytest.raises(ImageryTooLargeError, match="the limit is 250,000"):
        RasterSource.open(Mosaic("World", tiles, tmp_path), spec=spec)


class Stopped(SilentFeedback):
    def is_cancelled(self) -> bool:
        return True


def test_cancel(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    mosaic.feedback = Stopped()
    with pytest.raises(Cancelled):
        RasterSource.open(mosaic, spec=spec, area=square(0, 0, 300, 300, tiles.lattice.crs_wkt))


def test_tells_how_many_tiles_are_there(mosaic: Mosaic, tiles: DrawnTiles, spec: InputSpec) -> None:
    told: list[Any] = []
    mosaic.tell = lambda *numbers: told.append(numbers)
    with RasterSource.open(mosaic, spec=spec, area=square(10, 10, 600, 600, tiles.lattice.crs_wkt)) as source:
        source.read(source.grid.window)
    assert told[-1] == (100, 100)
    assert [done for done, _ in told] == list(range(1, 101))


def test_room_on_the_disk_is_that_of_the_tiles(mosaic: Mosaic, tiles: DrawnTiles, tmp_path: Path) -> None:
    mosaic.open(square(10, 10, 600, 600, tiles.lattice.crs_wkt))
    mosaic.close()
    assert mosaic.size_bytes == 100 * TILE_PX**2 * 4
    (path,) = tmp_path.rglob("mosaic.tif")
    assert path.stat().st_size < 100_000, "nothing was fetched yet"
    assert gdal.Open(str(path)).RasterCount == 4
    mosaic.remove()
    assert not list(tmp_path.iterdir())
