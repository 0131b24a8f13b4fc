"""Which of many places may be near some others: a quick look before an exact one."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

BoolMask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

MOST_CELLS = 16_000_000
"""A byte each."""


def may_be_within(reach: float, places: npt.NDArray[np.generic], others: npt.NDArray[np.generic]) -> BoolMask:
    """(n,) False only for places (n, 2) that are further than `reach` from all others (k, 2).

    Both are put into square cells with sides of `reach`, larger ones where there would be too many: what is near is in
    the same cell or one beside it.
    """
    if not len(places) or not len(others):
        return np.zeros(len(places), dtype=bool)
    first = np.minimum(places.min(axis=0), others.min(axis=0))
    extent = np.maximum(places.max(axis=0), others.max(axis=0)) - first
    side = max(reach, math.sqrt(float(extent[0]) * float(extent[1]) / MOST_CELLS), float(extent.max()) / MOST_CELLS)
    cells, other_cells = (((which - first) / side).astype(np.int64) + 1 for which in (places, others))
    taken = np.zeros(np.maximum(cells.max(axis=0), other_cells.max(axis=0)) + 2, dtype=bool)
    taken[tuple(other_cells.T)] = True
    for axis in (0, 1):
        lined = np.moveaxis(taken, axis, 0)
        before = lined.copy()
        lined[1:] |= before[:-1]
        lined[:-1] |= before[1:]
    near: BoolMask = taken[tuple(cells.T)]
    return near
