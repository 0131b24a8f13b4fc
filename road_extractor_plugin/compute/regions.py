"""Connected regions of a mask that is seen strip by strip."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

BoolMask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


class Regions:
    """Connected regions of a mask, measured strip by strip from north to south, and then picked in a second pass.

    Each strip is labelled by itself. Labels that touch across the border of two strips belong to one region, which
    may so go on through any number of strips (union of labels).

    Args:
        over_corners: Whether pixels that share only a corner are connected.
    """

    def __init__(self, *, over_corners: bool) -> None:
        self._structure = ndimage.generate_binary_structure(2, 2 if over_corners else 1)
        self._shifts = (-1, 0, 1) if over_corners else (0,)
        self._first = [0]
        self._counts: list[Indices] = []
        self._pairs: list[Indices] = [np.empty((0, 2), dtype=np.int64)]
        self._last_row: Indices = np.empty(0, dtype=np.int64)
        self._labels: npt.NDArray[np.int32] = np.empty((0, 0), dtype=np.int32)
        """Of the last strip, which is often the only one; the others are labelled anew when they are wanted."""

    def add(self, strip: BoolMask, *marks: BoolMask) -> None:
        """See the next strip.

        Args:
            strip: (rows, width), True in the mask.
            marks: Each (rows, width), True on pixels of the mask that are to be counted.
        """
        labels, count = ndimage.label(strip, self._structure)
        self._labels = labels
        parts = [labels.ravel(), *(labels[mark] for mark in marks)]
        self._counts.append(np.stack([np.bincount(part, minlength=count + 1)[1:] for part in parts]))
        # Labels of a strip count from 1; in all they count on from strip to strip, and -1 is none.
        top, bottom = np.where(labels[[0, -1]] > 0, labels[[0, -1]] + (self._first[-1] - 1), -1)
        if self._last_row.size:
            self._pairs.append(_touching(self._last_row, top, self._shifts))
        self._last_row = bottom
        self._first.append(self._first[-1] + count)

    def counts(self) -> Indices:
        """Pixels of the region that each label belongs to: (1 + marks, labels), all and those with each mark."""
        pairs = np.concatenate(self._pairs)
        labels = self._first[-1]
        matrix = coo_matrix((np.ones(len(pairs), dtype=np.int8), tuple(pairs.T)), shape=(labels, labels))
        count, region = connected_components(matrix, directed=False)
        per_label = np.concatenate(self._counts, axis=1)
        totals = [np.bincount(region, weights=pixels, minlength=count)[region] for pixels in per_label]
        return np.array(totals).astype(np.int64)

    def picked(self, number: int, strip: BoolMask, wanted: BoolMask) -> BoolMask:
        """The part of a strip that lies in wanted regions.

        Args:
            number: Of the strip, from 0.
            strip: As it was added.
            wanted: (labels,) one per column of `counts`.
        """
        is_last = number == len(self._counts) - 1
        labels = self._labels if is_last else ndimage.label(strip, self._structure)[0]
        of_strip = np.append(False, wanted[self._first[number] : self._first[number + 1]])
        part: BoolMask = of_strip[labels]
        return part


def _touching(above: Indices, below: Indices, shifts: tuple[int, ...]) -> Indices:
    """(n, 2) the labels of two rows that are neighbours; `shifts` are the columns by which neighbours may differ."""
    framed = np.pad(below, 1, constant_values=-1)
    pairs = [np.column_stack([above, framed[1 + shift : 1 + shift + above.size]]) for shift in shifts]
    both = np.concatenate(pairs)
    touching: Indices = np.unique(both[(both >= 0).all(axis=1)], axis=0)
    return touching
