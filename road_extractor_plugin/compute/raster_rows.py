"""Rasters that are read and made in rows, so that none has to fit into memory."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.feedback import Feedback, SilentFeedback, stop_if_cancelled
from road_extractor_plugin.contract.raster_coding import NODATA

Stored = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]

STRIP_PX = 2_000_000
"""Pixels worked on at a time: about 50 MB with all that is computed for them, used again for the next."""
MIN_STRIP_ROWS = 50
"""At least so many rows, however wide the raster: what is done per pixel looks some 32 to 64 rows beyond."""
MAX_STRIP_ROWS = 256
"""At most so many: of a raster in the making, what is done per pixel is up to two strips behind the rows that are
there, and all that it is behind has to be made up for when the last rows have come."""

_KEPT_PX, _MIN_KEPT_ROWS = 16_000_000, 256
"""Pixels kept for many small windows: some 60 rows each, and several of them have to fit beside each other."""

_BLOCK_PX = 1_000_000
"""Pixels compressed together."""
_UNPACKED_PX = 4 * _BLOCK_PX
"""Of the blocks read last, about so many pixels are kept unpacked."""
_FAST = 1
"""Level of compression: masks are so uniform that more would gain nothing."""
_LOOSE_PX = 80_000_000
"""Of a raster, so many pixels are kept a bit each, which is 10 MB: compressing them further takes more than ten times
as long, and each reader pays for it again."""


class RasterRows(Protocol):
    """A raster of uint8 of which some rows are read at a time."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""

    def read(self, start: int, stop: int) -> Stored:
        """Rows from `start` to before `stop`, all within the raster: (stop - start, width)."""


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """A raster in memory."""

    values: Stored
    """(height, width)."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.values.shape
        return height, width

    def read(self, start: int, stop: int) -> Stored:
        """See `RasterRows.read`; a view."""
        return self.values[start:stop]


class PackedRows:
    """A raster that is made from north to south and kept in memory, packed: a mask to an eighth, a large one to less.

    Args:
        width: Columns.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._starts = [0]
        self._blocks: list[bytes] = []
        self._unpacked: dict[int, Stored] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Height, as far as it is made, and width."""
        return self._starts[-1], self._width

    def append(self, rows: npt.NDArray[np.uint8] | npt.NDArray[np.bool_]) -> None:
        """Put rows (n, width) below what is there."""
        step = max(_BLOCK_PX // self._width, 1)
        for start in range(0, len(rows), step):
            block = np.ascontiguousarray(rows[start : start + step], dtype=np.uint8)
            is_loose = self._starts[-1] * self._width < _LOOSE_PX
            self.append_block(len(block), _packed(block, is_loose=is_loose))

    def twin(self) -> PackedRows:
        """The same rows, all made, for another thread: what was unpacked last, each keeps for itself."""
        twin = PackedRows(self._width)
        twin._starts, twin._blocks = self._starts, self._blocks
        return twin

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """How many rows, and these rows compressed, from north to south."""
        for start, stop, block in zip(self._starts, self._starts[1:], self._blocks):
            yield stop - start, block

    def append_block(self, rows: int, block: bytes) -> None:
        """Put below what is there what `blocks` of a raster of this width gave."""
        self._blocks.append(block)
        self._starts.append(self._starts[-1] + rows)

    def read(self, start: int, stop: int) -> Stored:
        """See `RasterRows.read`."""
        rows = np.empty((stop - start, self._width), dtype=np.uint8)
        block = bisect_right(self._starts, start) - 1
        done = start
        while done < stop:
            part = self._block(block)[done - self._starts[block] : stop - self._starts[block]]
            rows[done - start : done - start + len(part)] = part
            done += len(part)
            block += 1
        return rows

    def _block(self, number: int) -> Stored:
        """The rows of a block; those of the latest few are kept as they are, as strips overlap."""
        if number not in self._unpacked:
            size = (self._starts[number + 1] - self._starts[number]) * self._width
            while self._unpacked and size + sum(map(len, self._unpacked.values())) * self._width > _UNPACKED_PX:
                del self._unpacked[next(iter(self._unpacked))]
            self._unpacked[number] = _unpacked(self._blocks[number], size).reshape(-1, self._width)
        return self._unpacked[number]


_LOOSE_BITS, _AS_BITS, _AS_BYTES = b"l", b"b", b"B"


def _packed(values: Stored, *, is_loose: bool) -> bytes:
    """Values eight to the byte where all are 0 or 1, and compressed unless that is enough."""
    if values.max(initial=0) > 1:
        return _AS_BYTES + zlib.compress(values.tobytes(), _FAST)
    bits = np.packbits(values).tobytes()
    return _LOOSE_BITS + bits if is_loose else _AS_BITS + zlib.compress(bits, _FAST)


def _unpacked(block: bytes, size: int) -> Stored:
    """(size,) The values of a block."""
    kind, content = block[:1], memoryview(block)[1:]
    values = np.frombuffer(content if kind == _LOOSE_BITS else zlib.decompress(content), dtype=np.uint8)
    return values if kind == _AS_BYTES else np.unpackbits(values, count=size)


class RowsInTheMaking(PackedRows):
    """A raster that is made when it is read, from north to south, and kept.

    So what is made of it strip by strip begins while its own rows, and those that it is made of, are still to come.

    Args:
        shape: Height and width.
        made: Its rows from north to south, in lots of any height.
    """

    def __init__(self, shape: tuple[int, int], made: Iterator[Stored]) -> None:
        super().__init__(shape[1])
        self._height = shape[0]
        self._made = made

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self._height, self._width

    def read(self, start: int, stop: int) -> Stored:
        """See `RasterRows.read`."""
        while self._starts[-1] < stop:
            self.append(next(self._made))
        return super().read(start, stop)

    def complete(self) -> RowsInTheMaking:
        """Have all rows made."""
        for rows in self._made:
            self.append(rows)
        return self


class PassingRows:
    """A raster that is made when it is read; for a reader that never goes back north, so that little is kept.

    Args:
        shape: Height and width.
        made: Its rows from north to south, in lots of any height.
    """

    def __init__(self, shape: tuple[int, int], made: Iterator[Stored]) -> None:
        self.shape = shape
        self._made = made
        self._first = 0
        self._kept: Stored = np.empty((0, shape[1]), dtype=np.uint8)

    def read(self, start: int, stop: int) -> Stored:
        """See `RasterRows.read`; rows above `start` cannot be read afterwards."""
        lots = [self._kept[start - self._first :]]
        known = self._first + len(self._kept)
        while known < stop:
            lots.append(next(self._made))
            known += len(lots[-1])
        self._first, self._kept = start, lots[0] if len(lots) == 1 else np.concatenate(lots)
        return self._kept[: stop - start]


class KeptRows:
    """A raster for a reader of many small windows, about from north to south: the rows around the last one are kept."""

    def __init__(self, raster: RasterRows) -> None:
        self._raster = raster
        self._first = 0
        self._kept: Stored = np.empty((0, raster.shape[1]), dtype=np.uint8)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self._raster.shape

    def read(self, start: int, stop: int) -> Stored:
        """See `RasterRows.read`; a view."""
        if start < self._first or stop > self._first + len(self._kept):
            rows = max(_KEPT_PX // max(self.shape[1], 1), _MIN_KEPT_ROWS)
            self._first = max(start - rows // 4, 0)
            self._kept = self._raster.read(self._first, min(max(stop, self._first + rows), self.shape[0]))
        return self._kept[start - self._first : stop - self._first]


@dataclass(frozen=True)
class Strips:
    """The rows of a raster in pieces, from north to south; asks before each piece whether to stop."""

    height: int
    rows: int
    """Of each strip but the last, which may have less."""
    feedback: Feedback = SilentFeedback()  # noqa: RUF009  (it has no state)

    @classmethod
    def of(cls, raster: RasterRows, rows: int | None = None, feedback: Feedback | None = None) -> Strips:
        """Strips of so many rows, or of about `STRIP_PX` pixels, unless the raster is very wide or narrow."""
        height, width = raster.shape
        about = min(max(STRIP_PX // max(width, 1), MIN_STRIP_ROWS), MAX_STRIP_ROWS)
        return cls(height, rows or about, feedback or SilentFeedback())

    def halved(self) -> Strips:
        """Two for each of these."""
        return Strips(self.height, max(self.rows // 2, 1), self.feedback)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """First row of each strip, and the row behind its last.

        Raises:
            Cancelled: The user asked for it.
        """
        for start in range(0, self.height, self.rows):
            stop_if_cancelled(self.feedback)
            yield start, min(start + self.rows, self.height)


def places_in(mask: npt.NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Rows and columns where a mask is true, in row-major order; on few such places quicker than `np.nonzero`."""
    row, column = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return row, column


def framed(raster: RasterRows, start: int, stop: int) -> Stored:
    """Rows from `start` to before `stop`, and a column more on either side; what lies outside the raster is nodata."""
    height, width = raster.shape
    window = np.full((stop - start, width + 2), NODATA, dtype=np.uint8)
    first, last = max(start, 0), min(stop, height)
    window[first - start : last - start, 1:-1] = raster.read(first, last)
    return window


def values_at(raster: RasterRows, rows: Indices, columns: Indices) -> Stored:
    """Values (n,) of pixels within the raster; each part of it is read once at most."""
    values = np.empty(rows.size, dtype=np.uint8)
    strips = Strips.of(raster)
    by_strip = np.argsort(rows // strips.rows, kind="stable")
    bounds = np.searchsorted(rows[by_strip] // strips.rows, np.arange(-(-strips.height // strips.rows) + 1))
    for strip in np.flatnonzero(np.diff(bounds)).tolist():
        places = by_strip[bounds[strip] : bounds[strip + 1]]
        start, stop = int(rows[places].min()), int(rows[places].max()) + 1
        values[places] = raster.read(start, stop)[rows[places] - start, columns[places]]
    return values
