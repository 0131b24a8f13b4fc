"""Thinning a road mask to lines one pixel wide.

Zhang and Suen's parallel thinning (1984, doi:10.1145/357994.358023) with the table, and so the result, of scikit-image.
It is written out here because a strip of a raster must be thinned for a given number of turns and no further.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.raster_rows import RasterRows, RowsInTheMaking, Stored, Strips, framed, places_in
from road_extractor_plugin.compute.threshold import ROAD

BoolMask = npt.NDArray[np.bool_]
Flags = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]

ROUND_TURNS = 16
"""Turns of thinning between two looks at the neighbouring strips; most roads are thin after fewer."""

_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""Row and column steps, clockwise from the north-west; neighbour k is bit k of a neighbourhood."""

_ONLY_FIRST = (3, 6, 11, 12, 14, 131, 134, 161, 194, 198)
_ONLY_SECOND = (24, 26, 56, 96, 104, 108, 176, 192, 224)
_IN_BOTH = (10, 40, 130, 160)
_NEVER = (48, 129)
"""Neighbourhoods in which scikit-image departs from the paper: corners of lines go, blocks of 2 x 2 px stay."""

_ROAD = np.uint8(1)
_AWAKE = (np.uint8(2), np.uint8(4))
"""Bits of a pixel's flags: it is road; a neighbour of it went in the latest first, the latest second pass of a turn."""


def thin(mask: BoolMask) -> BoolMask:
    """Skeleton of a mask: the same 8-connected components and the same holes, lines one pixel wide.

    Ends are shortened by about half the road's width.

    Args:
        mask: (height, width), True on road.

    Returns:
        (height, width), True on the skeleton.
    """
    skeleton, _ = _thinned(np.pad(without_steps(np.pad(mask, 1)), 1))
    return skeleton[1:-1, 1:-1]


