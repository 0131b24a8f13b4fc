"""From a raster to blocks of road probability: reading, the network and blending at the same time."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.blend import TileBlender
from road_extractor_plugin.compute.normalise import normalise
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.grid import TileGrid, TileRows, Window
from road_extractor_plugin.contract.model_card import InputSpec, ModelCard
from road_extractor_plugin.core.stages import ahead
from road_extractor_plugin.core.stopwatch import Stopwatch

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_SHORTEST_RAMP_PX = 16
"""Neighbours fade into each other over at least this much, beyond the margins that neither uses."""


class PixelSource(Protocol):
    """What inference needs of a raster. While it runs, one thread uses it, which is not the caller's."""

    def read(self, window: Window) -> tuple[npt.NDArray[Any], Mask]:
        """Pixels (bands, height, width) in the card's value range, and where they are valid (height, width)."""


@dataclass(frozen=True, eq=False)
class InferredBlock:
    """A finished part of the raster."""

    window: Window
    probability: Float32
    """(height, width), 0..1; meaningless where not valid."""
    valid: Mask
    """(height, width)."""


@dataclass(frozen=True, eq=False)
class _Tile:
    """A tile with a valid pixel, on its way through the stages."""

    row: int
    column: int
    valid: Mask
    """(height, width)."""
    values: Float32
    """First the network's input (bands, height, width), then what it makes of it (height, width)."""


@dataclass(frozen=True)
class _EmptyTile:
    """A tile without a valid pixel."""

    row: int
    column: int


_Tiles = Generator["_Tile | _EmptyTile", None, None]


def plan_tiles(card: ModelCard, height_px: int, width_px: int, tile_px: int | None = None) -> TileGrid:
    """Tiles that overlap by twice the card's margin and a short ramp.

    Raises:
        RequestError: The tile is too small for the margin, or no multiple of what the network needs.
    """
    tiling = card.tiling
    return TileGrid.plan(
        height_px,
        width_px,
        tile_px=tile_px or tiling.tile_px,
        overlap_px=2 * tiling.margin_px + _SHORTEST_RAMP_PX,
        multiple_of=tiling.multiple_of,
    )


@contextmanager
def inferred(
    source: PixelSource, compute: Compute, part: TileRows, clock: Stopwatch, feedback: Feedback
) -> Iterator[Iterator[InferredBlock | None]]:
    """Compute the probability of a raster, or of a part, while the block uses what is finished of it.

    One thread reads, one runs the network, that of the caller blends. Memory is a few tiles, and the rows in which
    tiles overlap over the raster's width.

    Args:
        source: The raster; not to be used in the block.
        compute: The network.
        part: Where to run it. What these rows finish is the same, bit for bit, whichever others are run with them:
            tiles to the north that reach into it are computed too.
        clock: Counts the stages `read`, `network` and `blend`; they overlap.
        feedback: Asked before each tile whether to stop.

    Returns:
        Per tile of these rows, from the north and in each row from the west, the part of the raster that it finishes;
        None for a tile without a valid pixel, which is not computed. These parts share out all but those tiles.

    Raises:
        RasterUnreadableError: The raster breaks off.
        ComputeError: The network failed.
        Cancelled: The user asked for it.
    """
    blender = TileBlender(part.tiles, compute.card.tiling.margin_px)
    before = len(part.needed) - len(part.rows)
    at_once = compute.device.batch_tiles
    with (
        ahead(_read(source, compute.card.input, part, clock, at_once), at_once) as read,
        ahead(_predicted(read, compute, clock), at_once) as predicted,
    ):
        blocks = _blended(predicted, blender, clock, feedback)
        yield islice(blocks, before * len(part.tiles.columns.starts), None)


def _read(source: PixelSource, spec: InputSpec, part: TileRows, clock: Stopwatch, at_once: int) -> _Tiles:
    """Tiles that go through the network together have their memory in one piece, so that none is copied for it."""
    places = _places((len(spec.bands), part.tiles.rows.tile_px, part.tiles.columns.tile_px), at_once)
    for row in part.needed:
        for column, window in enumerate(part.tiles.row_windows(row)):
            with clock.stage("read"):
                pixels, valid = source.read(window)
                tile = _Tile(row, column, valid, normalise(pixels, valid, spec, next(places))) if valid.any() else None
            yield tile or _EmptyTile(row, column)


def _places(shape: tuple[int, int, int], at_once: int) -> Iterator[Float32]:
    """Memory for one tile after the other, that for so many of them in one piece."""
    while True:
        yield from np.empty((at_once, *shape), dtype=np.float32)


def _predicted(tiles: Iterator[_Tile | _EmptyTile], compute: Compute, clock: Stopwatch) -> _Tiles:
    """In the order of the tiles, as many at once as the device takes."""
    waiting: list[_Tile | _EmptyTile] = []
    for tile in tiles:
        waiting.append(tile)
        full = sum(isinstance(each, _Tile) for each in waiting)
        if full == 0 or full >= compute.device.batch_tiles:
            yield from _predicted_at_once(waiting, compute, clock)
            waiting = []
    yield from _predicted_at_once(waiting, compute, clock)


def _predicted_at_once(tiles: Sequence[_Tile | _EmptyTile], compute: Compute, clock: Stopwatch) -> _Tiles:
    full = [tile.values for tile in tiles if isinstance(tile, _Tile)]
    with clock.stage("network"):
        predictions = iter(compute.predict(_together(full)) if full else ())
    for tile in tiles:
        yield dataclasses.replace(tile, values=next(predictions)) if isinstance(tile, _Tile) else tile


def _together(tiles: Sequence[Float32]) -> Float32:
    """Tiles (n, bands, height, width): the memory that they share if it holds nothing else, or a copy of them."""
    shared: Float32 | None = tiles[0].base
    if shared is not None and len(shared) == len(tiles) and all(tile.base is shared for tile in tiles):
        return shared
    return np.stack(tiles)


def _blended(
    predicted: Iterator[_Tile | _EmptyTile], blender: TileBlender, clock: Stopwatch, feedback: Feedback
) -> Iterator[InferredBlock | None]:
    stop_if_cancelled(feedback)
    for tile in predicted:
        if isinstance(tile, _EmptyTile):
            blender.leave_out(tile.row, tile.column)
            yield None
        else:
            with clock.stage("blend"):
                block = blender.add(tile.row, tile.column, tile.values)
            valid = tile.valid[: block.window.height, : block.window.width]
            yield InferredBlock(block.window, block.values, valid)
        stop_if_cancelled(feedback)
