"""Imagery that comes in tiles: where they lie, and what fetches them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Optional, Protocol

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.feedback import Feedback

MAX_TILES = 250_000
"""More of one service for one run is taken for a mistake."""


@dataclass(frozen=True, order=True)
class TileIndex:
    """Place of a tile, counted from the north-western one."""

    row: int
    column: int


@dataclass(frozen=True)
class TileLattice:
    """Square tiles side by side in a coordinate reference system: one level of a service.

    (west, north) +-------+-------+
                  | (0,0) | (0,1) |   rows to the south,
                  +-------+-------+   columns to the east
                  | (1,0) | (1,1) |
                  +-------+-------+
    """

    crs_wkt: str
    west: float
    """x of the corner, in CRS units."""
    north: float
    """y of the corner, in CRS units."""
    pixel_size: tuple[float, float]
    """CRS units per pixel along x and along y, both positive."""
    tile_px: int
    """Side of a tile."""
    rows: int
    """There are no tiles beyond."""
    columns: int
    level: str
    """What the service calls it, for people: "zoom 18"."""

    @property
    def tile_size(self) -> tuple[float, float]:
        """CRS units along x and along y."""
        return self.pixel_size[0] * self.tile_px, self.pixel_size[1] * self.tile_px


@dataclass(frozen=True, eq=False)
class FetchedTile:
    """A tile, or why it or a part of it could not be had."""

    index: TileIndex
    pixels: Optional[npt.NDArray[np.uint8]]
    """Red, green, blue and alpha (4, tile_px, tile_px); None when there are none."""
    problem: str = ""
    """Why it is not or not all there, in a few words: "HTTP 503"; empty when it is."""
    size_bytes: int = 0
    """As it came over the network."""


class TileSource(Protocol):
    """Whatever fetches tiles: a web service, or a renderer."""

    @property
    def lattice(self) -> TileLattice:
        """Where the tiles lie."""

    def fetch(self, tiles: Sequence[TileIndex], feedback: Feedback) -> Generator[FetchedTile, None, None]:
        """Fetch tiles, each of them once, in any order; failures are results and raise nothing.

        Called by one thread at a time.

        Raises:
            Cancelled: The user asked for it; looked at ten times a second at least.
        """


@dataclass(frozen=True)
class ImageryCounts:
    """What came of fetching the imagery of one run."""

    level: str
    tiles: int
    """Asked for."""
    missing: int
    """Could not be had; there is nodata in their place."""
    problems: dict[str, int]
    """How many are missing for which reason."""
    megabytes: float
    """Over the network; what an earlier run had fetched is not in it."""
