"""Tiles by zoom level, column and row, as most basemaps come."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

from qgis.core import QgsCoordinateReferenceSystem

from road_extractor_plugin.bridge.downloads import Downloader, Patience, WebAccess
from road_extractor_plugin.bridge.tile_images import decode_tile
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.tiles import FetchedTile, TileIndex, TileLattice

HALF_WORLD = 20_037_508.342789244
"""x of the eastern edge of Web Mercator."""
_STANDARD_PX = 256
_COARSER = 1.05
"""A level whose pixels are larger than wanted by no more than this is taken: the next one has four times as many."""


@dataclass(frozen=True)
class XyzService:
    """What a layer says about a service."""

    template: str
    """URL with {z}, {x} and {y}; or {-y} for rows from the south; or {q}, which stands for all three."""
    zoom_range: tuple[int, int]
    pixel_ratio: int
    """2 for tiles of 512 px."""
    access: WebAccess

    def lattice(self, zoom: int) -> TileLattice:
        """The tiles of a zoom level."""
        tile_px, count = _STANDARD_PX * self.pixel_ratio, 2**zoom
        pixel = 2 * HALF_WORLD / (count * tile_px)
        return TileLattice(
            crs_wkt=QgsCoordinateReferenceSystem("EPSG:3857").toWkt(QgsCoordinateReferenceSystem.WKT_PREFERRED),
            west=-HALF_WORLD,
            north=HALF_WORLD,
            pixel_size=(pixel, pixel),
            tile_px=tile_px,
            rows=count,
            columns=count,
            level=f"zoom {zoom}",
        )

    def zoom_for(self, wanted: float) -> int:
        """The zoom level for pixels of a wanted size in CRS units."""
        zooms = range(self.zoom_range[0], self.zoom_range[1] + 1)
        return zooms[level_for([self.lattice(zoom).pixel_size[0] for zoom in zooms], wanted)]

    def url(self, zoom: int, tile: TileIndex) -> str:
        """Where a tile is."""
        values = {
            "{z}": zoom,
            "{x}": tile.column,
            "{y}": tile.row,
            "{-y}": 2**zoom - 1 - tile.row,
            "{q}": quadkey(zoom, tile),
        }
        url = self.template
        for name, value in values.items():
            url = url.replace(name, str(value))
        return url


def level_for(sizes: Sequence[float], wanted: float) -> int:
    """Index of the largest size that is as small as wanted, else of the smallest of all; in any order."""
    fine_enough = [index for index, size in enumerate(sizes) if size <= wanted * _COARSER]
    if fine_enough:
        return max(fine_enough, key=lambda index: sizes[index])
    return min(range(len(sizes)), key=lambda index: sizes[index])


class XyzTiles:
    """A `TileSource` of one zoom level."""

    def __init__(self, service: XyzService, zoom: int, patience: Patience) -> None:
        self.lattice = service.lattice(zoom)
        self._service = service
        self._zoom = zoom
        self._downloader = Downloader(service.access, patience, partial(decode_tile, side_px=self.lattice.tile_px))

    def fetch(self, tiles: Sequence[TileIndex], feedback: Feedback) -> Generator[FetchedTile, None, None]:
        """Fetch tiles, in the order in which they come.

        Raises:
            Cancelled: The user asked for it.
        """
        for done in self._downloader.fetch([(tile, self._service.url(self._zoom, tile)) for tile in tiles], feedback):
            yield FetchedTile(done.key, done.content, done.problem, done.size_bytes)


def quadkey(zoom: int, tile: TileIndex) -> str:
    """One digit per zoom level, from the coarsest, that says which quarter of the tile above it is."""
    return "".join(str((tile.column >> bit & 1) + 2 * (tile.row >> bit & 1)) for bit in reversed(range(zoom)))
