"""Many ranges of numbers at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def counted(start: Indices, stop: Indices) -> Indices:
    """All numbers from each start to before its stop, range after range; start and stop are (k,)."""
    count = stop - start
    behind = np.cumsum(count)
    numbers: Indices = np.arange(count.sum()) + np.repeat(start - (behind - count), count)
    return numbers
