"""A probability raster that is made from north to south and survives whatever ends the process: strips and a ledger.

The strips stand one behind the other in a file without any structure. When one is written, a line with its checksum
goes into the ledger. So a later run knows how far this one came, and proves it: what the system had not yet written
when the power went, or what was damaged since, is not taken for finished.
"""

from __future__ import annotations

import json
import os
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Callable, TypeVar

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.decode import DecodeError, decode
from road_extractor_plugin.contract.errors import Cancelled, RasterUnreadableError
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.raster_coding import NODATA
from road_extractor_plugin.core.geotiff import PROBABILITY, describe_rows
from road_extractor_plugin.core.output_errors import writing

UInt8 = npt.NDArray[np.uint8]
Value = TypeVar("Value")

LEDGER = "ledger.jsonl"
_STRIPS, _RASTER = "probability.rows", "probability.vrt"
_CHECKED_BYTES = 1_000_000
"""Read at a time for the checksum."""
_SYNC_EVERY_S = 30.0
"""What a power cut may cost, besides the strip under way. A process that is killed loses that strip only."""


@dataclass(frozen=True)
class FinishedStrip:
    """A line of the ledger."""

    rows: int
    checksum: int
    """CRC-32 of the other numbers, and then of its codes."""
    tiles_run: int
    """Of the tiles that finish it, those with imagery."""
    valid_px: int

    @property
    def checksum_of_numbers(self) -> int:
        """What `checksum` is before the first code."""
        return zlib.crc32(f"{self.rows} {self.tiles_run} {self.valid_px}".encode())


@dataclass(frozen=True)
class LedgerHead:
    """The first line of a ledger."""

    made_of: dict[str, str]
    """What the strips depend on, each thing by its name, in words."""
    strips: int
    """How many there will be."""


class StripStore:
    """Strips of uint8 codes, each as wide as the raster; a context manager.

    Args:
        folder: Where its files are; they stay when it is closed.
        width_px: Of the raster.
        head: Of a ledger that is begun; None goes on with the one that is there.
        finished: Those that it goes on behind.

    Raises:
        OutputError: The files cannot be written.
    """

    def __init__(
        self, folder: Path, width_px: int, head: LedgerHead | None, finished: Sequence[FinishedStrip] = ()
    ) -> None:
        self._folder = folder
        self._width_px = width_px
        self.finished = list(finished)
        """From the north."""
        self._is_ledger_whole = True
        self._synced_s = time.monotonic()
        self._grown = threading.Condition()
        self._is_closed = False
        self._valid_px = 0
        """Of the parts of the next strip that are there."""
        with writing(folder / _STRIPS, 0):
            mode = "w+b" if head else "r+b"
            self._strips: IO[bytes] = (folder / _STRIPS).open(mode, buffering=0)
            self._ledger: IO[bytes] = (folder / LEDGER).open(mode, buffering=0)
            if head:
                _write_all(self._ledger, _line(asdict(head)))
            else:
                self._cut()

    def _cut(self) -> None:
        """Drop what comes behind the strips that go on, so that the next ones follow them."""
        self._strips.seek(sum(strip.rows for strip in self.finished) * self._width_px)
        self._strips.truncate()
        lines = self._ledger.readlines()[: 1 + len(self.finished)]
        self._ledger.seek(sum(map(len, lines)))
        self._ledger.truncate()

    def __enter__(self) -> StripStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, codes: UInt8, tiles_run: int, *, is_final: bool = True) -> None:
        """Write the next strip (rows, width).

        Args:
            codes: 0..254 and nodata.
            tiles_run: Of the tiles that finish it, those with imagery.
            is_final: Whether another run may take it as it is; if not, it begins again from here.

        Raises:
            OutputError: It cannot be written; `DiskFullError` when that is why.
        """
        self.put(codes, 0)
        self.finish(len(codes), tiles_run, is_final=is_final)

    def put(self, codes: UInt8, column: int) -> None:
        """Write a part (rows, columns) of the next strip, from a column on; all of its parts have all of its rows.

        Raises:
            OutputError: It cannot be written; `DiskFullError` when that is why.
        """
        self._valid_px += int(np.count_nonzero(codes != NODATA))
        rows = np.ascontiguousarray(codes)
        pieces = [rows] if rows.shape[1] == self._width_px else rows
        begin = self._begin_of_next + column
        with writing(self._folder / _STRIPS, codes.nbytes):
            for number, piece in enumerate(pieces):
                self._strips.seek(begin + number * self._width_px)
                _write_all(self._strips, piece.data.cast("B"))

    def finish(self, rows: int, tiles_run: int, *, is_final: bool = True) -> None:
        """Count the next strip as finished, when all of its parts are there; for the arguments see `append`.

        Raises:
            OutputError: It cannot be written; `DiskFullError` when that is why.
        """
        self._is_ledger_whole &= is_final
        with writing(self._folder / _STRIPS, 0):
            strip = FinishedStrip(rows, 0, tiles_run, self._valid_px)
            strip = replace(strip, checksum=self._checksum_of_next(strip))
            self._valid_px = 0
            if self._is_ledger_whole:
                _write_all(self._ledger, _line(asdict(strip)))
                self._sync_now_and_then()
        with self._grown:
            self.finished.append(strip)
            self._grown.notify_all()

    @property
    def _begin_of_next(self) -> int:
        """Byte of the file."""
        return sum(strip.rows for strip in self.finished) * self._width_px

    def _checksum_of_next(self, strip: FinishedStrip) -> int:
        """Over what stands in the file."""
        self._strips.seek(self._begin_of_next)
        left, checksum = strip.rows * self._width_px, strip.checksum_of_numbers
        while left and (content := self._strips.read(min(left, _CHECKED_BYTES))):
            left -= len(content)
            checksum = zlib.crc32(content, checksum)
        return checksum

    def _sync_now_and_then(self) -> None:
        if time.monotonic() - self._synced_s > _SYNC_EVERY_S:
            os.fsync(self._strips.fileno())
            os.fsync(self._ledger.fileno())
            self._synced_s = time.monotonic()

    def close(self) -> None:
        """Let go of the files."""
        self._strips.close()
        self._ledger.close()
        with self._grown:
            self._is_closed = True
            self._grown.notify_all()

    def await_rows(self, rows: int) -> Path:
        """Wait until there are so many, for another thread than that which writes; they stand in the file, packed.

        Raises:
            Cancelled: The store was closed, and they will not come.
        """
        with self._grown:
            while sum(strip.rows for strip in self.finished) < rows:
                if self._is_closed:
                    raise Cancelled
                self._grown.wait()
        return self._folder / _STRIPS

    def raster(self, grid: Grid) -> Path:
        """All strips as a raster that GDAL reads.

        Raises:
            OutputError: Its description cannot be written.
        """
        path = self._folder / _RASTER
        describe_rows(self._folder / _STRIPS, path, grid, PROBABILITY)
        return path


