"""The network of a batch as GeoParquet too, for databases and tools that read tables by the column."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from road_extractor_plugin.contract.errors import OutputError
from road_extractor_plugin.core.gdal_binding import closing, gdal, ogr
from road_extractor_plugin.core.output_errors import writing

LAYERS = ("centerlines", "nodes", "polygons")
_GEOMETRY = "geometry"
_GEOMETRY_TYPES = {ogr.wkbPoint: "Point", ogr.wkbLineString: "LineString", ogr.wkbPolygon: "Polygon"}
_TYPES = {ogr.OFTInteger: "int32", ogr.OFTReal: "float64", ogr.OFTString: "string"}
"""Names of pyarrow for types of OGR."""
_ROWS_AT_ONCE = 10_000


def require_pyarrow() -> None:
    """See whether the format can be written; that is known before the work begins.

    Raises:
        OutputError: It cannot.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise OutputError(
            f"GeoParquet needs the library 'pyarrow', which cannot be loaded ({error})",
            f"Install it: '{sys.executable}' -m pip install pyarrow, or leave the format at gpkg",
        ) from error


def write_layers(roads: Path) -> tuple[Path, ...]:
    """Copy each layer of a GeoPackage into a file of its own beside it, `NAME_LAYER.parquet` (GeoParquet 1.1).

    Some features are in memory at a time. Files of an earlier run are replaced when the new ones are complete.

    Args:
        roads: GeoPackage of `geopackage.write_roads`.

    Raises:
        OutputError: A file cannot be written; `DiskFullError` when that is why.
    """
    paths = tuple(roads.with_name(f"{roads.stem}_{layer}.parquet") for layer in LAYERS)
    for layer, path in zip(LAYERS, paths):
        fresh = path.with_name(f".{path.name}")
        try:
            with writing(path, roads.stat().st_size), closing(gdal.OpenEx(str(roads), gdal.OF_VECTOR)) as source:
                _write(source.GetLayerByName(layer), fresh)
                fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    return paths


def _write(layer: ogr.Layer, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    definition = layer.GetLayerDefn()
    fields = [definition.GetFieldDefn(index) for index in range(definition.GetFieldCount())]
    columns = {field.GetName(): pa.type_for_alias(_type_name(field)) for field in fields}
    schema = pa.schema({**columns, _GEOMETRY: pa.binary()}, {"geo": json.dumps(_metadata(layer))})
    rows = ({**feature.items(), _GEOMETRY: bytes(feature.GetGeometryRef().ExportToIsoWkb())} for feature in layer)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for some in _some(rows):
            writer.write_batch(pa.RecordBatch.from_pylist(some, schema=schema))


def _type_name(field: ogr.FieldDefn) -> str:
    """Of pyarrow."""
    return "bool" if field.GetSubType() == ogr.OFSTBoolean else _TYPES[field.GetType()]


def _some(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        yield some


def _metadata(layer: ogr.Layer) -> dict[str, Any]:
    """What makes a Parquet file a GeoParquet file: https://geoparquet.org/releases/v1.1.0."""
    crs = layer.GetSpatialRef()
    column = {
        "encoding": "WKB",
        "geometry_types": [_GEOMETRY_TYPES[layer.GetGeomType()]],
        "crs": json.loads(crs.ExportToPROJJSON()) if crs is not None else None,  # left out would mean degrees
    }
    if layer.GetFeatureCount():
        west, east, south, north = layer.GetExtent()
        column["bbox"] = [west, south, east, north]
    return {"version": "1.1.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: column}}
