"""Outlines of the road pixels of a mask, along the edges of pixels; pieces that touch with a corner only stay apart.

+--+--+        An outline is a ring of corners, joined by edges along rows and columns in turns. In each row of
|##|  |        places where four pixels meet, every other stretch between two corners is an edge, and so in each
+--A--+        column. Where two road pixels touch with a corner, there are two corners in one place: A, of the
|  B##|        pixel above, and B, of the one below.
+--+--+
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.ranges import counted
from road_extractor_plugin.compute.raster_rows import RasterRows, Strips

Float64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Rings = tuple[Float64, ...]

_ROAD = 1


def pixel_outlines(mask: RasterRows) -> list[Rings]:
    """Per piece of road its outline, then its holes; each ring (n, 2) x, y in pixels, closed.

    A ring that touches itself is cut into several there, so that all are simple. Pieces and holes are in the order of
    their first corner, row by row. Memory is that of the corners and of one strip.

    Args:
        mask: 1 where there is road.

    Raises:
        RasterUnreadableError: It is damaged.
    """
    corners = _Corners.of(mask)
    rings = [part for ring in _rings(corners) for part in _cut_where_it_touches(ring, corners)]
    rings.sort(key=itemgetter(0))
    owners = _owners(rings, corners)
    pieces: dict[int, list[Float64]] = {}
    for number, owner in enumerate(owners.tolist()):
        pieces.setdefault(owner, []).append(_closed(rings[number], corners))
    return [tuple(piece) for piece in pieces.values()]


@dataclass(frozen=True, eq=False)
class _Corners:
    """All corners, row by row; (n,) arrays."""

    row: Indices
    column: Indices
    """Of the place, which is the north-western corner of the pixel with these numbers."""
    is_road_below: npt.NDArray[np.bool_]
    """Of the edge that leads east from or to here, or north-west of it, whether road lies to the south."""
    along_row: Indices
    along_column: Indices
    """The corner at the other end of each of its two edges."""

    @classmethod
    def of(cls, mask: RasterRows) -> _Corners:
        row, column, turn = _turns(mask)
        twice = np.repeat(np.arange(row.size), np.abs(turn))
        row, column, turn = row[twice], column[twice], turn[twice]
        number = np.arange(row.size)
        # Of two in one place, the western one is first. It is the northern one too, unless road is to its south-west.
        is_second = np.append(False, twice[1:] == twice[:-1])
        by_column = np.lexsort((is_second ^ (turn == -2), row, column))  # noqa: PLR2004
        along_column = np.empty_like(number)
        along_column[by_column] = by_column[number ^ 1]
        return cls(row, column, turn > 0, number ^ 1, along_column)


def _turns(mask: RasterRows) -> tuple[Indices, Indices, Indices]:
    """Row and column of all places with corners, and the second difference there: 2 or -2 where there are two."""
    height, width = mask.shape
    above = np.zeros((1, width + 2), dtype=np.int8)
    found: list[tuple[Indices, Indices, Indices]] = []
    for start, stop in (*Strips.of(mask), (height, height + 1)):
        road = np.zeros((stop - start + 1, width + 2), dtype=np.int8)
        road[0] = above
        if start < height:
            road[1:, 1:-1] = mask.read(start, stop) == _ROAD
        above = road[-1:]
        down = road[1:] - road[:-1]
        turn = down[:, 1:] - down[:, :-1]
        places = np.flatnonzero(turn != 0)  # of numbers it takes four times as long
        row, column = np.divmod(places, width + 1)
        found.append((row + start, column, turn.ravel()[places].astype(np.int64)))
    row, column, turn = (np.concatenate(parts) for parts in zip(*found))
    return row, column, turn


def _rings(corners: _Corners) -> Iterable[list[int]]:
    """The corners of each ring in order, from the first one east."""
    along_row, along_column = corners.along_row.data, corners.along_column.data
    is_done = bytearray(len(along_row))
    for first in range(len(along_row)):
        if is_done[first]:
            continue
        ring: list[int] = []
        corner = first
        while not is_done[corner]:
            end = along_row[corner]
            is_done[corner] = is_done[end] = True
            ring += (corner, end)
            corner = along_column[end]
        yield ring


def _cut_where_it_touches(ring: list[int], corners: _Corners) -> Iterable[list[int]]:
    """A ring as rings that come to no place twice."""
    places = _places(np.array(ring), corners)
    if np.unique(places).size == places.size:
        yield ring
        return
    way: list[int] = []
    at: dict[int, int] = {}
    for corner, place in zip(ring, places.tolist()):
        if place in at:
            first = at[place]
            yield _from_first([*way[first:]])
            for left in _places(np.array(way[first + 1 :]), corners).tolist():
                del at[left]
            del way[first:]
        at[place] = len(way)
        way.append(corner)
    yield _from_first(way)


def _from_first(ring: list[int]) -> list[int]:
    start = ring.index(min(ring))
    return ring[start:] + ring[:start]


def _places(numbers: Indices, corners: _Corners) -> Indices:
    """One number per place."""
    return corners.row[numbers] << 32 | corners.column[numbers]


def _owners(rings: list[list[int]], corners: _Corners) -> Indices:
    """Per ring, the outline of the piece that it belongs to: itself, or for a hole another one.

    The road above the first edge of a hole reaches west to an edge of the same piece. That may be of a hole again,
    whose first corner then lies further north.
    """
    first = np.array([ring[0] for ring in rings], dtype=np.int64)
    owner = np.arange(first.size)
    holes = np.flatnonzero(~corners.is_road_below[first])
    if holes.size:
        owner[holes] = _rings_to_the_west(corners.row[first[holes]] - 1, corners.column[first[holes]], rings, corners)
    while (owner[owner] != owner).any():
        owner = owner[owner]
    return owner


def _rings_to_the_west(row: Indices, column: Indices, rings: list[list[int]], corners: _Corners) -> Indices:
    """Rings of the nearest upright edges at or to the west of columns in rows of pixels."""
    upper, ring_of = _upright_edges(rings, corners)
    rows = np.unique(row)
    first = np.searchsorted(rows, corners.row[upper])
    count = np.searchsorted(rows, corners.row[corners.along_column[upper]]) - first
    number = np.repeat(np.arange(upper.size), count)
    at_row = counted(first, first + count)
    stride = int(corners.column.max()) + 1
    key = at_row * stride + corners.column[upper[number]]
    by_place = np.argsort(key)
    wanted = np.searchsorted(rows, row) * stride + column
    found: Indices = ring_of[number[by_place[np.searchsorted(key[by_place], wanted, side="right") - 1]]]
    return found


def _upright_edges(rings: list[list[int]], corners: _Corners) -> tuple[Indices, Indices]:
    """The upper corner of each upright edge, and the ring that it is part of.

    Where rings were cut, a corner goes with the edge that leads on from it.
    """
    lengths = np.array([len(ring) for ring in rings])
    last = np.cumsum(lengths) - 1
    corner = np.concatenate([np.array(ring, dtype=np.int64) for ring in rings])
    behind = np.append(corner[1:], 0)
    behind[last] = corner[last - lengths + 1]
    is_upright = corners.column[behind] == corners.column[corner]
    start = corner[is_upright]
    end = corners.along_column[start]
    upper = np.where(corners.row[start] < corners.row[end], start, end)
    return upper, np.repeat(np.arange(len(rings)), lengths)[is_upright]


def _closed(ring: list[int], corners: _Corners) -> Float64:
    numbers = np.array([*ring, ring[0]])
    places: Float64 = np.stack([corners.column[numbers], corners.row[numbers]], axis=1).astype(np.float64)
    return places
