"""What the allocator of C keeps of memory that is free."""

from __future__ import annotations

import ctypes
import sys


def give_back_memory() -> None:
    """Give free memory back to the system; it takes some milliseconds.

    The allocator of Linux keeps a heap per thread. What one has freed no other gets, and the heaps of the stages grow
    with the time that they run beside each other.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
