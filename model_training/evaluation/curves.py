"""Figures at every threshold, as a table and as curves."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from model_training.evaluation.prediction import PredictedScene
from road_extractor_plugin.compute.metrics.segmentation import EMPTY, MNIH_RADIUS_PX, SegmentationCounts, count_at
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.raster_coding import CERTAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
PROTOCOL = (
    "one threshold instead of hysteresis; valid pixels only; counts summed over scenes (micro); "
    f"relaxed: Euclidean radius of {MNIH_RADIUS_PX:g} px, on masks; thresholds are not chosen here"
)
_COLUMNS = ("precision", "recall", "f1", "iou", "relaxed_precision", "relaxed_recall", "relaxed_f1", "relaxed_iou")
_DECIMALS = 4
Curve = dict[float, SegmentationCounts]
"""Counts of a data set at each threshold."""


def count_at_thresholds(scene: PredictedScene) -> Curve:
    """Counts of one scene at each of `THRESHOLDS`."""
    probability = scene.probability / CERTAIN
    return dict(zip(THRESHOLDS, count_at(probability, THRESHOLDS, scene.road, scene.valid, MNIH_RADIUS_PX)))


def added(curves: list[Curve]) -> Curve:
    """The curve of several scenes together."""
    return {at: sum((curve[at] for curve in curves), EMPTY) for at in THRESHOLDS}


def write_curves(path: Path, curves: dict[str, Curve]) -> None:
    """Write a CSV with one row per data set and threshold."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("data", "threshold", *_COLUMNS))
        for name, curve in curves.items():
            for at, counts in curve.items():
                writer.writerow((name, at, *(round(getattr(counts, column), _DECIMALS) for column in _COLUMNS)))


def draw_curves(path: Path, name: str, curve: Curve, operating: SegmentationCounts, thresholds: Thresholds) -> None:
    """Draw precision over recall, and figures over the threshold, as PNG.

    Args:
        path: File to make.
        name: Of the data set.
        curve: At each threshold.
        operating: With the hysteresis of the card.
        thresholds: Of the card.
    """
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    figure.suptitle(name)
    left, right = figure.subplots(1, 2)
    _draw_precision_recall(left, list(curve.values()), operating)
    for column in ("iou", "f1", "relaxed_f1"):
        right.plot(list(curve), [getattr(counts, column) for counts in curve.values()], label=_label(column))
    for at, style in ((thresholds.high, "--"), (thresholds.low, ":")):
        right.axvline(at, color="grey", linestyle=style)
    right.set(xlabel="threshold (card: high dashed, low dotted)", xlim=(0, 1), ylim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=100)


def _draw_precision_recall(axes: Axes, counts: list[SegmentationCounts], operating: SegmentationCounts) -> None:
    for prefix, label in (("", "pixels"), ("relaxed_", f"relaxed by {MNIH_RADIUS_PX:g} px")):
        recall, precision = f"{prefix}recall", f"{prefix}precision"
        points = [(getattr(at, recall), getattr(at, precision)) for at in counts]
        (line,) = axes.plot(*zip(*points), marker=".", label=label)
        axes.plot(getattr(operating, recall), getattr(operating, precision), "*", color=line.get_color(), markersize=12)
    axes.set(xlabel="recall", ylabel="precision (star: the card's thresholds)", xlim=(0, 1), ylim=(0, 1))


def _label(column: str) -> str:
    return {"iou": "IoU", "f1": "F1", "relaxed_f1": "relaxed F1"}[column]
