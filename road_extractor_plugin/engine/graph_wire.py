"""A road graph as the values and arrays of a message."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from road_extractor_plugin.contract.road_graph import RoadEdge, RoadGraph
from road_extractor_plugin.engine.wire import Array, WireError

_COLUMNS = tuple(field for field in dataclasses.fields(RoadEdge) if field.name != "points")
_DTYPES: Mapping[object, type] = {"int": np.int64, "float": np.float64, "bool": np.bool_, "str": np.int64}
"""Per annotation; a text is sent as the number of one of the few texts that there are."""


def graph_parts(graph: RoadGraph) -> tuple[dict[str, Any], list[Array]]:
    """Values and arrays that hold a graph.

    Returns:
        Per field that is a text, the texts that occur; and the nodes, the points of all edges one after another, the
        number of points per edge, and one array for each other field of `RoadEdge`, in their order.
    """
    texts: dict[str, list[str]] = {}
    columns: list[Array] = []
    for field in _COLUMNS:
        cells = [getattr(edge, field.name) for edge in graph.edges]
        if field.type == "str":
            known = texts[field.name] = sorted(set(cells))
            cells = [known.index(cell) for cell in cells]
        columns.append(np.array(cells, dtype=_DTYPES[field.type]))
    counts = np.array([len(edge.points) for edge in graph.edges], dtype=np.int64)
    points = np.concatenate([np.empty((0, 2)), *(edge.points for edge in graph.edges)])
    return {"texts": texts}, [graph.nodes, points, counts, *columns]


def graph_of(values: Mapping[str, Any], arrays: Sequence[Array]) -> RoadGraph:
    """The graph again, bit for bit.

    Raises:
        WireError: These are not the parts of a graph.
    """
    try:
        nodes, points, counts, *columns = arrays
        cells = {
            field.name: _cells(column, values["texts"].get(field.name)) for field, column in zip(_COLUMNS, columns)
        }
        rows = zip(np.split(points, np.cumsum(counts)[:-1]), *(cells[field.name] for field in _COLUMNS))
        names = ["points", *cells]
        return RoadGraph(nodes, tuple(RoadEdge(**dict(zip(names, row))) for row in rows))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise WireError(f"no road graph: {error}") from error


def _cells(column: Array, texts: Sequence[str] | None) -> list[Any]:
    cells: list[Any] = column.tolist()
    return cells if texts is None else [texts[cell] for cell in cells]
