r"""Messages between this program and its worker process: a line of JSON, then the raw bytes of arrays.

    {"kind": "predict", "request": 7, "values": {}, "arrays": [{"dtype": "<f4", "shape": [1, 3, 512, 512]}]}\n
    <3145728 bytes, C order>

Both ends check all that arrives: nothing is executed, unpickled or allocated on the word of the other beyond the limits
below.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract import errors
from road_extractor_plugin.contract.decode import DecodeError, decode
from road_extractor_plugin.contract.errors import ComputeError, RoadExtractorError

PROTOCOL = 2
"""Raised whenever the messages change: either end refuses another one."""

MAX_HEADER_BYTES = 1_000_000
MAX_ARRAYS_BYTES = 4_000_000_000
"""Of one message."""

_DTYPES = frozenset({"<f2", "<f4", "<f8", "<i8", "|u1", "|b1"})

Array = npt.NDArray[Any]
T = TypeVar("T")


class WireError(ComputeError):
    """What arrived is no message."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(
            f"The engine's process sent what cannot be understood ({detail})",
            "Run it again; if it stays, choose another Python for the engine, one that prints nothing of its own",
        )


class TruncatedError(WireError):
    """A message breaks off: the other end ended in the middle of it."""


@dataclass(frozen=True, eq=False)
class Message:
    """One message, either way."""

    kind: str
    request: int
    """Number of the request that it makes or answers; 0 belongs to none."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Whatever JSON knows."""
    arrays: tuple[Array, ...] = ()


@dataclass(frozen=True)
class _ArrayHeader:
    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class _Header:
    kind: str
    request: int
    arrays: tuple[_ArrayHeader, ...]


def send(stream: BufferedIOBase, message: Message) -> None:
    """Write a message; arrays that are contiguous are not copied.

    Raises:
        OSError: The other end is gone.
    """
    arrays = [np.ascontiguousarray(array) for array in message.arrays]
    header = {
        "kind": message.kind,
        "request": message.request,
        "values": message.values,
        "arrays": [{"dtype": array.dtype.str, "shape": array.shape} for array in arrays],
    }
    stream.write(json.dumps(header).encode() + b"\n")
    for array in arrays:
        stream.write(_bytes_of(array))
    stream.flush()


def receive(stream: BufferedIOBase) -> Message | None:
    """Wait for a message and read it; None when the other end has closed the stream.

    Raises:
        WireError: What came is no message.
        TruncatedError: It breaks off.
        OSError: The stream failed.
    """
    line = stream.readline(MAX_HEADER_BYTES)
    if not line:
        return None
    if not line.endswith(b"\n"):
        error = WireError if len(line) >= MAX_HEADER_BYTES else TruncatedError
        raise error(f"{len(line):,} bytes without the end of a line, starting with {_shown(line)}")
    try:
        value = json.loads(line)
        header, values = decode(_Header, value), value.get("values")
    except (ValueError, RecursionError) as error:  # not JSON, not text, or not the right fields
        detail = str(error) if isinstance(error, DecodeError) else _shown(line)
        raise WireError(detail) from error
    if not isinstance(values, dict):
        raise WireError("'values' is not an object")
    _check(header)
    return Message(header.kind, header.request, values, tuple(_read_array(stream, array) for array in header.arrays))


def error_values(error: RoadExtractorError) -> dict[str, str]:
    """An error of ours as the values of a message."""
    return {"class": type(error).__name__, "text": str(error)}


def restored_error(values: Mapping[str, Any]) -> RoadExtractorError:
    """The same error at the other end: its class and its text."""
    found = vars(errors).get(str(values.get("class")))
    is_ours = isinstance(found, type) and issubclass(found, RoadExtractorError)
    kind: type[RoadExtractorError] = found if is_ours else ComputeError  # type: ignore[assignment]
    error = kind.__new__(kind)
    error.args = (str(values.get("text")),)  # the text is made already, so no constructor may make it anew
    return error


def read_value(cls: type[T], value: object) -> T:
    """A frozen dataclass out of the values of a message, where `dataclasses.asdict` put it.

    Raises:
        WireError: They are not its fields.
    """
    try:
        return decode(cls, value)
    except DecodeError as error:
        raise WireError(str(error)) from error


def _check(header: _Header) -> None:
    for array in header.arrays:
        if array.dtype not in _DTYPES:
            raise WireError(f"an array of type {array.dtype!r}")
        if min(array.shape, default=0) < 0:
            raise WireError(f"an array of shape {array.shape}")
    size = sum(array.size_bytes for array in header.arrays)
    if size > MAX_ARRAYS_BYTES:
        raise WireError(f"arrays of {size / 1e6:,.0f} MB, at most {MAX_ARRAYS_BYTES / 1e6:,.0f} are allowed")


def _read_array(stream: BufferedIOBase, header: _ArrayHeader) -> Array:
    array = np.empty(header.shape, dtype=header.dtype)
    wanted = _bytes_of(array)
    got = stream.readinto(wanted)
    if got != len(wanted):
        raise TruncatedError(f"an array breaks off after {got:,} of {len(wanted):,} bytes")
    return array


def _bytes_of(array: Array) -> memoryview:
    """The memory of a contiguous array."""
    return array.reshape(-1).view(np.uint8).data


def _shown(line: bytes) -> str:
    return repr(line[:60].decode(errors="replace"))
