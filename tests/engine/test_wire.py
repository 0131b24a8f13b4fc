"""Messages arrive as they were sent; what is no message is refused."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from road_extractor_plugin.contract import errors
from road_extractor_plugin.contract.road_graph import BRIDGED, RoadEdge, RoadGraph
from road_extractor_plugin.engine.graph_wire import graph_of, graph_parts
from road_extractor_plugin.engine.wire import (
    MAX_HEADER_BYTES,
    Message,
    TruncatedError,
    WireError,
    error_values,
    receive,
    restored_error,
    send,
)

DTYPES = ("<f2", "<f4", "<f8", "<i8", "|u1", "|b1")
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, min_side=0, max_side=5))
)
VALUES = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))


def sent(message: Message) -> bytes:
    stream = io.BytesIO()
    send(stream, message)
    return stream.getvalue()


@given(kind=st.text(), number=st.integers(0), values=VALUES, arrays=st.lists(ARRAYS, max_size=3))
def test_round_trip(kind: str, number: int, values: dict[str, Any], arrays: list[np.ndarray]) -> None:
    stream = io.BytesIO(2 * sent(Message(kind, number, values, tuple(arrays))))
    for _ in range(2):
        got = receive(stream)
        assert got is not None
        assert (got.kind, got.request, got.values) == (kind, number, values)
        assert [array.dtype for array in got.arrays] == [array.dtype for array in arrays]
        for mine, theirs in zip(arrays, got.arrays):
            np.testing.assert_array_equal(mine, theirs)
    assert receive(stream) is None


def test_views_are_sent_in_their_order() -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)[::2]
    got = receive(io.BytesIO(sent(Message("x", 1, {}, (array,)))))
    assert got is not None
    np.testing.assert_array_equal(got.arrays[0], array)


@given(cut=st.integers(1, 200))
def test_broken_off_anywhere(cut: int) -> None:
    whole = sent(Message("predict", 1, {"a": "b"}, (np.arange(30, dtype=np.float32),)))
    with pytest.raises(TruncatedError):
        receive(io.BytesIO(whole[: -min(cut, len(whole) - 1)]))


def header(**changes: Any) -> bytes:
    value = {"kind": "x", "request": 1, "values": {}, "arrays": [{"dtype": "<f4", "shape": [1]}], **changes}
    return json.dumps(value).encode() + b"\n" + bytes(4)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"Warning: something of a library\n", "Warning: something of a library"),
        (b"\xff\xfe\x00\n", "cannot be understood"),
        (b"[1, 2]\n", "is not an object"),
        (b"17\n", "is not an object"),
        (b"[" * 100_000 + b"\n", "cannot be understood"),
        (b"x" * (MAX_HEADER_BYTES + 5), "1,000,000 bytes without the end of a line"),
        (header(kind=3), "'kind' is 3"),
        (header(values=[]), "'values' is not an object"),
        (header(arrays=[{"dtype": "|O", "shape": [1]}]), r"an array of type '\|O'"),
        (header(arrays=[{"dtype": ">f4", "shape": [1]}]), "an array of type '>f4'"),
        (header(arrays=[{"dtype": "<f4", "shape": [-1]}]), r"an array of shape \(-1,\)"),
        (header(arrays=[{"dtype": "<f4", "shape": [10**6, 10**6]}]), "arrays of 4,000,000 MB"),
    ],
    ids=[
        "print",
        "bytes",
        "list",
        "number",
        "deep",
        "endless",
        "kind",
        "values",
        "pickle",
        "order",
        "negative",
        "huge",
    ],
)
def test_no_message(data: bytes, told: str) -> None:
    with pytest.raises(WireError, match=told) as caught:
        receive(io.BytesIO(data))
    assert not isinstance(caught.value, TruncatedError)


@pytest.mark.parametrize(
    "error",
    [
        errors.Cancelled(),
        errors.ComputeError("It failed", "Try again"),
        errors.RequestError("device", "abacus", "one of auto, cpu"),
        errors.ModelUnreadableError(Path("a.onnx"), "broken"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_keep_class_and_text(error: errors.RoadExtractorError) -> None:
    got = restored_error(json.loads(json.dumps(error_values(error))))
    assert (type(got), str(got)) == (type(error), str(error))


@pytest.mark.parametrize("name", ["OSError", "Path", "annotations", "__doc__", "", None])
def test_other_classes_are_not_made(name: str | None) -> None:
    got = restored_error({"class": name, "text": "what it says"})
    assert (type(got), str(got)) == (errors.ComputeError, "what it says")


def a_graph() -> RoadGraph:
    first = RoadEdge(0, 1, np.array([[0.5, 1.5], [3.25, 1.0 / 3.0]]), 7.1, 0.9, 0.1 + 0.2)
    second = dataclasses.replace(first, to_node=0, points=np.arange(8.0).reshape(4, 2), origin=BRIDGED, crossing=True)
    return RoadGraph(np.array([[0.5, 1.5], [3.25, 1.0 / 3.0]]), (first, second))


@pytest.mark.parametrize("graph", [a_graph(), RoadGraph(np.empty((0, 2)), ())], ids=["two edges", "empty"])
def test_every_field_of_a_graph_arrives(graph: RoadGraph) -> None:
    values, arrays = graph_parts(graph)
    message = receive(io.BytesIO(sent(Message("done", 1, values, tuple(arrays)))))
    assert message is not None
    got = graph_of(message.values, message.arrays)
    np.testing.assert_array_equal(got.nodes, graph.nodes)
    assert len(got.edges) == len(graph.edges)
    for mine, theirs in zip(graph.edges, got.edges):
        for field in dataclasses.fields(RoadEdge):
            expected, value = getattr(mine, field.name), getattr(theirs, field.name)
            assert type(value) is type(expected), field.name
            np.testing.assert_array_equal(value, expected)


def test_parts_of_no_graph() -> None:
    values, arrays = graph_parts(a_graph())
    with pytest.raises(WireError, match="no road graph"):
        graph_of(values, arrays[:-1])
