"""All figures of two masks or of two road networks, one protocol after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Callable

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
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.contract.comparison import Figures, Measured
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled

Mask = npt.NDArray[np.bool_]
Step = tuple[str, Callable[[], dict[str, float]]]
"""A protocol in words, and what measures by it."""

_RELAXED_PX = 3
_SKELETON_PX = 4
_BUFFER_M = 3.0


class LocalMeter:
    """Measures where it is called."""

    def measure_masks(self, predicted: Mask, true: Mask, feedback: Feedback) -> Measured:
        """See `Meter.measure_masks`."""
        amount: dict[str, float] = {
            "predicted_road_px": int(np.count_nonzero(predicted)),
            "reference_road_px": int(np.count_nonzero(true)),
        }
        return Measured(amount, _measured(_mask_steps(predicted, true), feedback))

    def measure_lines(self, prediction: Polylines, reference: Polylines, feedback: Feedback) -> Measured:
        """See `Meter.measure_lines`."""
        graph, true_graph = MetricGraph.of_lines(prediction.split()), MetricGraph.of_lines(reference.split())
        amount = {
            "predicted_km": float(graph.lengths_m.sum()) / 1000,
            "reference_km": float(true_graph.lengths_m.sum()) / 1000,
        }
        return Measured(amount, _measured(_line_steps(graph, true_graph), feedback))


def _measured(steps: Sequence[Step], feedback: Feedback) -> tuple[Figures, ...]:
    figures = []
    for done, (protocol, measure) in enumerate(steps):
        stop_if_cancelled(feedback)
        feedback.progress(done / len(steps), protocol)
        figures.append(Figures(protocol, measure()))
    return tuple(figures)


def _mask_steps(predicted: Mask, true: Mask) -> tuple[Step, ...]:
    return (
        ("pixels of the road class", lambda: _plain(count(predicted, true, None, 0))),
        (
            f"relaxed, masks, within {_RELAXED_PX} px (Euclidean; Mnih & Hinton)",
            lambda: _relaxed(count(predicted, true, None, _RELAXED_PX)),
        ),
        (
            f"relaxed, skeletons, within {_SKELETON_PX} px (square window; Batra et al.)",
            lambda: _relaxed(count_skeletons(predicted, true, None, _SKELETON_PX)),
        ),
    )


def _plain(counts: SegmentationCounts) -> dict[str, float]:
    return {"iou": counts.iou, "precision": counts.precision, "recall": counts.recall, "f1": counts.f1}


def _relaxed(counts: SegmentationCounts) -> dict[str, float]:
    return {
        "precision": counts.relaxed_precision,
        "recall": counts.relaxed_recall,
        "f1": counts.relaxed_f1,
        "quality": counts.relaxed_iou,
    }


def _line_steps(prediction: MetricGraph, reference: MetricGraph) -> tuple[Step, ...]:
    is_small = _side_m(reference) < SMALL_TILE_M
    apls_settings = SMALL_TILES if is_small else CITY_TILES
    topo_settings = topo.SMALL_TILES if is_small else topo.CITY_TILES
    return (
        (COSMIQ.in_words, lambda: asdict(apls_cosmiq(prediction, reference))),
        (
            f"{apls_settings.in_words}, no margin",
            lambda: asdict(apls_sat2graph(prediction, reference, apls_settings)),
        ),
        (topo_settings.in_words, lambda: asdict(topo.topo(prediction, reference, topo_settings))),
        (
            f"length within a buffer of {_BUFFER_M:g} m (Wiedemann et al.)",
            lambda: asdict(buffered_length(prediction, reference, _BUFFER_M)),
        ),
    )


def _side_m(graph: MetricGraph) -> float:
    """The longer side of the rectangle around a network."""
    return 0.0 if graph.is_empty else float(np.ptp(graph.lines.points, axis=0).max())
