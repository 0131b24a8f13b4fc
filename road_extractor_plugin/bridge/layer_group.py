"""From the files of a run to a group of styled layers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, Union

from qgis.core import (
    QgsGraduatedSymbolRenderer,
    QgsLayerMetadata,
    QgsLayerTreeGroup,
    QgsMapLayer,
    QgsPalettedRasterRenderer,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from road_extractor_plugin.bridge.numbers import filled
from road_extractor_plugin.contract.errors import OutputError
from road_extractor_plugin.contract.result import (
    MISSING_IMAGERY,
    ExtractResult,
    OutputPaths,
    Report,
    VectorizeReport,
    VectorizeResult,
)

Result = TypeVar("Result", bound=Union[ExtractResult, VectorizeResult])
_LEGEND = (
    QT_TRANSLATE_NOOP("layer_group", "below 50 %"),
    QT_TRANSLATE_NOOP("layer_group", "50 to 70 %"),
    QT_TRANSLATE_NOOP("layer_group", "70 to 85 %"),
    QT_TRANSLATE_NOOP("layer_group", "85 to 100 %"),
    QT_TRANSLATE_NOOP("layer_group", "Road"),
)
"""Words of the styles."""
_STYLES_FOLDER = Path(__file__).resolve().parent.parent / "resources" / "styles"


@dataclass(frozen=True)
class _Part:
    """One layer of the group."""

    layer: QgsMapLayer
    style: str
    """Name of a file in the folder of styles."""
    shown: bool


@dataclass(frozen=True)
class ResultLayers(Generic[Result]):
    """What a run found as layers, open but in no project."""

    result: Result
    parts: tuple[_Part, ...]
    """From the top of the map to its bottom."""


def open_result(result: Result) -> ResultLayers[Result]:
    """Open the files of a run. In another thread than the main one the window of QGIS need not wait for it."""
    parts = _parts(result.paths)
    if isinstance(result, VectorizeResult):
        parts = parts[:-1]  # the probability is the one that it was made from
    elif result.report.imagery is not None and result.report.imagery.missing:
        missing = _vector(result.paths.roads, MISSING_IMAGERY, _tr("Missing imagery"))
        parts = (_Part(missing, MISSING_IMAGERY, shown=True), *parts)
    for part in parts:
        part.layer.moveToThread(QCoreApplication.instance().thread())
    return ResultLayers(result, parts)


def add_result_group(layers: ResultLayers[Result], project: QgsProject) -> QgsLayerTreeGroup:
    """Put what a run found on top of the project's layers; centre-lines and polygons are shown at once.

    Raises:
        OutputError: A file cannot be opened, as when it was removed in the meantime; nothing is added then.
    """
    result, parts = layers.result, layers.parts
    for part in parts:
        if not part.layer.isValid():
            raise OutputError(
                _tr("QGIS cannot open the result '{}'").format(part.layer.source()),
                _tr("Check that it is still there, and run again"),
            )
        _, styled = part.layer.loadNamedStyle(str(_STYLES_FOLDER / f"{part.style}.qml"))
        if not styled:
            raise OutputError(_tr("The style '{}' cannot be read").format(part.style), _tr("Install the plugin again"))
        _translate_legend(part.layer)
        part.layer.setMetadata(_metadata(part.layer, result.report))
    group = project.layerTreeRoot().insertGroup(0, _tr("Roads: {}").format(result.paths.stem))
    group.setExpanded(False)
    for part in parts:
        project.addMapLayer(part.layer, addToLegend=False)
        node = group.addLayer(part.layer)
        node.setItemVisibilityChecked(part.shown)
        node.setExpanded(part.style == "centerlines")
    # QGIS shows a group folded that came empty, until this changes.
    group.setExpanded(True)
    return group


def _translate_legend(layer: QgsMapLayer) -> None:
    """The styles are in English."""
    renderer = layer.renderer()
    if isinstance(renderer, QgsGraduatedSymbolRenderer):
        for index, kind in enumerate(renderer.ranges()):
            renderer.updateRangeLabel(index, _tr(kind.label()))
    elif isinstance(renderer, QgsPalettedRasterRenderer):
        for kind in renderer.classes():
            renderer.setLabel(kind.value, _tr(kind.label))


def _parts(paths: OutputPaths) -> tuple[_Part, ...]:
    """The layers from the top of the map to its bottom."""
    return (
        _Part(_vector(paths.roads, "nodes", _tr("Nodes")), "nodes", shown=False),
        _Part(_vector(paths.roads, "centerlines", _tr("Centre-lines")), "centerlines", shown=True),
        _Part(_vector(paths.roads, "polygons", _tr("Road polygons")), "polygons", shown=True),
        _Part(_raster(paths.mask, _tr("Road mask")), "mask", shown=False),
        _Part(_raster(paths.probability, _tr("Road probability")), "probability", shown=False),
    )


def _vector(path: Path, table: str, name: str) -> QgsVectorLayer:
    options = QgsVectorLayer.LayerOptions(loadDefaultStyle=False)
    return QgsVectorLayer(f"{path}|layername={table}", name, "ogr", options)


def _raster(path: Path, name: str) -> QgsRasterLayer:
    # QGIS would look through all pixels for a style of its own, and keep what it found in a file beside them.
    return QgsRasterLayer(str(path), name, "gdal", QgsRasterLayer.LayerOptions(loadDefaultStyle=False))


def _metadata(layer: QgsMapLayer, report: Report | VectorizeReport) -> QgsLayerMetadata:
    """What the layer is and how it was made."""
    metadata = layer.metadata()
    metadata.setTitle(layer.name())
    source = report.request["raster" if isinstance(report, Report) else "probability"]
    name = source["name"] if isinstance(source, dict) else source
    metadata.setAbstract(_tr("Roads found by Road Extractor in '{raster}'.").format(raster=name))
    made_by = _network_sentences(report) if isinstance(report, Report) else []
    metadata.setHistory([*made_by, *report.warnings])
    return metadata


def _network_sentences(report: Report) -> list[str]:
    return [
        _tr("Model '{name}', version {version}, on {device} ({runtime}).").format(
            name=report.model["name"],
            version=report.model["version"],
            device=report.device.name,
            runtime=report.device.runtime,
        ),
        filled(
            _tr("Imagery of {found:.2f} m per pixel, computed at {grid:.2f} m per pixel."),
            found=report.raster_ground_resolution_m,
            grid=report.grid_ground_resolution_m,
        ),
    ]


def _tr(text: str) -> str:
    return QCoreApplication.translate("layer_group", text)
