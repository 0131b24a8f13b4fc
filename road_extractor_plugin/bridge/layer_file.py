"""From a raster layer to the file that the engine reads."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProviderRegistry, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication

from road_extractor_plugin.contract.errors import RasterUnusableError


def layer_file(layer: QgsRasterLayer, *, needs_crs: bool = True) -> Path:
    """The file of a layer.

    The engine opens the file by itself, so a layer must be one plain file and nothing beside it:

    1. the layer is valid;
    2. it is read by GDAL, not from a web service or a database;
    3. it is a whole file on this computer: no part of one, no archive, no remote file, no opening options;
    4. the file itself says which coordinate reference system it has, where that is needed.

    Raises:
        RasterUnusableError: A rule is broken; the message says what to do instead.
    """
    if not layer.isValid():  # Rule 1
        raise RasterUnusableError(
            layer.name(), _tr("is a broken layer"), _tr("Repair its data source, or choose another layer")
        )
    if layer.providerType() != "gdal":  # Rule 2
        raise RasterUnusableError(
            layer.name(),
            _tr("is no raster file but a web service or database ('{}')").format(layer.providerType()),
            _tr("Choose a raster file, or save it as a GeoTIFF (Export > Save As)"),
        )
    parts = QgsProviderRegistry.instance().decodeUri("gdal", layer.source())
    path = Path(parts["path"])
    if any(parts.get(key) for key in ("layerName", "vsiPrefix", "openOptions")) or not path.exists():  # Rule 3
        raise RasterUnusableError(
            layer.name(),
            _tr("is not a whole raster file on this computer ({})").format(layer.source()),
            _tr("Save it as a GeoTIFF (Export > Save As) and choose that"),
        )
    if needs_crs and not layer.dataProvider().crs().isValid():  # Rule 4
        raise RasterUnusableError(
            layer.name(),
            _tr("has no coordinate reference system in its file"),
            _tr("Write one into the file with Raster > Projections > Assign Projection"),
        )
    return path


def can_be_rendered(layer: QgsRasterLayer) -> bool:
    """Whether a layer that is no plain file shows something on the map: it has a place, and its file is not gone."""
    if not layer.isValid() or not layer.crs().isValid():
        return False
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return layer.providerType() != "gdal" or not parts.get("path") or Path(parts["path"]).exists()


def _tr(text: str) -> str:
    return QCoreApplication.translate("layer_file", text)
