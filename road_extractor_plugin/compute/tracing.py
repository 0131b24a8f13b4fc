"""From a probability raster to the mask and the road graph."""

from __future__ import annotations

import math
from typing import Callable

import numpy as np

from road_extractor_plugin.compute.bridging import bridge_gaps
from road_extractor_plugin.compute.confidence import confidence_along
from road_extractor_plugin.compute.crossings import merge_shallow_crossings
from road_extractor_plugin.compute.dead_ends import drawn_to_mask_end
from road_extractor_plugin.compute.gap_route import Evidence
from road_extractor_plugin.compute.graph_rules import drop_small_components, merge_junctions, prune_forks, prune_spurs
from road_extractor_plugin.compute.network import Network, measured
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.raster_rows import RasterRows, RowsInTheMaking, Strips
from road_extractor_plugin.compute.simplify import simplified
from road_extractor_plugin.compute.skeleton_network import skeleton_network
from road_extractor_plugin.compute.threshold import fill_small_holes, hysteresis
from road_extractor_plugin.compute.traced import Traced
from road_extractor_plugin.contract.feedback import Feedback, SilentFeedback, stop_if_cancelled
from road_extractor_plugin.contract.road_graph import BRIDGED, DETECTED, RoadEdge, RoadGraph
from road_extractor_plugin.contract.trace_settings import TraceSettings

MIN_TOLERANCE_PX = 0.3
"""Lines are simplified by at least this much: the pixels say nothing finer."""

_FINDING = "finding road lines"
_FOUND = 0.6
"""Progress when they are found, about as the times are."""


def trace(
    probability: RasterRows,
    settings: TraceSettings,
    pixel_size_m: tuple[float, float],
    feedback: Feedback | None = None,
    strip_rows: int | None = None,
) -> Traced:
    """Trace the roads of a probability raster.

    See `Tracing` for the steps, the arguments and the errors.

    Returns:
        Graph and mask; the same input always gives the same output, order included.
    """
    tracing = Tracing(probability, settings, pixel_size_m, feedback, strip_rows)
    return Traced(tracing.graph(), tracing.mask)


class Tracing:
    """The tracing of a probability raster: its mask first, then its graph.

    Per pixel, strip by strip: hysteresis threshold, clean mask, thinning, widths, links. On the graph: the rules of
    `graph_rules.py`, dead ends drawn out to the end of the mask, lines simplified, confidence. Each strip is asked for
    once and goes through all that is done per pixel before the next one is, so the raster may still be in the making.
    Memory is that of a strip, of the mask, compressed, and of the graph.

    Args:
        probability: 0..254 = 0..1, 255 nodata.
        settings: In metres; lengths in pixels are found with the geometric mean of the pixel's sides.
        pixel_size_m: Metres on the ground per pixel, in x and in y.
        feedback: Told how far the tracing is, and asked whether to stop.
        strip_rows: What is worked on at a time; it does not change the result. By default see `Strips.of`.

    Raises:
        Cancelled: The user asked for it.
    """

    def __init__(
        self,
        probability: RasterRows,
        settings: TraceSettings,
        pixel_size_m: tuple[float, float],
        feedback: Feedback | None = None,
        strip_rows: int | None = None,
    ) -> None:
        self._probability, self._settings, self._feedback = probability, settings, feedback or SilentFeedback()
        self._pixel_m = math.sqrt(pixel_size_m[0] * pixel_size_m[1])
        strips = Strips.of(probability, strip_rows, self._feedback)
        self._report(0.0, _FINDING)
        # A strip of the mask waits until the next one is known, so these are shorter; thinning pays for short ones.
        self.mask = road_mask(probability, settings, self._pixel_m, strips.halved())
        """1 road, 0 none, 255 nodata; complete."""
        self._skeleton = skeleton_network(self.mask, strips, lambda share: self._report(_FOUND * share, _FINDING))

    def graph(self) -> RoadGraph:
        """The graph; the same input always gives the same, order included.

        Raises:
            Cancelled: The user asked for it.
        """
        self._report(_FOUND, "cleaning the road network")
        network = self._skeleton
        for rule in self._rules():
            stop_if_cancelled(self._feedback)  # of a large network each rule takes a while
            network = rule(network)
        self._report(0.8, "drawing road lines")
        lines, meeting = simplified(network.lines(), max(self._settings.simplify_m / self._pixel_m, MIN_TOLERANCE_PX))
        graph = _road_graph(network, lines, set(lines.line_of_point[meeting].ravel().tolist()), self._probability)
        self._report(1.0, "roads traced")
        return graph

    def _rules(self) -> tuple[Callable[[Network], Network], ...]:
        """What the skeleton's network goes through, in order: `graph_rules.py` and the modules that it names."""
        settings, pixel_m = self._settings, self._pixel_m
        evidence = Evidence(self._probability, settings.thresholds.low)
        return (
            lambda network: prune_forks(network, settings.min_spur_widths),
            lambda network: merge_junctions(network, settings.merge_widths),
            lambda network: merge_shallow_crossings(network, settings.max_shared_stretch),
            lambda network: measured(network.vertices, network.paths),
            lambda network: drawn_to_mask_end(network, self.mask, settings.max_drawn_widths),
            lambda network: bridge_gaps(network, evidence, settings, pixel_m),
            lambda network: prune_spurs(network, settings.min_spur_m / pixel_m, settings.min_spur_widths),
            lambda network: drop_small_components(network, settings.min_component_m / pixel_m),
        )

    def _report(self, fraction: float, stage: str) -> None:
        stop_if_cancelled(self._feedback)
        self._feedback.progress(fraction, stage)


