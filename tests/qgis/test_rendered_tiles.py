"""WMS, WMTS and layers that are no plain files: rendered from a copy, checked for holes."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt
import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateTransformContext,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)

from road_extractor_plugin.bridge.downloads import Patience
from road_extractor_plugin.bridge.imagery import Imagery, imagery_of, rendered_lattice
from road_extractor_plugin.bridge.rendered_tiles import RenderedTiles
from road_extractor_plugin.contract.errors import Cancelled
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.tiles import FetchedTile, TileIndex

WEST, SOUTH, EAST, NORTH = 500_000.0, 4_600_000.0, 504_608.0, 4_603_072.0
"""Of the map service, in UTM: 9 x 6 tiles of 512 pixels of 1 m, and all of a colour pattern of 1 m squares."""

WMS = """<?xml version="1.0"?>
<WMS_Capabilities version="1.3.0" xmlns="http://www.opengis.net/wms" xmlns:xlink="http://www.w3.org/1999/xlink">
<Service><Name>WMS</Name><Title>Squares</Title></Service>
<Capability><Request>
<GetCapabilities><Format>text/xml</Format>
<DCPType><HTTP><Get><OnlineResource xlink:href="{url}"/></Get></HTTP></DCPType></GetCapabilities>
<GetMap><Format>image/png</Format>
<DCPType><HTTP><Get><OnlineResource xlink:href="{url}"/></Get></HTTP></DCPType></GetMap>
</Request><Exception><Format>XML</Format></Exception>
<Layer queryable="0"><Name>squares</Name><Title>Squares</Title><CRS>EPSG:32619</CRS>
<EX_GeographicBoundingBox><westBoundLongitude>-69</westBoundLongitude><eastBoundLongitude>-68.94</eastBoundLongitude>
<southBoundLatitude>41.55</southBoundLatitude><northBoundLatitude>41.58</northBoundLatitude></EX_GeographicBoundingBox>
<BoundingBox CRS="EPSG:32619" minx="{west}" miny="{south}" maxx="{east}" maxy="{north}"/></Layer></Capability>
</WMS_Capabilities>"""


class MapService:
    """A WMS of one layer: 1 m squares whose colours tell their places."""

    def __init__(self, png: Callable[[Any], bytes]) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, body = service.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "text/xml" if body.startswith(b"<?xml") else "image/png")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal."""

        self._png = png
        self.failures: list[int] = []
        """Status codes of the next requests for a map."""
        self.always = 200
        self.hang = threading.Event()
        self.is_hanging = False
        self.maps = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def stop(self) -> None:
        self.hang.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, bytes]:
        query = {name.upper(): values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if query.get("REQUEST") == "GetCapabilities":
            return 200, WMS.format(url=self.url, west=WEST, south=SOUTH, east=EAST, north=NORTH).encode()
        self.maps += 1
        if self.is_hanging:
            self.hang.wait()
        status = self.failures.pop(0) if self.failures else self.always
        if status != 200:
            return status, b"no"
        west, _, _, north = bounds = tuple(map(float, query["BBOX"].split(",")))
        size = int(query["WIDTH"]), int(query["HEIGHT"])
        step = (bounds[2] - bounds[0]) / size[0], (bounds[3] - bounds[1]) / size[1]
        x = np.floor(west + (np.arange(size[0]) + 0.5) * step[0])
        y = np.floor(north - (np.arange(size[1]) + 0.5) * step[1])
        return 200, self._png(squares(x, y))


def squares(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """(3, height, width) of the places."""
    columns, rows = np.meshgrid(x.astype(int), y.astype(int))
    return np.stack([columns % 256, rows % 256, (columns // 256 + 7 * (rows // 256)) % 256]).astype(np.uint8)


@pytest.fixture
def map_service(png_of: Callable[[Any], bytes]) -> Iterator[MapService]:
    service = MapService(png_of)
    yield service
    service.stop()


@pytest.fixture
def wms_layer(map_service: MapService) -> QgsRasterLayer:
    uri = f"crs=EPSG:32619&format=image/png&layers=squares&styles=&url={map_service.url}"
    layer = QgsRasterLayer(uri, "Squares", "wms")
    assert layer.isValid()
    return layer


def imagery(layer: QgsRasterLayer, wanted_m: float = 1.0, place: QgsPointXY | None = None) -> Imagery:
    return imagery_of(layer, place or layer.extent().center(), wanted_m, QgsCoordinateTransformContext())


QUICK = Patience(parallel=3, attempts=3, first_pause_s=0.05, timeout_s=30)


def fetch(source: RenderedTiles, tiles: list[TileIndex], feedback: Any = None) -> dict[TileIndex, FetchedTile]:
    """In a thread of Python's, as the engine's reader does."""
    found: list[Any] = []

    def work() -> None:
        try:
            found.append({tile.index: tile for tile in source.fetch(tiles, feedback or SilentFeedback())})
        except Cancelled as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        QgsApplication.processEvents()
        time.sleep(0.005)
    if isinstance(found[0], Cancelled):
        raise found[0]
    return found[0]


TILES = [TileIndex(row, column) for row in (1, 2) for column in (3, 4, 5)]


def squares_of(source: RenderedTiles, tile: TileIndex) -> npt.NDArray[np.uint8]:
    lattice = source.lattice
    (width, height), side = lattice.tile_size, np.arange(lattice.tile_px) + 0.5
    x = np.floor(lattice.west + tile.column * width + side * lattice.pixel_size[0])
    return squares(x, np.floor(lattice.north - tile.row * height - side * lattice.pixel_size[1]))


@pytest.fixture
def wms_tiles(wms_layer: QgsRasterLayer) -> RenderedTiles:
    """At 1 m in the map's units, so that a pixel is a square."""
    return RenderedTiles(wms_layer, rendered_lattice(wms_layer, (1.0, 1.0), 1.0), QUICK)


def test_wms_is_stitched_pixel_for_pixel(wms_tiles: RenderedTiles) -> None:
    for index, tile in fetch(wms_tiles, TILES).items():
        assert tile.problem == ""
        np.testing.assert_array_equal(tile.pixels[:3], squares_of(wms_tiles, index))
        assert (tile.pixels[3] == 255).all()


def test_wms_at_the_ground_resolution_that_is_wanted(wms_layer: QgsRasterLayer) -> None:
    found = imagery(wms_layer, wanted_m=0.8)
    assert found.ground_resolution_m == pytest.approx(0.8)
    assert found.lattice.pixel_size[0] == pytest.approx(0.8 * 0.9996, rel=1e-4), "UTM's metres are shorter"
    assert str(found.raster) == "Squares"
    assert found.raster.kind == "WMS"


def test_wms_failures_that_pass(wms_tiles: RenderedTiles, map_service: MapService) -> None:
    map_service.failures = [503, 500, 503]
    found = fetch(wms_tiles, TILES[:2])
    for index, tile in found.items():
        assert tile.problem == ""
        np.testing.assert_array_equal(tile.pixels[:3], squares_of(wms_tiles, index))


def test_wms_failures_for_good(wms_tiles: RenderedTiles, map_service: MapService) -> None:
    map_service.always = 503
    found = fetch(wms_tiles, TILES[:2])
    assert [tile.pixels for tile in found.values()] == [None, None]
    assert {tile.problem for tile in found.values()} == {"the service gave no image"}
    assert map_service.maps == 6


class CancelledAfter(SilentFeedback):
    def __init__(self, wait_s: float) -> None:
        self._end_s = time.monotonic() + wait_s

    def is_cancelled(self) -> bool:
        return time.monotonic() > self._end_s


def test_cancel_while_a_map_is_awaited(wms_tiles: RenderedTiles, map_service: MapService) -> None:
    map_service.is_hanging = True
    start_s = time.monotonic()
    with pytest.raises(Cancelled):
        fetch(wms_tiles, TILES * 5, CancelledAfter(0.3))
    assert time.monotonic() - start_s < 1.3


def test_map_that_never_comes(wms_layer: QgsRasterLayer, map_service: MapService) -> None:
    source = RenderedTiles(wms_layer, rendered_lattice(wms_layer, (1.0, 1.0), 1.0), Patience(2, 2, 0.05, 0.5))
    map_service.is_hanging = True
    start_s = time.monotonic()
    found = fetch(source, TILES[:2])
    assert {tile.problem for tile in found.values()} == {"the service gave no image"}
    assert time.monotonic() - start_s < 10


def test_layer_may_go(wms_tiles: RenderedTiles, wms_layer: QgsRasterLayer) -> None:
    QgsProject.instance().addMapLayer(wms_layer)
    QgsProject.instance().removeMapLayer(wms_layer.id())
    assert all(not tile.problem for tile in fetch(wms_tiles, TILES[:3]).values())


def test_layer_in_an_archive_as_the_map_shows_it(add_layer: Any, tmp_path: Path) -> None:
    plain = add_layer(size_px=700)
    with zipfile.ZipFile(tmp_path / "scene.zip", "w") as archive:
        archive.write(tmp_path / "scene.tif", "scene.tif")
    layer = QgsRasterLayer(f"/vsizip/{tmp_path}/scene.zip/scene.tif", "Archive")
    layer.setOpacity(0.4)
    found = imagery(layer)
    assert found.lattice is not None
    assert found.raster.kind == "gdal"
    assert found.lattice.pixel_size == (1.0, 1.0)
    assert (found.lattice.west, found.lattice.north) == (
        plain.extent().xMinimum(),
        plain.extent().yMaximum(),
    )
    tiles = fetch(found.make_source(), [TileIndex(0, 0), TileIndex(1, 1)])
    road = tiles[TileIndex(0, 0)].pixels[:3, 346:354]
    assert (road == 255).all()
    assert (tiles[TileIndex(0, 0)].pixels[3] == 255).all(), "the layer's opacity is for the map only"
    beyond = tiles[TileIndex(1, 1)].pixels[3]
    assert (beyond[:188, :188] == 255).all()
    assert (beyond[188:] == 0).all()


@pytest.mark.parametrize(
    ("source", "wanted_m", "level_m"),
    [("zmin=0&zmax=19", 1.0, 0.597 * 0.9962), ("zmin=0&zmax=15", 1.0, 4.777 * 0.9962), ("zmin=0&zmax=19", 1.2, 1.194)],
    ids=["just finer", "finest there is", "as wanted"],
)
def test_levels(tile_service: Any, source: str, wanted_m: float, level_m: float) -> None:
    layer = QgsRasterLayer(f"type=xyz&url={tile_service.template}&{source}", "Basemap", "wms")
    place = QgsPointXY(0, 557_305.0)  # 5 degrees north
    assert imagery(layer, wanted_m, place).ground_resolution_m == pytest.approx(level_m, rel=0.01)


@pytest.mark.parametrize(
    ("epsg", "geotransform", "found_m"),
    [
        (3857, (0.0, 2.0, 0.0, 8_399_738.0, 0.0, -2.0), 1.0),
        (4326, (10.0, 1e-5, 0.0, 60.0, 0.0, -1e-5), (1e-5 * 55_800 * 1e-5 * 111_412) ** 0.5),
        (32619, (500_000.0, 0.5, 0.0, 4_600_000.0, 0.0, -0.5), 0.5),
        (32619, (500_000.0, 0.7 * 0.866, 0.7 * 0.5, 4_600_000.0, 0.7 * 0.5, -0.7 * 0.866), 0.7),
        (2263, (980_000.0, 3.0, 0.0, 200_000.0, 0.0, -3.0), 3 * 0.3048006),
    ],
    ids=["web mercator at 60 north", "degrees", "utm", "rotated", "us feet"],
)
def test_ground_resolution_of_files(
    tmp_path: Path, write_raster_at: Any, epsg: int, geotransform: tuple[float, ...], found_m: float
) -> None:
    layer = QgsRasterLayer(str(write_raster_at(tmp_path / "a.tif", epsg, geotransform)), "File")
    assert layer.isValid()
    assert imagery(layer).ground_resolution_m == pytest.approx(found_m, rel=0.01)


def test_extent_is_the_layers(wms_layer: QgsRasterLayer) -> None:
    lattice = rendered_lattice(wms_layer, (1.0, 1.0), 1.0)
    assert wms_layer.extent() == QgsRectangle(WEST, SOUTH, EAST, NORTH)
    assert (lattice.west, lattice.north, lattice.rows, lattice.columns) == (WEST, NORTH, 6, 9)


def test_levels_of_a_tiled_service_are_its_own_pixels(tile_service: Any) -> None:
    """As WMTS are read."""
    layer = QgsRasterLayer(f"type=xyz&url={tile_service.template}&zmin=0&zmax=19", "Basemap", "wms")
    source = RenderedTiles(layer, rendered_lattice(layer, (0.77, 0.77), 1.0), QUICK)
    assert source.lattice.pixel_size[0] == pytest.approx(1.19433, rel=1e-5)
    (tile,) = fetch(source, [TileIndex(48_000, 40_000)]).values()
    assert tile.problem == ""
    quarters = [[tile_service.paint(17, column, row, 256) for column in (80_000, 80_001)] for row in (96_000, 96_001)]
    np.testing.assert_array_equal(tile.pixels[:3], np.block(quarters))