class RowsToCome:
    """The rows of a store that is being filled (`RasterRows`): who reads waits for them.

    Args:
        strips: The store.
        shape: Height and width of all that there will be.
        waiting: Entered while it waits.
    """

    def __init__(
        self, strips: StripStore, shape: tuple[int, int], waiting: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self.shape = shape
        self._strips = strips
        self._waiting = waiting

    def read(self, start: int, stop: int) -> UInt8:
        """See `RasterRows.read`.

        Raises:
            RasterUnreadableError: The file is damaged.
            Cancelled: These rows will not come.
        """
        with self._waiting():
            path = self._strips.await_rows(stop)
        width, size = self.shape[1], (stop - start) * self.shape[1]
        try:
            with path.open("rb") as file:
                file.seek(start * width)
                rows = np.fromfile(file, dtype=np.uint8, count=size)
        except OSError as error:
            raise RasterUnreadableError(path, error.strerror or str(error)) from error
        if rows.size < size:
            raise RasterUnreadableError(path, f"it ends within row {start + rows.size // width}")
        return rows.reshape(-1, width)


@dataclass(frozen=True)
class Ledger:
    """What a ledger says."""

    head: LedgerHead | None
    """None if it cannot be read."""
    strips: tuple[FinishedStrip, ...]
    """Up to the first that cannot be read."""
    lines: int
    """Of strips, whether they can be read or not."""


def read_ledger(folder: Path) -> Ledger | None:
    """The ledger in a folder; None where nothing was begun."""
    try:
        content = (folder / LEDGER).read_bytes()
    except OSError:
        return None
    head, *lines = content.split(b"\n")[:-1] or [content]
    if not content:
        return None
    strips = takewhile(lambda strip: strip is not None, (_decoded(FinishedStrip, line) for line in lines))
    return Ledger(_decoded(LedgerHead, head), tuple(filter(None, strips)), len(lines))


def sound_strips(folder: Path, strips: Sequence[FinishedStrip], width_px: int, heights: Sequence[int]) -> int:
    """How many strips are what the ledger says, from the north to the first that is not.

    Args:
        folder: Of the store.
        strips: Of its ledger.
        width_px: Of the raster.
        heights: Of all strips that there will be.
    """
    sound = 0
    with suppress(OSError), (folder / _STRIPS).open("rb") as file:
        for strip, height in zip(strips, heights):
            codes = file.read(height * width_px)
            if strip.rows != height or len(codes) != height * width_px:
                break
            if zlib.crc32(codes, strip.checksum_of_numbers) != strip.checksum:
                break
            sound += 1
    return sound


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode("utf-8") + b"\n"


def _decoded(kind: type[Value], line: bytes) -> Value | None:
    try:
        return decode(kind, json.loads(line))
    except (DecodeError, ValueError):
        return None


def _write_all(file: IO[bytes], content: bytes | memoryview) -> None:
    """An unbuffered file may take less than it is given."""
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]
