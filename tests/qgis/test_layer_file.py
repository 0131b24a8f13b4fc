"""Which layers the engine can read, and what is said of the others."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest
from osgeo import gdal
from qgis.core import QgsRasterLayer

from road_extractor_plugin.bridge.layer_file import layer_file
from road_extractor_plugin.contract.errors import RasterUnusableError


def test_plain_file(add_layer: Any, tmp_path: Path) -> None:
    assert layer_file(add_layer()) == tmp_path / "scene.tif"


def _zipped(raster: Path) -> str:
    with zipfile.ZipFile(raster.with_suffix(".zip"), "w") as archive:
        archive.write(raster, raster.name)
    return f"/vsizip/{raster.with_suffix('.zip')}/{raster.name}"


def _in_geopackage(raster: Path) -> str:
    gdal.Translate(str(raster.with_suffix(".gpkg")), str(raster), format="GPKG", creationOptions=["RASTER_TABLE=scene"])
    return f"GPKG:{raster.with_suffix('.gpkg')}:scene"


def _overview(raster: Path) -> str:
    return f"{raster}|option:NUM_THREADS=1"


@pytest.mark.parametrize("source_of", [_zipped, _in_geopackage, _overview], ids=["archive", "part", "opening option"])
def test_not_a_whole_file(source_of: Callable[[Path], str], add_layer: Any, tmp_path: Path) -> None:
    add_layer()
    layer = QgsRasterLayer(source_of(tmp_path / "scene.tif"), "odd")
    assert layer.isValid()
    with pytest.raises(RasterUnusableError, match="'odd' is not a whole raster file"):
        layer_file(layer)


def test_broken_layer() -> None:
    with pytest.raises(RasterUnusableError, match="'gone' is a broken layer"):
        layer_file(QgsRasterLayer("/nowhere/x.tif", "gone"))


def test_file_removed_after_loading(add_layer: Any, tmp_path: Path) -> None:
    layer = add_layer()
    (tmp_path / "scene.tif").unlink()
    with pytest.raises(RasterUnusableError, match="is not a whole raster file"):
        layer_file(layer)


def test_without_crs(add_layer: Any) -> None:
    with pytest.raises(RasterUnusableError, match="no coordinate reference system in its file"):
        layer_file(add_layer(epsg=None))
