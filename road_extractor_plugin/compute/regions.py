"""Connected regions of a mask that is seen strip by strip, each strip once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Callable

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from road_extractor_plugin.compute.ranges import counted

BoolMask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

Wanted = Callable[..., BoolMask]
"""Given the number of pixels of each region, and of each mark whether the region has it, which regions are wanted."""


class Regions:
    """Picks the wanted regions of a mask while it is seen strip by strip from north to south.

        strip 0   ###    ######    A region may go on through any number of strips. What is wanted once must stay so
        strip 1    #   #####       whatever more is seen of it: then a strip can be handed out as soon as each of its
        strip 2       ##  ##       regions is wanted or goes no further, mostly one strip later.

    Args:
        wanted: Which regions are.
        over_corners: Whether pixels that share only a corner are connected.
    """

    def __init__(self, wanted: Wanted, *, over_corners: bool) -> None:
        self._wanted = wanted
        self._reach = 1 if over_corners else 0
        self._area: Indices = np.empty(0, dtype=np.int64)
        self._marks: list[BoolMask] = []
        self._waiting: deque[_Strip] = deque()
        self._last_row = _Strip(_Runs.none(), np.empty(0, dtype=np.int64))

    def add(self, strip: BoolMask, *marks: BoolMask) -> list[BoolMask]:
        """See the next strip.

        Args:
            strip: (rows, width), True in the mask.
            marks: Each (rows, width); what lies outside the mask does not matter.

        Returns:
            Of strips that are decided, from north to south, the wanted part.
        """
        runs = _Runs.of(strip)
        region = self._united(runs)
        # A region's number is now that of its first part; regions come first, then the runs of this strip.
        self._area = np.bincount(region, np.append(self._area, runs.stop - runs.start)).astype(np.int64)
        before = self._marks or [np.empty(0, dtype=bool)] * len(marks)
        self._marks = [
            _any_of(np.append(old, runs.have(mark)), region, self._area.size) for old, mark in zip(before, marks)
        ]
        known = region.size - runs.start.size
        for waiting in self._waiting:
            waiting.region = region[waiting.region]
        self._waiting.append(_Strip(runs, region[known:]))
        self._last_row = _Strip(*runs.last_row(region[known:]))
        return self._decided()

    def rest(self) -> list[BoolMask]:
        """The wanted part of all other strips, when there are no more to come."""
        self._last_row = _Strip(_Runs.none(), np.empty(0, dtype=np.int64))
        return self._decided()

    def _united(self, runs: _Runs) -> Indices:
        """New numbers of the regions known so far and then of the runs of a strip below them."""
        above = self._last_row.runs
        known = self._area.size
        upper, count = _touching(above, runs, self._reach)
        upper = np.append(self._last_row.region, np.arange(runs.start.size) + known)[upper]
        size = known + runs.start.size
        begins = np.append(np.zeros(known + 1, dtype=np.int64), np.cumsum(count))
        matrix = csr_matrix((np.ones(upper.size), upper, begins), shape=(size, size))
        region: Indices = connected_components(matrix, directed=False)[1].astype(np.int64)
        return region

    def _decided(self) -> list[BoolMask]:
        wanted = self._wanted(self._area, *self._marks)
        open_ended = np.zeros(self._area.size, dtype=bool)
        open_ended[self._last_row.region] = True
        unknown = open_ended & ~wanted
        decided = []
        while self._waiting and not unknown[self._waiting[0].region].any():
            strip = self._waiting.popleft()
            decided.append(strip.runs.painted(wanted[strip.region]))
        self._forget(open_ended)
        return decided

    def _forget(self, used: BoolMask) -> None:
        """Number anew the regions that may still be asked for."""
        for strip in self._waiting:
            used[strip.region] = True
        number = np.cumsum(used) - 1
        self._area = self._area[used]
        self._marks = [mark[used] for mark in self._marks]
        for strip in (*self._waiting, self._last_row):
            strip.region = number[strip.region]


@dataclass(frozen=True, eq=False)
class _Runs:
    """The stretches of the rows of a mask, in row-major order; (n,) arrays.

    Places are numbered row by row, with one more, that is never in the mask, before each row.
    """

    shape: tuple[int, int]
    start: Indices
    stop: Indices
    """The place behind the last one."""

    @classmethod
    def none(cls) -> _Runs:
        """No rows at all."""
        return cls((0, 0), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, mask: BoolMask) -> _Runs:
        """Those of a mask."""
        places = _numbered(mask)
        changes = np.flatnonzero(places[1:] != places[:-1]) + 1
        return cls((mask.shape[0], mask.shape[1]), changes[::2], changes[1::2])

    def have(self, mark: BoolMask) -> BoolMask:
        """Which runs have a place that is marked."""
        if not self.start.size:
            return np.empty(0, dtype=bool)
        bounds = np.column_stack([self.start, self.stop]).ravel()
        have: BoolMask = np.logical_or.reduceat(_numbered(mark), bounds)[::2]
        return have

    def last_row(self, region: Indices) -> tuple[_Runs, Indices]:
        """The runs of the last row as those of a row above place 0, and the part of `region` (n,) that is theirs."""
        height, width = self.shape
        first = int(np.searchsorted(self.start, (height - 1) * (width + 1)))
        up = height * (width + 1)
        return _Runs((1, width), self.start[first:] - up, self.stop[first:] - up), region[first:]

    def painted(self, chosen: BoolMask) -> BoolMask:
        """The mask of some of the runs; what is less, they or the places between them, is written."""
        height, width = self.shape
        size = height * (width + 1)
        start, stop = self.start[chosen], self.stop[chosen]
        mostly = bool((stop - start).sum() > size // 2)
        if mostly:
            start, stop = np.append(0, stop), np.append(start, size)
        places = np.full(size, mostly)
        places[counted(start, stop)] = not mostly
        return places.reshape(height, width + 1)[:, 1:]


@dataclass(eq=False)
class _Strip:
    """Runs, and the region of each."""

    runs: _Runs
    region: Indices


def _numbered(mask: BoolMask) -> BoolMask:
    """A mask with its places as `_Runs` numbers them, and one more behind the last."""
    height, width = mask.shape
    places = np.empty(height * (width + 1) + 1, dtype=bool)
    places[-1] = False
    rows = places[:-1].reshape(height, width + 1)
    rows[:, 0] = False
    rows[:, 1:] = mask
    return places


def _touching(above: _Runs, runs: _Runs, reach: int) -> tuple[Indices, Indices]:
    """The runs that those of a strip touch in the row above, of those above and then the strip; and how many each."""
    row = runs.shape[1] + 1
    start, stop = np.append(above.start, runs.start), np.append(above.stop, runs.stop)
    first = np.searchsorted(stop, runs.start - row - reach, side="right")
    count = np.searchsorted(start, runs.stop - row + reach, side="left") - first
    return counted(first, first + count), count


def _any_of(mark: BoolMask, group: Indices, group_count: int) -> BoolMask:
    """(group_count,) whether any of a group's members has the mark."""
    found = np.zeros(group_count, dtype=bool)
    found[group[mark]] = True
    return found