def road_mask(
    probability: RasterRows, settings: TraceSettings, pixel_m: float, strips: Strips | None = None
) -> RowsInTheMaking:
    """Threshold and clean a probability raster.

    Args:
        probability: 0..254 = 0..1, 255 nodata.
        settings: Thresholds and areas.
        pixel_m: Metres on the ground per pixel.
        strips: What is worked on at a time; it does not change the result.

    Returns:
        1 road, 0 none, 255 nodata; made as it is read.
    """
    mask = hysteresis(probability, settings.thresholds, settings.min_area_m2 / pixel_m**2, strips)
    return fill_small_holes(mask, settings.max_hole_m2 / pixel_m**2, strips)


def _road_graph(network: Network, lines: Polylines, crossing: set[int], probability: RasterRows) -> RoadGraph:
    """The finished value, nodes numbered and edges ordered by place in the raster, row by row.

    The rules keep lines from crossing. Should two do so after all, both are flagged, as a router must know of it.
    """
    mean, smallest = confidence_along(lines, probability)
    vertex, number = np.unique(network.ends, return_inverse=True)
    number = number.reshape(-1, 2)
    nodes = np.empty((vertex.size, 2))
    nodes[number[:, 0]] = lines.points[lines.first]
    nodes[number[:, 1]] = lines.points[lines.last]
    by_place = np.lexsort((nodes[:, 0], nodes[:, 1]))
    number = np.argsort(by_place)[number]
    edges = []
    for index, points in enumerate(lines.split()):
        start, stop = number[index].tolist()
        backward = (start, points[1].tolist()) > (stop, points[-2].tolist())
        edges.append(
            RoadEdge(
                from_node=min(start, stop),
                to_node=max(start, stop),
                points=points[::-1].copy() if backward else points.copy(),
                width_px=float(network.width_px[index]),
                confidence=float(mean[index]),
                min_confidence=float(smallest[index]),
                origin=BRIDGED if network.bridged[index] else DETECTED,
                crossing=index in crossing,
            )
        )
    edges.sort(key=lambda edge: (edge.from_node, edge.to_node, edge.points[1].tolist()))
    return RoadGraph(nodes[by_place], tuple(edges))
