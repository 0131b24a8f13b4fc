"""Comparing a result with a reference: two masks by their pixels, or two road networks by their lines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.metrics import topo
from road_extractor_plugin.compute.metrics.apls import (
    CITY_TILES,
    COSMIQ,
    SMALL_TILE_M,
    SMALL_TILES,
    apls_cosmiq,
    apls_sat2graph,
)
from road_extractor_plugin.compute.metrics.buffered_length import buffered_length
from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph
from road_extractor_plugin.compute.metrics.segmentation import SegmentationCounts, count
from road_extractor_plugin.compute.metrics.skeletons import count_skeletons
from road_extractor_plugin.contract.errors import ComparisonError
from road_extractor_plugin.core.gdal_binding import gdal, quiet_gdal
from road_extractor_plugin.core.line_file import local_metres, read_lines
from road_extractor_plugin.core.mask_file import ROAD, UNKNOWN, labels_on_grid_of, read_mask

Mask = npt.NDArray[np.bool_]

_RELAXED_PX = 3
_SKELETON_PX = 4
_BUFFER_M = 3.0


@dataclass(frozen=True)
class Figures:
    """Figures under one protocol."""

    protocol: str
    """What was measured and how, in words."""
    values: dict[str, float]
    """By name; 0..1."""


@dataclass(frozen=True)
class Comparison:
    """How well a prediction agrees with a reference."""

    prediction: str
    reference: str
    amount: dict[str, float]
    """How much was compared, by name with unit."""
    figures: tuple[Figures, ...]


def compare(prediction: Path, reference: Path, valid: Path | None = None) -> Comparison:
    """Compare two rasters or two vector files.

    Rasters are compared on the prediction's pixels; the nearest pixel of the reference is taken. Nodata of either and
    what `valid` excludes counts nowhere. Lines are compared in metres; where lines share a vertex they are connected.

    Args:
        prediction: Mask, probability raster, or vector file with lines.
        reference: The truth, of the same kind.
        valid: A mask, 1 or 255 where rasters are to be compared.

    Raises:
        ComparisonError: A file cannot be read as what it should be, or they do not go together.
        RasterUnreadableError: A raster is broken.
        RasterUnusableError: A raster has no usable bands.
    """
    kinds = [_has_layers(path) for path in (prediction, reference)]
    if all(kinds):
        if valid is not None:
            raise ComparisonError("A valid mask goes with rasters, but the files hold lines", "Leave out --valid")
        return _compare_lines(prediction, reference)
    if any(kinds):
        vector, raster = (prediction, reference) if kinds[0] else (reference, prediction)
        remedy = "Burn the lines with gdal_rasterize, or trace the raster with `vectorize`, and compare like with like"
        raise ComparisonError(f"'{vector}' holds lines and '{raster}' pixels", remedy)
    return _compare_masks(prediction, reference, valid)


def _has_layers(path: Path) -> bool:
    """Whether a file is a vector file; one that cannot be opened is left to the reading of rasters."""
    with quiet_gdal():
        try:
            dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
        except RuntimeError:
            return False
        return int(dataset.GetLayerCount()) > 0


def _compare_masks(prediction: Path, reference: Path, valid: Path | None) -> Comparison:
    target = read_mask(prediction)
    true = labels_on_grid_of(read_mask(reference), target)
    known = (target.labels != UNKNOWN) & (true != UNKNOWN)
    if not known.any():
        problem = f"'{prediction}' and '{reference}' have no pixel in common that both know"
        raise ComparisonError(problem, "Check where they lie, and their nodata values")
    if valid is not None:
        known &= labels_on_grid_of(read_mask(valid), target) == ROAD
        if not known.any():
            raise ComparisonError(f"'{valid}' leaves no pixel to compare", "Give a mask that is 1 where it is valid")
    is_road, is_true_road = target.labels == ROAD, true == ROAD
    amount: dict[str, float] = {
        "compared_px": int(np.count_nonzero(known)),
        "predicted_road_px": int(np.count_nonzero(is_road & known)),
        "reference_road_px": int(np.count_nonzero(is_true_road & known)),
    }
    return Comparison(str(prediction), str(reference), amount, _mask_figures(is_road, is_true_road, known))


def _mask_figures(predicted: Mask, true: Mask, known: Mask) -> tuple[Figures, ...]:
    masks = count(predicted, true, known, _RELAXED_PX)
    skeletons = count_skeletons(predicted, true, known, _SKELETON_PX)
    return (
        Figures(
            "pixels of the road class",
            {"iou": masks.iou, "precision": masks.precision, "recall": masks.recall, "f1": masks.f1},
        ),
        Figures(f"relaxed, masks, within {_RELAXED_PX} px (Euclidean; Mnih & Hinton)", _relaxed(masks)),
        Figures(f"relaxed, skeletons, within {_SKELETON_PX} px (square window; Batra et al.)", _relaxed(skeletons)),
    )


def _relaxed(counts: SegmentationCounts) -> dict[str, float]:
    return {
        "precision": counts.relaxed_precision,
        "recall": counts.relaxed_recall,
        "f1": counts.relaxed_f1,
        "quality": counts.relaxed_iou,
    }


def _compare_lines(prediction: Path, reference: Path) -> Comparison:
    true_lines, lines = local_metres((read_lines(reference), read_lines(prediction)))
    graph, true_graph = MetricGraph.of_lines(lines), MetricGraph.of_lines(true_lines)
    amount = {
        "predicted_km": float(graph.lengths_m.sum()) / 1000,
        "reference_km": float(true_graph.lengths_m.sum()) / 1000,
    }
    return Comparison(str(prediction), str(reference), amount, _line_figures(graph, true_graph))


def _line_figures(prediction: MetricGraph, reference: MetricGraph) -> tuple[Figures, ...]:
    is_small = _side_m(reference) < SMALL_TILE_M
    apls_settings = SMALL_TILES if is_small else CITY_TILES
    topo_settings = topo.SMALL_TILES if is_small else topo.CITY_TILES
    return (
        Figures(
            COSMIQ.in_words,
            asdict(apls_cosmiq(prediction, reference)),
        ),
        Figures(f"{apls_settings.in_words}, no margin", asdict(apls_sat2graph(prediction, reference, apls_settings))),
        Figures(topo_settings.in_words, asdict(topo.topo(prediction, reference, topo_settings))),
        Figures(
            f"length within a buffer of {_BUFFER_M:g} m (Wiedemann et al.)",
            asdict(buffered_length(prediction, reference, _BUFFER_M)),
        ),
    )


def _side_m(graph: MetricGraph) -> float:
    """The longer side of the rectangle around a network."""
    return 0.0 if graph.is_empty else float(np.ptp(graph.lines.points, axis=0).max())
