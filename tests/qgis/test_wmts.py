"""WMTS, asked by queries and by paths, through the layer that QGIS makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pytest
from qgis.core import QgsCoordinateTransformContext, QgsGeometry, QgsPointXY, QgsProject, QgsRasterLayer, QgsRectangle

from road_extractor_plugin.bridge.imagery import imagery_of
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.tiles import TileIndex

HALF_WORLD = 20_037_508.342789244
CORNERS = {32619: (499_744.0, 4_603_200.0), 3857: (-HALF_WORLD, HALF_WORLD)}
"""West and north of the matrices of tiles, by the EPSG code."""
PIXELS = {32619: 1.0, 3857: 2 * HALF_WORLD / 2**18 / 256}
"""Side of a pixel at level 18; the others have twice as much each."""
LEVELS = range(14, 20)
TILE_PX = 512

CAPABILITIES = """<?xml version="1.0"?>
<Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1"
 xmlns:xlink="http://www.w3.org/1999/xlink" version="1.0.0">
<ows:ServiceIdentification><ows:Title>Squares</ows:Title><ows:ServiceType>OGC WMTS</ows:ServiceType>
<ows:ServiceTypeVersion>1.0.0</ows:ServiceTypeVersion></ows:ServiceIdentification>
{operations}
<Contents><Layer><ows:Title>Squares</ows:Title>
<ows:WGS84BoundingBox><ows:LowerCorner>-69 41.5</ows:LowerCorner><ows:UpperCorner>-68.9 41.6</ows:UpperCorner>
</ows:WGS84BoundingBox>
<ows:BoundingBox crs="urn:ogc:def:crs:EPSG::{epsg}"><ows:LowerCorner>{extent[0]!r} {extent[1]!r}</ows:LowerCorner>
<ows:UpperCorner>{extent[2]!r} {extent[3]!r}</ows:UpperCorner></ows:BoundingBox>
<ows:Identifier>squares</ows:Identifier><Style isDefault="true"><ows:Identifier>default</ows:Identifier></Style>
<Format>image/png</Format>
<TileMatrixSetLink><TileMatrixSet>grid</TileMatrixSet></TileMatrixSetLink>{resource}</Layer>
<TileMatrixSet><ows:Identifier>grid</ows:Identifier>
<ows:SupportedCRS>urn:ogc:def:crs:EPSG::{epsg}</ows:SupportedCRS>{matrices}</TileMatrixSet></Contents>
</Capabilities>"""
MATRIX = """<TileMatrix><ows:Identifier>{level}</ows:Identifier><ScaleDenominator>{scale!r}</ScaleDenominator>
<TopLeftCorner>{west!r} {north!r}</TopLeftCorner><TileWidth>256</TileWidth><TileHeight>256</TileHeight>
<MatrixWidth>{tiles}</MatrixWidth><MatrixHeight>{tiles}</MatrixHeight></TileMatrix>"""
OPERATIONS = """<ows:OperationsMetadata>{}</ows:OperationsMetadata>"""
OPERATION = """<ows:Operation name="{name}"><ows:DCP><ows:HTTP><ows:Get xlink:href="{url}"><ows:Constraint
 name="GetEncoding"><ows:AllowedValues><ows:Value>KVP</ows:Value></ows:AllowedValues></ows:Constraint></ows:Get>
