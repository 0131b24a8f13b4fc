"""Strict decoding of JSON values into frozen dataclasses: nothing missing, nothing of the wrong kind."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class DecodeError(ValueError):
    """A value does not fit the dataclass; `where` is its dotted path."""

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        super().__init__(f"'{where}' {problem}")


def decode(cls: type[T], value: object, where: str = "") -> T:
    """Build `cls` from a JSON object.

    Keys that `cls` does not know are left out, so that a later writer may add some within one schema.

    Raises:
        DecodeError: A field is missing or has a value of another kind.
    """
    if not isinstance(value, dict):
        raise DecodeError(where or cls.__name__, "is not an object")
    hints = get_type_hints(cls)
    arguments = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        path = f"{where}.{field.name}" if where else field.name
        if field.name not in value:
            raise DecodeError(path, "is missing")
        arguments[field.name] = _decode_value(hints[field.name], value[field.name], path)
    return cls(**arguments)


def _decode_value(kind: Any, value: object, where: str) -> object:  # noqa: ANN401
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return decode(kind, value, where)
    origin = get_origin(kind)
    if origin is Union:
        return _decode_optional(kind, value, where)
    if origin is tuple:
        return _decode_tuple(get_args(kind), value, where)
    if origin is dict:
        return _decode_dict(get_args(kind), value, where)
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise DecodeError(where, f"is {value!r}, not of type {getattr(kind, '__name__', kind)}")


def _decode_optional(kind: Any, value: object, where: str) -> object:  # noqa: ANN401
    inner = next(arg for arg in get_args(kind) if arg is not type(None))
    return None if value is None else _decode_value(inner, value, where)


def _decode_tuple(args: tuple[Any, ...], value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, (list, tuple)):
        raise DecodeError(where, "is not a list")
    kinds = (args[0],) * len(value) if args[-1] is Ellipsis else args
    if len(kinds) != len(value):
        raise DecodeError(where, f"has {len(value)} items, not {len(kinds)}")
    return tuple(_decode_value(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value)))


def _decode_dict(args: tuple[Any, ...], value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise DecodeError(where, "is not an object")
    return {str(key): _decode_value(args[1], item, f"{where}.{key}") for key, item in value.items()}
