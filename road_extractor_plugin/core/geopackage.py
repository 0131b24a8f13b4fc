"""The road network as a GeoPackage, ready for routing and styled for QGIS."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.result import MISSING_IMAGERY, RoadCounts
from road_extractor_plugin.contract.road_graph import RoadEdge, RoadGraph
from road_extractor_plugin.core.connected import component_numbers
from road_extractor_plugin.core.gdal_binding import closing, gdal, ogr, osr
from road_extractor_plugin.core.ground import Ground, spatial_reference
from road_extractor_plugin.core.output_errors import writing
from road_extractor_plugin.core.polygons import RoadPolygon
from road_extractor_plugin.core.raster_grid import Bounds

Float64 = npt.NDArray[np.float64]
Row = tuple[bytes, tuple[object, ...]]
"""Geometry as WKB, and the fields in order."""

_STYLES = Path(__file__).parents[1] / "resources" / "styles"
_STYLE_TABLE = "layer_styles"
_GEOMETRY_COLUMN = "geom"
_BYTES_PER_VERTEX = 40
"""In the file, with its share of the rest; only for the message when the disk is full."""


@dataclass(frozen=True)
class _LayerKind:
    name: str
    geometry_type: int
    fields: tuple[tuple[str, int], ...]


_INTEGER, _REAL, _TEXT = ogr.OFTInteger, ogr.OFTReal, ogr.OFTString

_CENTERLINES = _LayerKind(
    "centerlines",
    ogr.wkbLineString,
    (
        ("road_id", _INTEGER),
        ("from_node", _INTEGER),
        ("to_node", _INTEGER),
        ("length_m", _REAL),
        ("width_m", _REAL),
        ("confidence", _REAL),
        ("min_confidence", _REAL),
        ("origin", _TEXT),
        ("component_id", _INTEGER),
        ("crossing", _INTEGER),
    ),
)
_NODES = _LayerKind("nodes", ogr.wkbPoint, (("node_id", _INTEGER), ("degree", _INTEGER)))
_POLYGONS = _LayerKind("polygons", ogr.wkbPolygon, (("area_m2", _REAL), ("confidence", _REAL)))
_MISSING_IMAGERY = _LayerKind(MISSING_IMAGERY, ogr.wkbPolygon, (("reason", _TEXT),))


def write_roads(path: Path, graph: RoadGraph, polygons: Sequence[RoadPolygon], grid: Grid) -> RoadCounts:
    """Write the layers `centerlines`, `nodes` and `polygons`, empty where there are no roads.

    Numbers of roads, nodes and components count from 1 in the order of the graph.

    Args:
        path: File to make.
        graph: In pixels of the grid.
        polygons: In pixels of the grid.
        grid: Says where they lie.

    Raises:
        OutputError: It cannot be written; `DiskFullError` when that is why.
    """
    lines = [_to_crs(edge.points, grid) for edge in graph.edges]
    length_m = Ground.of_grid(grid).line_lengths_m(lines)
    component = _components(graph)
    vertices = sum(map(len, lines)) + sum(len(ring) for polygon in polygons for ring in polygon.rings)
    with writing(path, _BYTES_PER_VERTEX * vertices), _created(path) as dataset:
        dataset.StartTransaction()
        _write_layer(dataset, _CENTERLINES, grid, _line_rows(graph.edges, lines, length_m, component, grid))
        _write_layer(dataset, _NODES, grid, _node_rows(graph, grid))
        _write_layer(dataset, _POLYGONS, grid, _polygon_rows(polygons, grid))
        _write_styles(dataset, (_CENTERLINES, _NODES, _POLYGONS))
        dataset.CommitTransaction()
    return _counts(graph, len(polygons), length_m, component, _pixel_m(grid))


def add_missing_imagery(path: Path, missing: Sequence[tuple[Bounds, str]], grid: Grid) -> None:
    """Add the layer `missing_imagery` to a GeoPackage of roads.

    Args:
        path: What `write_roads` made.
        missing: Rectangles in the grid's CRS without imagery, and why.
        grid: That of the roads.

    Raises:
        OutputError: It cannot be written; `DiskFullError` when that is why.
    """
    corners = [
        np.array([(b.west, b.north), (b.east, b.north), (b.east, b.south), (b.west, b.south), (b.west, b.north)])
        for b, _ in missing
    ]
    rows = (
        (_wkb(ogr.wkbPolygon, struct.pack("<I", 1) + _points_wkb(ring)), (reason,))
        for ring, (_, reason) in zip(corners, missing)
    )
    with writing(path, _BYTES_PER_VERTEX * sum(map(len, corners))), closing(_opened(path)) as dataset:
        dataset.StartTransaction()
        _write_layer(dataset, _MISSING_IMAGERY, grid, rows)
        _add_style(dataset.GetLayerByName(_STYLE_TABLE), MISSING_IMAGERY)
        dataset.CommitTransaction()


def _opened(path: Path) -> gdal.Dataset:
    return gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_UPDATE)


def append_roads(whole: Path, part: Path, components: int) -> None:
    """Put the roads of one GeoPackage of `write_roads` behind those of another, in the CRS of that one.

    Numbers of roads, nodes and components go on behind those that are there.

    Args:
        whole: Grows; where there is no such file, `part` becomes it.
        part: Is gone afterwards.
        components: How many `whole` has.

    Raises:
        OutputError: It cannot be written; `DiskFullError` when that is why.
    """
    if not whole.exists():
        part.replace(whole)
        return
    with writing(whole, part.stat().st_size), closing(gdal.OpenEx(str(part), gdal.OF_VECTOR)) as source:  # noqa: SIM117
        with closing(gdal.OpenEx(str(whole), gdal.OF_VECTOR | gdal.OF_UPDATE)) as target:
            roads, nodes = (target.GetLayerByName(kind.name).GetFeatureCount() for kind in (_CENTERLINES, _NODES))
            before = {"road_id": roads, "from_node": nodes, "to_node": nodes, "node_id": nodes}
            before["component_id"] = components
            target.StartTransaction()
            for kind in (_CENTERLINES, _NODES, _POLYGONS):
                _append_layer(target.GetLayerByName(kind.name), source.GetLayerByName(kind.name), before)
            target.CommitTransaction()
    part.unlink()


def _append_layer(target: ogr.Layer, source: ogr.Layer, before: dict[str, int]) -> None:
    crs, own = target.GetSpatialRef(), source.GetSpatialRef()
    transform = None if crs.IsSame(own) else osr.CoordinateTransformation(own, crs)
    numbers = [field.name for field in source.schema if field.name in before]
    for feature in source:
        copy = ogr.Feature(target.GetLayerDefn())
        copy.SetFrom(feature)
        for name in numbers:
            copy.SetField(name, feature.GetField(name) + before[name])
        if transform is not None:
            copy.GetGeometryRef().Transform(transform)
        target.CreateFeature(copy)


def _created(path: Path) -> AbstractContextManager[gdal.Dataset]:
    return closing(gdal.GetDriverByName("GPKG").Create(str(path), 0, 0, 0, gdal.GDT_Unknown))


def _write_layer(dataset: gdal.Dataset, kind: _LayerKind, grid: Grid, rows: Iterable[Row]) -> None:
    crs = spatial_reference(grid.crs_wkt) if grid.crs_wkt else None
    layer = dataset.CreateLayer(kind.name, crs, kind.geometry_type, [f"GEOMETRY_NAME={_GEOMETRY_COLUMN}"])
    for name, field_type in kind.fields:
        field = ogr.FieldDefn(name, field_type)
        if name == "crossing":
            field.SetSubType(ogr.OFSTBoolean)
        layer.CreateField(field)
    feature = ogr.Feature(layer.GetLayerDefn())
    for wkb, values in rows:
        feature.SetFID(ogr.NullFID)
        for index, value in enumerate(values):
            feature.SetField(index, value)
        feature.SetGeometryDirectly(ogr.CreateGeometryFromWkb(wkb))
        layer.CreateFeature(feature)


def _line_rows(
    edges: Sequence[RoadEdge], lines: Sequence[Float64], length_m: Float64, component: Sequence[int], grid: Grid
) -> Iterable[Row]:
    pixel_m = _pixel_m(grid)
    for index, (edge, line) in enumerate(zip(edges, lines)):
        values = (
            index + 1,
            edge.from_node + 1,
            edge.to_node + 1,
            float(length_m[index]),
            float(edge.width_px * pixel_m),
            float(edge.confidence),
            float(edge.min_confidence),
            edge.origin,
            component[edge.from_node],
            int(edge.crossing),
        )
        yield _wkb(ogr.wkbLineString, _points_wkb(line)), values


def _node_rows(graph: RoadGraph, grid: Grid) -> Iterable[Row]:
    ends = np.array([(edge.from_node, edge.to_node) for edge in graph.edges], dtype=np.int64).ravel()
    degree = np.bincount(ends, minlength=len(graph.nodes))
    for index, place in enumerate(_to_crs(graph.nodes, grid)):
        yield _wkb(ogr.wkbPoint, place.astype("<f8").tobytes()), (index + 1, int(degree[index]))


def _polygon_rows(polygons: Iterable[RoadPolygon], grid: Grid) -> Iterable[Row]:
    for polygon in polygons:
        rings = b"".join(_points_wkb(_to_crs(ring, grid)) for ring in polygon.rings)
        wkb = _wkb(ogr.wkbPolygon, struct.pack("<I", len(polygon.rings)) + rings)
        yield wkb, (polygon.area_m2, polygon.confidence)


def _wkb(geometry_type: int, content: bytes) -> bytes:
    return struct.pack("<BI", 1, geometry_type) + content


def _points_wkb(points: Float64) -> bytes:
    return struct.pack("<I", len(points)) + points.astype("<f8").tobytes()


def _to_crs(points: Float64, grid: Grid) -> Float64:
    x0, x_size, _, y0, _, y_size = grid.geotransform
    return points * (x_size, y_size) + (x0, y0)


def _pixel_m(grid: Grid) -> float:
    """Side of a square of the pixel's ground area."""
    return float(np.sqrt(grid.pixel_size_m[0] * grid.pixel_size_m[1]))


