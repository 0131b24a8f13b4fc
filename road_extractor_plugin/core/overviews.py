"""Overviews of a raster that is written from north to south, made of the rows while they are in memory.

GDAL would read the raster again for them, and takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.raster_coding import NODATA

UInt8 = npt.NDArray[np.uint8]


def overview_factors(height_px: int, width_px: int, block_px: int) -> list[int]:
    """By how much each overview is smaller: so many that one block holds the smallest, as the COG driver has them."""
    factors, factor = [], 2
    while 2 * max(height_px, width_px) // factor > block_px:
        factors.append(factor)
        factor *= 2
    return factors


class Overviews:
    """Overviews of one raster of uint8, each half as large as the one before.

    Args:
        count: How many.
        is_averaged: Whether their pixels are means of those that are not nodata; else one of four pixels is taken.
    """

    def __init__(self, count: int, *, is_averaged: bool) -> None:
        self._half = averaged if is_averaged else thinned
        self._waiting: list[UInt8] = [np.empty((0, 0), dtype=np.uint8)] * count
        """Per level, a row that waits for the next one."""
        self._done_rows = [0] * count

    def add(self, rows: UInt8, *, is_last: bool) -> Iterator[tuple[int, int, UInt8]]:
        """Take the next rows (n, width) of the raster; the last ones need not be even in number.

        Returns:
            Level from 0, first row, and rows, of what is finished.
        """
        for level in range(len(self._waiting)):
            waiting = self._waiting[level]
            rows = np.concatenate([waiting, rows]) if waiting.size else rows
            even = len(rows) if is_last else len(rows) // 2 * 2
            self._waiting[level] = rows[even:].copy()
            rows = self._half(rows[:even])
            if len(rows):
                yield level, self._done_rows[level], rows
            self._done_rows[level] += len(rows)


def thinned(rows: UInt8) -> UInt8:
    """The north-western one of each 2 x 2 pixels."""
    return rows[::2, ::2]


def averaged(rows: UInt8) -> UInt8:
    """The rounded mean of each 2 x 2 pixels, of those that are not nodata; at the edges of fewer."""
    height, width = rows.shape
    if height % 2 or width % 2:
        rows = np.pad(rows, ((0, height % 2), (0, width % 2)), mode="edge")
    is_nodata = rows == NODATA
    if not is_nodata.any():
        return _quotient(_sums(rows), np.uint16(4))
    counts = _sums((~is_nodata).view(np.uint8))
    sums = _sums(np.where(is_nodata, np.uint8(0), rows))
    means = _quotient(sums, np.maximum(counts, 1))
    means[counts == 0] = NODATA
    return means


def _sums(rows: UInt8) -> npt.NDArray[np.uint16]:
    """Of each 2 x 2 pixels."""
    pairs = rows[::2].astype(np.uint16)
    pairs += rows[1::2]
    return pairs[:, ::2] + pairs[:, 1::2]


def _quotient(sums: npt.NDArray[np.uint16], counts: npt.NDArray[np.uint16] | np.uint16) -> UInt8:
    return ((sums + counts // np.uint16(2)) // counts).astype(np.uint8)
