"""What the libraries that run networks say when they fail, in our words."""

from __future__ import annotations

import re

from road_extractor_plugin.contract.errors import ComputeError, DeviceMemoryError

_OUT_OF_MEMORY = re.compile(
    r"out of memory|not enough memory|failed to allocate memory|can't allocate memory|bad allocation|bad_alloc"
    r"|alloc_failed|CL_OUT_OF|ALLOCATION_FAILURE|exceeded max size of memory|out of GPU resources|8007000E",
    re.IGNORECASE,
)
"""CUDA, cuBLAS, DirectML (as an HRESULT), OpenCL below OpenVINO, torch, and C++ itself; none has a code of its own."""


def failure(device: str, shape: tuple[int, ...], error: Exception) -> ComputeError:
    """What went wrong on a device with tiles (n, bands, height, width)."""
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
        return DeviceMemoryError(device, shape)
    return ComputeError(
        f"The network failed on {device} with tiles of shape {shape}: {telling_line(error)}",
        "Try a smaller tile size, or another device",
    )


def telling_line(error: Exception) -> str:
    """The line of a message that says what is wrong: the first, but of a TorchScript traceback the last."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[-1] if "Traceback of TorchScript" in str(error) else lines[0]
