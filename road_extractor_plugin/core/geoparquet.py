"""The network of a batch as GeoParquet too, for databases and tools that read tables by the column."""

from __future__ import annotations

from pathlib import Path

from road_extractor_plugin.contract.errors import OutputError
from road_extractor_plugin.core.gdal_binding import closing, gdal
from road_extractor_plugin.core.output_errors import writing

LAYERS = ("centerlines", "nodes", "polygons")
_DRIVER, _SUFFIX = "Parquet", ".parquet"


def require_driver(driver: str = _DRIVER) -> None:
    """See whether GDAL can write the format; that is known before the work begins.

    Raises:
        OutputError: It cannot.
    """
    if gdal.GetDriverByName(driver) is None:
        raise OutputError(
            f"This GDAL ({gdal.VersionInfo('RELEASE_NAME')}) cannot write {driver}",
            "Use one that can, such as that of conda-forge with libgdal-arrow-parquet, or leave the format at gpkg",
        )


def write_layers(roads: Path, driver: str = _DRIVER, suffix: str = _SUFFIX) -> tuple[Path, ...]:
    """Copy each layer of a GeoPackage into a file of its own beside it, `NAME_LAYER.parquet`.

    Features are copied one after another; memory does not grow with their number. Files of an earlier run are replaced
    when the new ones are complete.

    Args:
        roads: GeoPackage of `geopackage.write_roads`.
        driver: GDAL's name of the format.
        suffix: Of the files.

    Raises:
        OutputError: A file cannot be written; `DiskFullError` when that is why.
    """
    paths = tuple(roads.with_name(f"{roads.stem}_{layer}{suffix}") for layer in LAYERS)
    for layer, path in zip(LAYERS, paths):
        fresh = path.with_name(f".{path.name}")
        try:
            with writing(path, roads.stat().st_size), closing(gdal.OpenEx(str(roads), gdal.OF_VECTOR)) as source:
                copy = gdal.VectorTranslate(str(fresh), source, format=driver, layers=[layer], layerName=layer)
                with closing(copy):
                    pass
                fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    return paths
