"""Reading the metadata of an ONNX file with the standard library alone, without reading its weights.

An ONNX file is one protobuf message (`ModelProto` of onnx.proto). Its fields are length-delimited, so the graph
with the weights is stepped over by a seek, and listing models is instant even when they are large.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

from road_extractor_plugin.contract.errors import ModelUnreadableError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_IR_VERSION_FIELD, _GRAPH_FIELD, _METADATA_FIELD = 1, 7, 14
_KEY_FIELD, _VALUE_FIELD = 1, 2
_LONGEST_VARINT = 10
_MORE_BYTES = 0x80
_LARGEST_ENTRY = 16 * 1024 * 1024


def read_onnx_metadata(path: Path) -> dict[str, str]:
    """The `metadata_props` of an ONNX file.

    Raises:
        ModelUnreadableError: The file is missing, not ONNX, or cut short.
    """
    try:
        with path.open("rb") as file:
            return _read_model(file, path.stat().st_size)
    except OSError as error:
        raise ModelUnreadableError(path, error.strerror or str(error)) from error
    except _ProtobufError as error:
        raise ModelUnreadableError(path, str(error)) from error


class _ProtobufError(ValueError):
    pass


def _read_model(file: IO[bytes], size: int) -> dict[str, str]:
    metadata: dict[str, str] = {}
    fields = set()
    while file.tell() < size:
        field, kind = _read_key(file)
        fields.add(field)
        if field == _METADATA_FIELD and kind == _BYTES:
            key, value = _read_entry(_read_bytes(file, size))
            metadata[key] = value
        else:
            _skip(file, kind, size)
    if not {_IR_VERSION_FIELD, _GRAPH_FIELD} <= fields:
        msg = "it is not an ONNX model"
        raise _ProtobufError(msg)
    return metadata


def _read_entry(entry: bytes) -> tuple[str, str]:
    parts = {_KEY_FIELD: "", _VALUE_FIELD: ""}
    position = 0
    while position < len(entry):
        key, position = _varint_at(entry, position)
        length, position = _varint_at(entry, position)
        if key & 7 != _BYTES or position + length > len(entry):
            msg = "its metadata are damaged"
            raise _ProtobufError(msg)
        parts[key >> 3] = entry[position : position + length].decode("utf-8", errors="replace")
        position += length
    return parts[_KEY_FIELD], parts[_VALUE_FIELD]


def _varint_at(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    for byte in data[position : position + _LONGEST_VARINT]:
        position += 1
        value |= (byte & ~_MORE_BYTES) << shift
        shift += 7
        if not byte & _MORE_BYTES:
            return value, position
    msg = "it is not an ONNX model"
    raise _ProtobufError(msg)


def _read_varint(file: IO[bytes]) -> int:
    start = file.tell()
    value, length = _varint_at(file.read(_LONGEST_VARINT), 0)
    file.seek(start + length)
    return value


def _read_key(file: IO[bytes]) -> tuple[int, int]:
    key = _read_varint(file)
    return key >> 3, key & 7


def _read_bytes(file: IO[bytes], size: int) -> bytes:
    length = _read_varint(file)
    if length > min(size - file.tell(), _LARGEST_ENTRY):
        msg = "it is cut short or damaged"
        raise _ProtobufError(msg)
    return file.read(length)


def _skip(file: IO[bytes], kind: int, size: int) -> None:
    if kind == _VARINT:
        _read_varint(file)
        return
    lengths = {_FIXED64: 8, _FIXED32: 4}
    if kind != _BYTES and kind not in lengths:
        msg = "it is not an ONNX model"
        raise _ProtobufError(msg)
    length = _read_varint(file) if kind == _BYTES else lengths[kind]
    if length > size - file.tell():
        msg = "it is cut short or damaged"
        raise _ProtobufError(msg)
    file.seek(length, 1)