</ows:HTTP></ows:DCP></ows:Operation>"""
RESOURCE = (
    '<ResourceURL format="image/png" resourceType="tile" template="{}/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.png"/>'
)


def capabilities(site: str, epsg: int, extent: tuple[float, ...], *, by_path: bool) -> bytes:
    """What the service says of itself: west, south, east, north is what it has images of."""
    west, north = CORNERS[epsg]
    matrices = "".join(
        MATRIX.format(
            level=level,
            scale=PIXELS[epsg] * 2.0 ** (18 - level) / 0.00028,
            west=west,
            north=north,
            tiles=2 ** (level if epsg == 3857 else level - 12),
        )
        for level in LEVELS
    )
    operations = (OPERATION.format(name=name, url=f"{site}/wmts?") for name in ("GetCapabilities", "GetTile"))
    return CAPABILITIES.format(
        epsg=epsg,
        extent=extent,
        operations="" if by_path else OPERATIONS.format("".join(operations)),
        resource=RESOURCE.format(site) if by_path else "",
        matrices=matrices,
    ).encode()


@pytest.fixture(params=["asked by queries", "asked by paths"])
def layer_of(request: pytest.FixtureRequest, tile_service: Any) -> Callable[..., QgsRasterLayer]:
    """As QGIS adds it from the browser: (epsg, (west, south, east, north)) -> layer."""

    def make(epsg: int, extent: tuple[float, ...]) -> QgsRasterLayer:
        site = f"http://127.0.0.1:{tile_service.port}"
        by_path = request.param == "asked by paths"
        tile_service.documents["/wmts"] = capabilities(site, epsg, extent, by_path=by_path)
        url = quote(f"{site}/wmts?SERVICE=WMTS&REQUEST=GetCapabilities", safe=":/")
        about = f"crs=EPSG:{epsg}&dpiMode=7&format=image/png&layers=squares&styles=default&tileMatrixSet=grid"
        layer = QgsRasterLayer(f"{about}&url={url}", "Squares", "wms")
        assert layer.isValid()
        return layer

    return make


def pattern(paint: Callable[..., Any], level: int, west_px: int, north_px: int) -> npt.NDArray[np.uint8]:
    """(3, height, width) of the service's pixels, a tile of ours from a place in the matrix of a level."""
    columns, rows = (range(start // 256, (start + TILE_PX) // 256 + 1) for start in (west_px, north_px))
    all_of_them = np.block([[paint(level, column, row, 256) for column in columns] for row in rows])
    x, y = west_px % 256, north_px % 256
    return all_of_them[:, y : y + TILE_PX, x : x + TILE_PX]


@pytest.mark.parametrize(("level", "wanted_m"), [(18, 1.01), (19, 0.6), (16, 4.2)])
@pytest.mark.parametrize(
    "begins", [(300, 200), (300.2, 200.7), (300.4, 200.4)], ids=["on a pixel", "beside one", "between two"]
)
def test_stitched_pixel_for_pixel(
    layer_of: Callable[..., QgsRasterLayer], tile_service: Any, begins: tuple[float, float], level: int, wanted_m: float
) -> None:
    """QGIS does not tell where the matrix begins, so places are those of the extent, half a pixel off at most."""
    west, north = CORNERS[32619][0] + begins[0], CORNERS[32619][1] - begins[1]
    layer = layer_of(32619, (west, north - 6000, west + 6000, north))
    found = imagery_of(layer, layer.extent().center(), wanted_m, QgsCoordinateTransformContext())
    lattice, size = found.lattice, 2.0 ** (18 - level)
    assert lattice is not None
    assert found.make_source is not None
    assert found.raster.kind == "WMTS"
    assert lattice.pixel_size == pytest.approx((size, size))
    for tile in found.make_source().fetch([TileIndex(0, 0), TileIndex(1, 2)], SilentFeedback()):
        assert tile.problem == ""
        x, y = (start / size + TILE_PX * index for start, index in zip(begins, (tile.index.column, tile.index.row)))
        expected = pattern(tile_service.paint, level, int(x + 0.5), int(y + 0.5))
        np.testing.assert_array_equal(tile.pixels[:3], expected)


def test_web_mercator_lies_where_it_should(layer_of: Callable[..., QgsRasterLayer], tile_service: Any) -> None:
    """There the matrix begins where all do, so that tiles lie on its pixels, whatever the extent."""
    layer = layer_of(3857, (-7_900_000.3, 4_800_000.7, -7_890_000.1, 4_810_000.9))
    found = imagery_of(layer, layer.extent().center(), 0.6, QgsCoordinateTransformContext())
    lattice = found.lattice
    assert lattice is not None
    assert found.make_source is not None
    assert (lattice.west, lattice.north) == (-HALF_WORLD, HALF_WORLD)
    column, row = (int(side / PIXELS[3857] / TILE_PX) for side in (HALF_WORLD - 7_895_000, HALF_WORLD - 4_805_000))
    (tile,) = found.make_source().fetch([TileIndex(row, column)], SilentFeedback())
    assert tile.problem == ""
    np.testing.assert_array_equal(tile.pixels[:3], pattern(tile_service.paint, 18, column * TILE_PX, row * TILE_PX))


def grey_with_a_road(level: int, column: int, row: int, tile_px: int) -> npt.NDArray[np.uint8]:
    """White, 8 m wide, from west to east, 1000 m south of the matrix's corner."""
    y = (row * tile_px + np.arange(tile_px) + 0.5) * 2.0 ** (18 - level)
    rows = np.where(np.abs(y - 1000) < 4, 255, 40).astype(np.uint8)
    return np.broadcast_to(rows[None, :, None], (3, tile_px, tile_px)).astype(np.uint8)


@pytest.mark.usefixtures("plugin")
def test_click_finds_the_road(
    desktop: Any, layer_of: Callable[..., QgsRasterLayer], tile_service: Any, output_folder: Path
) -> None:
    west, north = CORNERS[32619]
    tile_service.paint = grey_with_a_road
    tile_service.failures[18, 4, 4] = [503, 200]
    layer = layer_of(32619, (west, north - 6000, west + 6000, north))
    desktop.show(layer, QgsRectangle(west + 900, north - 1200, west + 1300, north - 800))
    desktop.click()
    desktop.wait_until_idle()
    (report,) = (json.loads(path.read_text(encoding="utf-8")) for path in output_folder.rglob("*_report.json"))
    assert (report["request"]["raster"]["kind"], report["imagery"]["missing"]) == ("WMTS", 0)
    assert report["raster_ground_resolution_m"] == pytest.approx(1.0, rel=0.01)
    assert tile_service.times_asked[18, 4, 4] >= 2, "QGIS asks for a part of a tile again"
    assert tile_service.failures[18, 4, 4] == [200]
    (roads,) = QgsProject.instance().mapLayersByName("Centre-lines")
    (line,) = roads.getFeatures()
    assert line["length_m"] == pytest.approx(desktop.mapCanvas().extent().width(), rel=0.02)
    assert line.geometry().distance(QgsGeometry.fromPointXY(QgsPointXY(west + 1100, north - 1000))) < 1
