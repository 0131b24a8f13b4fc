"""What the allocator of C keeps of memory that is free."""

from __future__ import annotations

import ctypes
import sys

from road_extractor_plugin.contract.grid import Grid

_MMAP_THRESHOLD = -3
"""`M_MMAP_THRESHOLD` of glibc's malloc.h."""
_LARGE_BLOCK = 2**20
_LARGE_PX = 100_000_000


def is_large(grid: Grid) -> bool:
    """Whether memory is worth more than the time that it takes to be sparing with it."""
    return grid.width_px * grid.height_px >= _LARGE_PX


def give_back_memory() -> None:
    """Give free memory back to the system; it takes some milliseconds.

    The allocator of Linux keeps a heap per thread. What one has freed no other gets, and the heaps of the stages grow
    with the time that they run beside each other.
    """
    _call("malloc_trim", 0)


def keep_no_large_blocks() -> None:
    """From now on, give each block of a megabyte and more back to the system as soon as it is free.

    Such blocks are strips and tiles, whose sizes differ, so that those kept for reuse seldom fit. Asking the system for
    each anew takes about 0.01 s per megapixel of a raster, which is why only large ones are worth it.
    """
    _call("mallopt", _MMAP_THRESHOLD, _LARGE_BLOCK)


def _call(name: str, *arguments: int) -> None:
    """Call a function of glibc's allocator where there is one."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
