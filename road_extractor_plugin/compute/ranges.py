"""Many ranges of numbers at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def counted(start: Indices, stop: Indices) -> Indices:
    """All numbers from each start to before its stop, range after range; start and stop are (k,)."""
    count = stop - start
    behind = np.cumsum(count)
    numbers: Indices = np.arange(count.sum()) + np.repeat(start - (behind - count), count)
    return numbers


def divided(count: Indices) -> tuple[Indices, Floats]:
    """Segments in (k,) equal parts each: which segment each part is of, and how far along it, 0..1, its middle is."""
    owner = np.repeat(np.arange(count.size), count)
    number = np.arange(owner.size) - (np.cumsum(count) - count)[owner]
    return owner, (number + 0.5) / count[owner]
