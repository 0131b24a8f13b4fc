"""Completeness, correctness and quality of road lines by length within a buffer.

Heipke et al. 1997 and Wiedemann et al. 1998; the line form of relaxed recall and precision. They look at where lines
are, not at how they connect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph

_PIECE_M = 0.5
"""A piece of a line counts whole, by its middle; so a length is right within half of this at each crossing."""


@dataclass(frozen=True)
class BufferedLength:
    """Figures, 0..1."""

    completeness: float
    """Share of the reference's length with a predicted line near; 1 when there is no reference."""
    correctness: float
    """Share of the predicted length with a reference line near; 1 when nothing is predicted."""
    quality: float
    """Matched over matched, invented and missed length; 1 when both are empty."""


def buffered_length(prediction: MetricGraph, reference: MetricGraph, buffer_m: float) -> BufferedLength:
    """Compare the lines of two networks.

    Args:
        prediction: Network to score.
        reference: True network.
        buffer_m: Lines at most this far apart match.
    """
    found_m, true_m = _length_near(reference, prediction, buffer_m)
    matched_m, predicted_m = _length_near(prediction, reference, buffer_m)
    return BufferedLength(
        completeness=_ratio(found_m, true_m),
        correctness=_ratio(matched_m, predicted_m),
        quality=_ratio(matched_m, predicted_m + true_m - found_m),
    )


def _length_near(graph: MetricGraph, other: MetricGraph, buffer_m: float) -> tuple[float, float]:
    """Length of a network that lies near another one, and its whole length; metres."""
    pieces = np.ceil(graph.lengths_m / _PIECE_M).astype(np.int64)
    middles = graph.centres(pieces)
    _, near = other.snap(graph.xy(middles), buffer_m)
    length = (graph.lengths_m / pieces)[middles.edge]
    return float(length[near].sum()), float(length.sum())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
