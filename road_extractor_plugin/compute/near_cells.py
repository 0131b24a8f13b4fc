"""Which of many places may be near some others: a quick look before an exact one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Union

import numpy as np
import numpy.typing as npt

BoolMask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Places = Union[npt.NDArray[np.float64], npt.NDArray[np.int64]]

MOST_CELLS = 16_000_000
"""A byte each."""


def may_be_within(reach: float, places: Places, others: Places) -> BoolMask:
    """(n,) False only for places (n, 2) that are further than `reach` from all others (k, 2).

    Both are put into square cells with sides of `reach`, larger ones where there would be too many: what is near is in
    the same cell or one beside it.
    """
    if not len(places) or not len(others):
        return np.zeros(len(places), dtype=bool)
    cells = _Cells.around(reach, places, others)
    taken = np.zeros(cells.shape, dtype=bool)
    taken.ravel()[cells.of(others)] = True
    taken[1:] |= taken[:-1].copy()
    taken[:-1] |= taken[1:].copy()
    taken[:, 1:] |= taken[:, :-1].copy()
    taken[:, :-1] |= taken[:, 1:].copy()
    near: BoolMask = taken.ravel().take(cells.of(places))
    return near


@dataclass(frozen=True)
class _Cells:
    """Square cells, and one more on each side, in which nothing is."""

    first: tuple[float, float]
    """Where they begin along each axis."""
    side: float
    shape: tuple[int, int]

    @staticmethod
    def around(reach: float, *lots: Places) -> _Cells:
        """Those of some lots of places (n, 2)."""
        # Axis by axis, as in `of`: numpy takes several times as long for rows of two numbers.
        one, other = (
            [float(edge([edge(places[:, axis]) for places in lots])) for axis in (0, 1)] for edge in (np.min, np.max)
        )
        extent = other[0] - one[0], other[1] - one[1]
        side = max(reach, math.sqrt(extent[0] * extent[1] / MOST_CELLS), max(extent) / MOST_CELLS)
        return _Cells((one[0], one[1]), side, (int(extent[0] / side) + 3, int(extent[1] / side) + 3))

    def of(self, places: Places) -> Indices:
        """(n,) The cell that each place (n, 2) is in, cells counted in row-major order."""
        row, column = (((places[:, axis] - self.first[axis]) / self.side).astype(np.int64) + 1 for axis in (0, 1))
        row *= self.shape[1]
        row += column
        return row
