"""What libraries say when memory runs out; each line is a message of theirs."""

from __future__ import annotations

import pytest

from road_extractor_plugin.compute.predictors.failures import failure
from road_extractor_plugin.contract.errors import DeviceMemoryError

SHAPE = (4, 3, 512, 256)


@pytest.mark.parametrize(
    "message",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8.00 GiB",
        "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 1073741824",
        "CUDA failure 2: out of memory ; GPU=0 ; hostname=x",
        "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0",
        "Exception(1) tid(1a2b) 8007000E Not enough memory resources are available to complete this operation.",
        "[GPU] Exceeded max size of memory object allocation: requested 4831838208 bytes",
        "[GPU] CL_OUT_OF_RESOURCES exception.",
        "[CL ext] clEnqueueNDRangeKernel, error code: -4 CL_MEM_OBJECT_ALLOCATION_FAILURE",
        "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory",
        "bad allocation",
        "std::bad_alloc",
    ],
)
def test_too_little_memory_is_recognised(message: str) -> None:
    error = failure("CUDA", SHAPE, RuntimeError(message))
    assert isinstance(error, DeviceMemoryError)
    assert str(error).startswith("CUDA has too little memory for 4 tiles of 256 x 512 px.")


def test_of_python_too() -> None:
    assert isinstance(failure("CPU", SHAPE, MemoryError()), DeviceMemoryError)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Non-zero status code returned\nmore", "Non-zero status code returned"),
        ("Traceback of TorchScript, original code:\n  where\nRuntimeError: wrong channels\n", "wrong channels"),
        ("", "RuntimeError"),
    ],
)
def test_other_failures_tell_the_line_that_matters(message: str, told: str) -> None:
    error = failure("CUDA", SHAPE, RuntimeError(message))
    assert not isinstance(error, DeviceMemoryError)
    assert told in str(error)
    assert "original code" not in str(error)
