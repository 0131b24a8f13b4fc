"""From a raster layer to where the pixels of a run come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsDataSourceUri,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingUtils,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QUrl

from road_extractor_plugin.bridge.downloads import Patience, WebAccess
from road_extractor_plugin.bridge.layer_file import can_be_rendered, layer_file
from road_extractor_plugin.bridge.map_area import metres_per_unit
from road_extractor_plugin.bridge.output_folder import safe_name
from road_extractor_plugin.bridge.rendered_tiles import TILE_PX, RenderedTiles
from road_extractor_plugin.bridge.xyz_tiles import HALF_WORLD, XyzService, XyzTiles, level_for
from road_extractor_plugin.contract.errors import ImageryTooLargeError, RasterUnusableError
from road_extractor_plugin.contract.request import Basemap
from road_extractor_plugin.contract.tiles import MAX_TILES, TileLattice, TileSource

if TYPE_CHECKING:
    from road_extractor_plugin.core.mosaic import Mosaic

_MUCH_FINER = 2.0
"""Finer than wanted by this factor, pixels are averaged before they come to us."""
_DEFAULT_ZOOM_RANGE = 0, 18
"""As QGIS takes it where a layer does not say."""
_BULK_FORBIDDEN = {
    "openstreetmap.org": ("OpenStreetMap", 5_000),
    "google.com": ("Google", MAX_TILES),
    "googleapis.com": ("Google", MAX_TILES),
    "virtualearth.net": ("Microsoft", MAX_TILES),
}
"""Services whose terms of use forbid to download in bulk. QGIS itself fetches no more of the first at once."""
_HEADER = "http-header:"


@dataclass(frozen=True)
class Imagery:
    """What a run reads."""

    raster: Path | Basemap
    ground_resolution_m: float
    """Metres on the ground per pixel, where it was asked for."""
    lattice: TileLattice | None = None
    """The tiles of a basemap; None for a file."""
    make_source: Callable[[], TileSource] | None = None
    """Makes what fetches them, in the thread of the layer and while that is there."""
    terms: str = ""
    """Whose terms of use forbid to download much at once; empty where none are known."""
    most_tiles: int = MAX_TILES
    """That one run may fetch."""

    def mosaic(self) -> Mosaic | None:
        """The raster that a basemap becomes while it is read, in the folder of QGIS for such; None for a file.

        To be called in the thread of the layer and while that is there; the mosaic itself needs neither.
        """
        if self.make_source is None:
            return None
        # Imported here: it switches Python's GDAL to exceptions, which waits until the first job starts.
        from road_extractor_plugin.core.mosaic import Mosaic

        return Mosaic(str(self.raster), self.make_source(), Path(QgsProcessingUtils.tempFolder()))

    def tiles_around(self, polygon: QgsGeometry) -> int:
        """About how many tiles a polygon in the layer's coordinates touches; 0 for a file.

        Exact on average for upright rectangles, wherever they lie; for others a little more than are needed.

        Raises:
            ImageryTooLargeError: More than one run may fetch.
        """
        if self.lattice is None:
            return 0
        width, height = self.lattice.tile_size
        bounds = polygon.boundingBox()
        around = math.ceil(bounds.width() / width + 1) * math.ceil(bounds.height() / height + 1)
        touched = polygon.area() / (width * height) + polygon.length() / math.sqrt(width * height) / 2 + 1
        tiles = min(math.ceil(touched), around)
        if tiles > self.most_tiles:
            raise ImageryTooLargeError(str(self.raster), tiles, self.most_tiles)
        return tiles


def imagery_of(
    layer: QgsRasterLayer,
    place: QgsPointXY,
    wanted_m: float,
    context: QgsCoordinateTransformContext,
    *,
    needs_crs: bool = True,
) -> Imagery:
    """Decide how a layer is read; nothing of it is read yet.

    Args:
        layer: Of any provider.
        place: The centre of the area, in the layer's coordinate reference system.
        wanted_m: Ground resolution that the model wants, m/px.
        context: Of the project.
        needs_crs: Whether a file must say which coordinate reference system it has.

    Raises:
        RasterUnusableError: The layer is broken, or no roads can be sought in it.
    """
    unit_m = metres_per_unit(layer.crs(), place, context)
    try:
        path = layer_file(layer, needs_crs=needs_crs)
    except RasterUnusableError:
        if not can_be_rendered(layer):
            raise
    else:
        own = layer.rasterUnitsPerPixelX() * unit_m[0], layer.rasterUnitsPerPixelY() * unit_m[1]
        return Imagery(path, _mean(own))
    uri = QgsDataSourceUri()
    uri.setEncodedUri(layer.source())
    is_service = layer.providerType() == "wms"
    if is_service and uri.param("type") == "xyz" and layer.crs().authid() == "EPSG:3857":
        kind, service = "XYZ", xyz_service(uri)
        zoom = service.zoom_for(wanted_m / _mean(unit_m))
        lattice = service.lattice(zoom)

        def make_source() -> TileSource:
            return XyzTiles(service, zoom, Patience())
    else:
        kind, lattice = _kind(layer, uri), rendered_lattice(layer, unit_m, wanted_m)

        def make_source() -> TileSource:
            return RenderedTiles(layer, lattice, Patience(parallel=3, attempts=3))

    url = public_url(uri.param("url")) if is_service else layer.publicSource()
    stem = f"{safe_name(layer.name())}_{datetime.now():%Y%m%d_%H%M%S}"
    found_m = _mean((lattice.pixel_size[0] * unit_m[0], lattice.pixel_size[1] * unit_m[1]))
    basemap = Basemap(layer.name(), kind, url, stem)
    return Imagery(basemap, found_m, lattice, make_source, *terms_of(uri.param("url")))


def rendered_lattice(layer: QgsRasterLayer, unit_m: tuple[float, float], wanted_m: float) -> TileLattice:
    """Tiles over a layer that is rendered.

    1. A service with levels: the coarsest level that is as fine as wanted. Web Mercator's start at its own corner.
    2. A raster of pixels that are not much finer than wanted: those pixels, from its corner.
    3. Everything else: pixels of the size that is wanted on the ground, from its corner.

    Args:
        layer: Valid, with a coordinate reference system.
        unit_m: Metres on the ground of one of its units along x and along y, where it is looked at.
        wanted_m: Ground resolution, m/px.
    """
    provider, extent = layer.dataProvider(), layer.extent()
    west, north = extent.xMinimum(), extent.yMaximum()
    pixel = wanted_m / unit_m[0], wanted_m / unit_m[1]
    own = layer.rasterUnitsPerPixelX(), layer.rasterUnitsPerPixelY()
    levels = provider.nativeResolutions()
    if levels:  # 1
        level = levels[level_for(levels, wanted_m / _mean(unit_m))]
        pixel = level, level
        if layer.crs().authid() == "EPSG:3857":
            west, north = -HALF_WORLD, HALF_WORLD
    elif provider.capabilities() & provider.Capability.Size and own[0] * _MUCH_FINER > pixel[0]:  # 2
        pixel = own
    return TileLattice(
        crs_wkt=layer.crs().toWkt(QgsCoordinateReferenceSystem.WKT_PREFERRED),
        west=west,
        north=north,
        pixel_size=pixel,
        tile_px=TILE_PX,
        rows=math.ceil((north - extent.yMinimum()) / (pixel[1] * TILE_PX)),
        columns=math.ceil((extent.xMaximum() - west) / (pixel[0] * TILE_PX)),
        level=_tr("as the map shows it"),
    )


def _kind(layer: QgsRasterLayer, uri: QgsDataSourceUri) -> str:
    if layer.providerType() != "wms":
        return layer.providerType()
    return "WMTS" if uri.hasParam("tileMatrixSet") else uri.param("type").upper() or "WMS"


def _mean(sides: tuple[float, float]) -> float:
    return (sides[0] * sides[1]) ** 0.5


def terms_of(url: str) -> tuple[str, int]:
    """Whose terms of use forbid to download much at once, and the most tiles that we fetch there."""
    host = QUrl(url).host().lower()
    for domain, (owner, most_tiles) in _BULK_FORBIDDEN.items():
        if host == domain or host.endswith(f".{domain}"):
            return owner, most_tiles
    return "", MAX_TILES


def xyz_service(uri: QgsDataSourceUri) -> XyzService:
    """What the source of an XYZ layer says."""
    lowest, highest = (
        int(uri.param(name)) if uri.hasParam(name) else default
        for name, default in zip(("zmin", "zmax"), _DEFAULT_ZOOM_RANGE)
    )
    ratio = int(float(uri.param("tilePixelRatio") or 0))
    return XyzService(uri.param("url"), (lowest, max(lowest, highest)), max(ratio, 1), web_access(uri))


def web_access(uri: QgsDataSourceUri) -> WebAccess:
    """What a layer wants a service to see: authentication, referer, and headers of newer versions of QGIS."""
    headers = {"Referer": uri.param("referer")} if uri.hasParam("referer") else {}
    query = QUrl.fromEncoded(b"http://x/?" + bytes(uri.encodedUri())).query()
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name.startswith(_HEADER):
            headers[name[len(_HEADER) :].title()] = value
    return WebAccess(uri.authConfigId(), headers, uri.username(), uri.password())


def public_url(url: str) -> str:
    """A URL without what may be secret: user, password and query."""
    parts = QUrl(url)
    port = f":{parts.port()}" if parts.port() > 0 else ""
    return f"{parts.scheme()}://{parts.host()}{port}{parts.path()}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("imagery", text)