class Thinning:
    """Skeleton of a mask in strips: exactly that of `thin`, whatever the strips and however wide the road.

    In a pass of thinning a pixel depends on its eight neighbours, and a turn is two passes. So after n turns a strip is
    right when 2 n rows on either side of it were thinned with it.

    1. Each strip is thinned for n turns together with 2 n rows on either side, which are then thrown away.
    2. That is repeated, from what the round before left, until no strip changed in its last turn. A strip is left out
       when nothing within 2 n rows of it did: it would stay as it is.

    So memory does not depend on the width of roads, only the number of rounds does: half the widest road over n, and
    more where a line is eaten from its end. Most roads are thin after the first round, whose rows are made as they are
    read, so that who uses them can begin before the last of them are known.

    Args:
        mask: 1 road, else none.
        strips: What is worked on at a time.
        round_turns: The n above.
    """

    def __init__(self, mask: RasterRows, strips: Strips, round_turns: int = ROUND_TURNS) -> None:
        self._strips, self._halo = strips, 2 * round_turns
        height = mask.shape[0]
        self._changing = np.zeros(height, dtype=bool)
        """The rows that changed in the last turn of the latest round."""
        self._differs = np.zeros(height, dtype=bool)
        """The rows that a round changed after the first."""
        self.first_round = RowsInTheMaking(mask.shape, self._round(_WithoutSteps(mask), np.ones(height, dtype=bool)))
        """1 on the skeleton, 0 elsewhere, but for what a later round may change."""

    def finished(self) -> tuple[RasterRows, BoolMask]:
        """The skeleton, 1 and 0, and (height,) the rows in which the first round was not yet right."""
        state = self.first_round.complete()
        self._differs[:] = False
        while self._changing.any():
            changing, self._changing = self._changing, np.zeros_like(self._changing)
            state = RowsInTheMaking(state.shape, self._round(state, changing)).complete()
        return state, self._differs

    def _round(self, before: RasterRows, changing: BoolMask) -> Iterator[Stored]:
        """Thin each strip that may change for the turns of a round."""
        halo = self._halo
        for start, stop in self._strips:
            top, bottom = max(start - halo, 0), min(stop + halo, self._strips.height)
            if not changing[top:bottom].any():
                yield before.read(start, stop)
                continue
            rows = before.read(top, bottom)
            window, last_rows = _thinned(np.pad(rows == ROAD, 1), halo // 2)
            after = window[start - top + 1 : stop - top + 1, 1:-1]
            self._differs[start:stop] |= (after != rows[start - top : stop - top]).any(axis=1)
            last_rows += top - 1
            self._changing[last_rows[(last_rows >= start) & (last_rows < stop)]] = True
            yield after.view(np.uint8)


@dataclass(frozen=True, eq=False)
class _WithoutSteps:
    """A mask as thinning begins with it: 1 road, 0 none (`RasterRows`)."""

    mask: RasterRows

    @property
    def shape(self) -> tuple[int, int]:
        return self.mask.shape

    def read(self, start: int, stop: int) -> Stored:
        return without_steps(framed(self.mask, start - 1, stop + 1) == ROAD).view(np.uint8)


def without_steps(framed_mask: BoolMask) -> BoolMask:
    """The mask, given with one pixel more on each side, without one half of each staircase of single steps.

    Zhang and Suen's thinning eats such a staircase from one end to its middle.

    # a .        o is a step when exactly the four marked neighbours are road. Its road neighbours a and b
    . o b        then have a neighbour in the south or west, so they are no steps themselves, and as they touch
    . . #        each other nothing comes apart.
    """
    may_be = framed_mask[1:-1, 1:-1] & framed_mask[:-2, 1:-1]
    may_be &= framed_mask[1:-1, 2:]
    for beside in (framed_mask[2:, 1:-1], framed_mask[1:-1, :-2]):
        np.greater(may_be, beside, out=may_be)
    row, column = places_in(may_be)  # few, so their corners are looked at one by one
    north_west, south_east = framed_mask[row, column], framed_mask[row + 2, column + 2]
    north_east, south_west = framed_mask[row, column + 2], framed_mask[row + 2, column]
    step = north_west & south_east & ~(north_east | south_west)
    less = framed_mask[1:-1, 1:-1].copy()
    less[row[step], column[step]] = False
    return less


def _thinned(mask: BoolMask, turns: int | None = None) -> tuple[BoolMask, Indices]:
    """Thin a mask for so many turns, or until nothing changes.

    A pixel needs a look in a pass only if a neighbour went since the last pass of that kind, that is in one of the two
    passes before. So the work grows with the pixels that go, not with the raster.

    Args:
        mask: (height, width), False along its edge.
        turns: Of two passes each.

    Returns:
        (height, width) what is left, and the rows of the pixels that went in the last of the turns.
    """
    flags = mask.astype(np.uint8).ravel()
    steps = [row * mask.shape[1] + column for row, column in _NEIGHBOURS]
    nothing = np.empty(0, dtype=np.int64)
    outline = np.flatnonzero(mask > _has_all_sides(mask))
    flags[outline] |= _AWAKE[1]
    awake, gone = [nothing, outline], [nothing, nothing]
    turn = 0
    while turn != turns and any(pixels.size for pixels in awake):
        turn += 1
        for kind, table in enumerate(_TABLES):
            # `awake[kind]` is from two passes ago; its pixels that woke again are in the other list as well.
            both = [awake[1 - kind], awake[kind][flags[awake[kind]] & _AWAKE[1 - kind] == 0]]
            gone[kind] = _removable(flags, np.concatenate(both), steps, table)
            flags[awake[kind]] &= ~_AWAKE[kind]
            flags[gone[kind]] = 0
            awake[kind] = _wake(flags, gone[kind], steps, _AWAKE[kind])
    rows = np.concatenate(gone) // mask.shape[1] if turn == turns else nothing
    return (flags & _ROAD).astype(bool).reshape(mask.shape), rows


def _removable(flags: Flags, pixels: Indices, steps: list[int], table: BoolMask) -> Indices:
    """Those of the pixels that are road and have a neighbourhood of the table."""
    pixels = pixels[flags.take(pixels) & _ROAD != 0]
    neighbourhood = np.zeros(pixels.size, dtype=np.uint8)
    for bit, step in enumerate(steps):
        neighbourhood |= (flags.take(pixels + step) & _ROAD) << np.uint8(bit)
    removable: Indices = pixels[table.take(neighbourhood)]
    return removable


def _wake(flags: Flags, gone: Indices, steps: list[int], mark: np.uint8) -> Indices:
    """Mark the road pixels beside those that are gone, and list each once."""
    woken = []
    for step in steps:
        beside = gone + step
        beside = beside[flags.take(beside) & (_ROAD | mark) == _ROAD]
        flags[beside] |= mark
        woken.append(beside)
    return np.concatenate(woken)


def _tables() -> tuple[BoolMask, BoolMask]:
    """(256,) for either pass of a turn: the neighbourhoods in which a road pixel goes."""
    number = np.arange(256)
    around = [number >> bit & 1 for bit in range(8)]
    north, east, south, west = around[1::2]
    count = sum(around)
    begins = sum(around[bit] & ~around[bit - 1] for bit in range(8))
    thick = (count >= 2) & (count <= 6) & (begins == 1)  # noqa: PLR2004  (the paper's numbers)
    first = thick & (east & south & (north | west) == 0)
    second = thick & (north & west & (east | south) == 0)
    for table, others in ((first, _ONLY_SECOND), (second, _ONLY_FIRST)):
        table[[*others, *_NEVER]] = False
    first[[*_ONLY_FIRST, *_IN_BOTH]] = True
    second[[*_ONLY_SECOND, *_IN_BOTH]] = True
    return first, second


def _has_all_sides(mask: BoolMask) -> BoolMask:
    """(height, width) whether the four pixels that share a side are all road; False along the edge."""
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    return inner


_TABLES = _tables()