def _components(graph: RoadGraph) -> list[int]:
    """Number of the connected component of each node, from 1 in the order of the nodes."""
    numbers = component_numbers(len(graph.nodes), ((edge.from_node, edge.to_node) for edge in graph.edges))
    return [number + 1 for number in numbers]


def _write_styles(dataset: gdal.Dataset, kinds: Sequence[_LayerKind]) -> None:
    """Store the QML of each layer as its default style, in the table that QGIS looks into."""
    table = dataset.CreateLayer(_STYLE_TABLE, None, ogr.wkbNone, ["FID=id"])
    _add_style_fields(table)
    for kind in kinds:
        _add_style(table, kind.name)


def _add_style(table: ogr.Layer, name: str) -> None:
    feature = ogr.Feature(table.GetLayerDefn())
    for field, value in (
        ("f_table_catalog", ""),
        ("f_table_schema", ""),
        ("f_table_name", name),
        ("f_geometry_column", _GEOMETRY_COLUMN),
        ("styleName", name),
        ("styleQML", (_STYLES / f"{name}.qml").read_text(encoding="utf-8")),
        ("styleSLD", ""),
        ("useAsDefault", 1),
        ("description", "Road Extractor"),
        ("owner", ""),
    ):
        feature.SetField(field, value)
    table.CreateFeature(feature)


