"""Road networks of a scene, both traced as the plugin traces, and the figures that compare them.

No data set of images and masks says which roads connect. So the reference network is traced from the label's mask by
the same tracer, and what the tracer drops of a prediction (short spurs, small pieces) it drops of the label too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_training.evaluation.prediction import PredictedScene
from road_extractor_plugin.compute.metrics import apls, topo
from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA
from road_extractor_plugin.contract.road_graph import RoadGraph
from road_extractor_plugin.contract.trace_settings import TraceSettings


@dataclass(frozen=True)
class NetworkProtocols:
    """Settings of the figures that depend on how large scenes are."""

    sat2graph: apls.Sat2GraphProtocol
    topo: topo.TopoProtocol

    @staticmethod
    def for_side(side_m: float) -> NetworkProtocols:
        """The published settings for scenes whose longer side is `side_m`."""
        if side_m < apls.SMALL_TILE_M:
            return NetworkProtocols(apls.SMALL_TILES, topo.SMALL_TILES)
        return NetworkProtocols(apls.CITY_TILES, topo.CITY_TILES)

    def in_words(self) -> dict[str, str]:
        """Protocol of each figure that `network_figures` gives."""
        mean = "mean over scenes; prediction and reference traced by the plugin, the reference traced from the mask"
        margin = (
            f"{self.sat2graph.in_words}, control points within {self.sat2graph.margin_m:g} m of the border left out"
        )
        named = {"apls_cosmiq": apls.COSMIQ.in_words, "apls_sat2graph": margin}
        named |= dict.fromkeys(("topo_precision", "topo_recall", "topo_f1"), self.topo.in_words)
        return {name: f"{words}; {mean}" for name, words in named.items()}


@dataclass(frozen=True, eq=False)
class TracedScene:
    """Both networks of a scene, in pixels."""

    predicted: RoadGraph
    reference: RoadGraph


def trace_scene(scene: PredictedScene, thresholds: Thresholds, pixel_m: float) -> TracedScene:
    """Trace a prediction, and its label as if it were one.

    Args:
        scene: At `pixel_m` metres per pixel.
        thresholds: Of the prediction.
        pixel_m: Ground resolution.
    """
    return TracedScene(trace_prediction(scene, thresholds, pixel_m), trace_label(scene, pixel_m))


def trace_prediction(scene: PredictedScene, thresholds: Thresholds, pixel_m: float) -> RoadGraph:
    """The network of a prediction, in pixels."""
    return trace(ArrayRows(scene.probability), TraceSettings(thresholds), (pixel_m, pixel_m)).graph


def trace_label(scene: PredictedScene, pixel_m: float) -> RoadGraph:
    """The network of a label, traced as if it were a prediction that is certain, in pixels."""
    label = np.where(scene.valid, scene.road * np.uint8(CERTAIN), np.uint8(NODATA))
    certain = TraceSettings(Thresholds(high=1.0, low=1.0))
    return trace(ArrayRows(label), certain, (pixel_m, pixel_m)).graph


def network_figures(
    traced: TracedScene, shape: tuple[int, int], pixel_m: float, protocols: NetworkProtocols
) -> dict[str, float]:
    """Figures of one scene by name, 0..1.

    Args:
        traced: The networks.
        shape: Height and width of the scene in pixels.
        pixel_m: Ground resolution.
        protocols: Settings.
    """
    prediction, reference = _in_metres(traced.predicted, pixel_m), _in_metres(traced.reference, pixel_m)
    region = (0.0, 0.0, shape[1] * pixel_m, shape[0] * pixel_m)
    walked = topo.topo(prediction, reference, protocols.topo)
    return {
        "apls_cosmiq": apls.apls_cosmiq(prediction, reference).score,
        "apls_sat2graph": apls.apls_sat2graph(prediction, reference, protocols.sat2graph, region).score,
        "topo_precision": walked.precision,
        "topo_recall": walked.recall,
        "topo_f1": walked.f1,
    }


def _in_metres(graph: RoadGraph, pixel_m: float) -> MetricGraph:
    return MetricGraph.of_lines([edge.points * pixel_m for edge in graph.edges])
