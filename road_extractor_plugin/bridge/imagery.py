"""From a raster layer to where the pixels of a run come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsCoordinateTransformContext, QgsDataSourceUri, QgsPointXY, QgsProcessingUtils, QgsRasterLayer
from qgis.PyQt.QtCore import QUrl

from road_extractor_plugin.bridge.downloads import Patience, WebAccess
from road_extractor_plugin.bridge.layer_file import layer_file
from road_extractor_plugin.bridge.map_area import metres_per_unit
from road_extractor_plugin.bridge.output_folder import safe_name
from road_extractor_plugin.bridge.xyz_tiles import XyzService, XyzTiles
from road_extractor_plugin.contract.request import Basemap
from road_extractor_plugin.contract.tiles import MAX_TILES, TileSource

if TYPE_CHECKING:
    from road_extractor_plugin.core.mosaic import Mosaic

_COARSER = 1.05
"""A level whose pixels are larger than wanted by no more than this is taken: the next one has four times as many."""
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
    source: TileSource | None = None
    """Fetches a basemap; None for a file."""
    terms: str = ""
    """Whose terms of use forbid to download much at once; empty where none are known."""
    most_tiles: int = MAX_TILES
    """That one run may fetch."""

    def mosaic(self) -> Mosaic | None:
        """The raster that a basemap becomes while it is read, in the folder of QGIS for such; None for a file."""
        if self.source is None:
            return None
        # Imported here: it switches Python's GDAL to exceptions, which waits until the first job starts.
        from road_extractor_plugin.core.mosaic import Mosaic

        return Mosaic(str(self.raster), self.source, Path(QgsProcessingUtils.tempFolder()))


def imagery_of(
    layer: QgsRasterLayer,
    place: QgsPointXY,
    wanted_m: float,
    context: QgsCoordinateTransformContext,
    *,
    needs_crs: bool = True,
) -> Imagery:
    """Decide how a layer is read; nothing of it is read yet, and the layer itself is not needed afterwards.

    Args:
        layer: Of any provider.
        place: The centre of the area, in the layer's coordinate reference system.
        wanted_m: Ground resolution that the model wants, m/px.
        context: Of the project.
        needs_crs: Whether a file must say which coordinate reference system it has.

    Raises:
        RasterUnusableError: The layer is broken, or no roads can be sought in it.
    """
    x_m, y_m = metres_per_unit(layer.crs(), place, context)
    unit_m = (x_m * y_m) ** 0.5
    uri = QgsDataSourceUri()
    uri.setEncodedUri(layer.source())
    if layer.isValid() and layer.providerType() == "wms" and uri.param("type") == "xyz":
        service = xyz_service(uri)
        zooms = range(service.zoom_range[0], service.zoom_range[1] + 1)
        resolutions_m = [service.lattice(zoom).pixel_size[0] * unit_m for zoom in zooms]
        index = level_for(resolutions_m, wanted_m)
        source = XyzTiles(service, zooms[index], Patience())
        basemap = _basemap(layer, "XYZ", service.template)
        return Imagery(basemap, resolutions_m[index], source, *terms_of(service.template))
    path = layer_file(layer, needs_crs=needs_crs)
    pixel_units = (layer.rasterUnitsPerPixelX() * layer.rasterUnitsPerPixelY()) ** 0.5
    return Imagery(path, pixel_units * unit_m)


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


def level_for(resolutions_m: Sequence[float], wanted_m: float) -> int:
    """The coarsest level that is as fine as wanted, else the finest of all; levels in any order."""
    fine_enough = [index for index, found_m in enumerate(resolutions_m) if found_m <= wanted_m * _COARSER]
    if fine_enough:
        return max(fine_enough, key=lambda index: resolutions_m[index])
    return min(range(len(resolutions_m)), key=lambda index: resolutions_m[index])


def _basemap(layer: QgsRasterLayer, kind: str, url: str) -> Basemap:
    return Basemap(layer.name(), kind, public_url(url), f"{safe_name(layer.name())}_{datetime.now():%Y%m%d_%H%M%S}")


def public_url(url: str) -> str:
    """A URL without what may be secret: user, password and query."""
    parts = QUrl(url)
    port = f":{parts.port()}" if parts.port() > 0 else ""
    return f"{parts.scheme()}://{parts.host()}{port}{parts.path()}"