def _add_style_fields(table: ogr.Layer) -> None:
    widths = {"f_table_catalog": 256, "f_table_schema": 256, "f_table_name": 256, "f_geometry_column": 256}
    widths.update({"styleName": 30, "styleQML": 0, "styleSLD": 0})
    for name, width in widths.items():
        _add_text_field(table, name, width)
    default = ogr.FieldDefn("useAsDefault", ogr.OFTInteger)
    default.SetSubType(ogr.OFSTBoolean)
    table.CreateField(default)
    for name, width in {"description": 0, "owner": 30, "ui": 30}.items():
        _add_text_field(table, name, width)
    time = ogr.FieldDefn("update_time", ogr.OFTDateTime)
    time.SetDefault("CURRENT_TIMESTAMP")
    table.CreateField(time)


def _add_text_field(table: ogr.Layer, name: str, width: int) -> None:
    field = ogr.FieldDefn(name, ogr.OFTString)
    field.SetWidth(width)
    table.CreateField(field)


def _counts(graph: RoadGraph, polygons: int, length_m: Float64, component: Sequence[int], pixel_m: float) -> RoadCounts:
    total_m = float(length_m.sum())
    share = length_m / total_m if total_m > 0 else length_m
    return RoadCounts(
        centerlines=len(graph.edges),
        nodes=len(graph.nodes),
        polygons=polygons,
        components=max(component, default=0),
        length_km=total_m / 1000,
        mean_width_m=float(share @ [edge.width_px * pixel_m for edge in graph.edges]) if total_m > 0 else 0.0,
        mean_confidence=float(share @ [edge.confidence for edge in graph.edges]) if total_m > 0 else 0.0,
    )
