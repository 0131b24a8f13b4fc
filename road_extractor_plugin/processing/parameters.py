"""Parameters that several algorithms share, and the values of the contract that they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterDistance,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
    QgsUnitTypes,
)
from qgis.PyQt.QtCore import QT_TRANSLATE_NOOP

from road_extractor_plugin.contract.model_file import MODEL_PATTERNS
from road_extractor_plugin.contract.request import TraceOptions
from road_extractor_plugin.contract.trace_settings import PRESETS
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.processing.algorithm import tr

MODEL, THRESHOLD, PRESET, DEVICE, RESOLUTION = "MODEL", "THRESHOLD", "PRESET", "DEVICE", "GROUND_RESOLUTION"
PROBABILITY, MASK = "PROBABILITY", "MASK"
CENTERLINES, NODES, POLYGONS = "CENTERLINES", "NODES", "POLYGONS"

_PRESET_NAMES = sorted(PRESETS)
_REAL = QgsProcessingParameterNumber.Type.Double
_DISTANCES = {
    "SIMPLIFY": ("simplify_m", QT_TRANSLATE_NOOP("RoadAlgorithm", "Lines stay this close to the traced pixels")),
    "MIN_SPUR": ("min_spur_m", QT_TRANSLATE_NOOP("RoadAlgorithm", "Shortest dead end to keep")),
    "MAX_GAP": ("max_gap_m", QT_TRANSLATE_NOOP("RoadAlgorithm", "Longest gap that is bridged (0 bridges none)")),
    "MIN_COMPONENT": ("min_component_m", QT_TRANSLATE_NOOP("RoadAlgorithm", "Least road of a separate network")),
}
_AREAS = {
    "MIN_AREA": ("min_area_m2", QT_TRANSLATE_NOOP("RoadAlgorithm", "Smallest piece of road surface, in square metres")),
    "MAX_HOLE": (
        "max_hole_m2",
        QT_TRANSLATE_NOOP("RoadAlgorithm", "Largest hole in it that is filled, in square metres"),
    ),
}
VECTOR_LAYERS = {CENTERLINES: "centerlines", NODES: "nodes", POLYGONS: "polygons"}
"""Sinks, and the layer of the GeoPackage that goes into each."""


def model_parameter() -> QgsProcessingParameterDefinition:
    """A model file; nothing is the bundled one."""
    file_filter = tr("Road Extractor models ({})").format(MODEL_PATTERNS)
    return QgsProcessingParameterFile(
        MODEL, tr("Model (empty: the bundled one)"), optional=True, fileFilter=file_filter
    )


def model_path(algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> Path:
    """The model that the parameter names, or the bundled one."""
    text = algorithm.parameterAsFile(parameters, MODEL, context)
    return Path(text) if text else default_model()


def threshold_parameter() -> QgsProcessingParameterDefinition:
    """Probability of road."""
    return QgsProcessingParameterNumber(
        THRESHOLD, tr("Threshold of probability (empty: the model's)"), _REAL, None, True, 0.0, 1.0
    )


def device_parameter() -> QgsProcessingParameterDefinition:
    """What the network runs on."""
    return QgsProcessingParameterString(
        DEVICE, tr("Device (auto, cpu, openvino, cuda, tensorrt, directml, coreml)"), "auto"
    )


def resolution_parameter() -> QgsProcessingParameterDefinition:
    """For rasters that do not say it."""
    label = tr("Metres per pixel of a raster without a coordinate reference system")
    return QgsProcessingParameterNumber(RESOLUTION, label, _REAL, None, True, 0.001, 1000.0)


def preset_parameter() -> QgsProcessingParameterDefinition:
    """Settings of the lines for a kind of place."""
    return QgsProcessingParameterEnum(PRESET, tr("Kind of place"), _PRESET_NAMES, optional=True)


def line_parameters() -> list[QgsProcessingParameterDefinition]:
    """Settings of the lines; nothing is the preset's or the default."""
    made: list[QgsProcessingParameterDefinition] = []
    for name, (_, label) in _DISTANCES.items():
        distance = QgsProcessingParameterDistance(name, tr(label), None, "", True, 0.0)
        distance.setDefaultUnit(QgsUnitTypes.DistanceUnit.DistanceMeters)
        made.append(distance)
    made += [
        QgsProcessingParameterNumber(name, tr(label), _REAL, None, True, 0.0) for name, (_, label) in _AREAS.items()
    ]
    return made


def optional_number(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> Optional[float]:
    """A number, or None where nothing was given."""
    if parameters.get(name) is None:
        return None
    return float(algorithm.parameterAsDouble(parameters, name, context))


def trace_options(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> TraceOptions:
    """What threshold, preset and settings of the lines say."""
    has_preset = parameters.get(PRESET) is not None
    given = {
        field: optional_number(algorithm, parameters, name, context)
        for name, (field, _) in {**_DISTANCES, **_AREAS}.items()
    }
    return TraceOptions(
        preset=_PRESET_NAMES[algorithm.parameterAsEnum(parameters, PRESET, context)] if has_preset else None,
        threshold=optional_number(algorithm, parameters, THRESHOLD, context),
        **given,
    )


def vector_sinks() -> list[QgsProcessingParameterDefinition]:
    """Where the layers of the network go; the centre-lines are the main thing."""
    line, point, polygon = QgsProcessing.TypeVectorLine, QgsProcessing.TypeVectorPoint, QgsProcessing.TypeVectorPolygon
    return [
        QgsProcessingParameterFeatureSink(CENTERLINES, tr("Centre-lines"), line),
        QgsProcessingParameterFeatureSink(NODES, tr("Nodes"), point, None, True, False),
        QgsProcessingParameterFeatureSink(POLYGONS, tr("Road polygons"), polygon, None, True, False),
    ]


def raster_destinations(*names: str) -> list[QgsProcessingParameterDefinition]:
    """Where rasters go."""
    labels = {PROBABILITY: tr("Road probability"), MASK: tr("Road mask")}
    made = []
    for name in names:
        destination = QgsProcessingParameterRasterDestination(name, labels[name], None, True)
        destination.setCreateByDefault(name == PROBABILITY)
        made.append(destination)
    return made
