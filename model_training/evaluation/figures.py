"""Figures of predicted scenes under one protocol, and the choice of thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean

from model_training.evaluation.prediction import PredictedScene
from road_extractor_plugin.compute.metrics.segmentation import EMPTY, MNIH_RADIUS_PX, SegmentationCounts, count
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.threshold import ROAD, hysteresis
from road_extractor_plugin.contract.model_card import Thresholds

PROTOCOL = (
    "whole scenes at the model's ground resolution; mask by hysteresis at the card's thresholds; valid pixels only; "
    "counts summed over scenes (micro); relaxed: Euclidean radius of 3 px, on masks"
)
LOW_CHOICES = tuple(round(0.05 * step, 2) for step in range(4, 14))
HIGH_ABOVE_LOW = (0.0, 0.1, 0.2, 0.3)


def count_scene(scene: PredictedScene, thresholds: Thresholds) -> SegmentationCounts:
    """Counts of one scene with the plugin's mask."""
    mask = hysteresis(ArrayRows(scene.probability), thresholds).read(0, len(scene.probability))
    return count(mask == ROAD, scene.road, scene.valid, MNIH_RADIUS_PX)


def count_scenes(scenes: Iterable[PredictedScene], thresholds: Thresholds) -> SegmentationCounts:
    """Counts of several scenes, added up."""
    return sum((count_scene(scene, thresholds) for scene in scenes), EMPTY)


def figures(counts: SegmentationCounts) -> dict[str, float]:
    """All figures by name, rounded to what is meaningful."""
    values = {
        "iou": counts.iou,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "relaxed_precision": counts.relaxed_precision,
        "relaxed_recall": counts.relaxed_recall,
        "relaxed_f1": counts.relaxed_f1,
    }
    return {name: round(value, 4) for name, value in values.items()}


def choose_thresholds(folders: Sequence[Sequence[PredictedScene]]) -> Thresholds:
    """The thresholds with the highest relaxed F1, averaged over the data sets; for held-out scenes only."""
    choices = [Thresholds(high=round(low + above, 2), low=low) for low in LOW_CHOICES for above in HIGH_ABOVE_LOW]

    def merit(thresholds: Thresholds) -> float:
        return mean(count_scenes(scenes, thresholds).relaxed_f1 for scenes in folders)

    return max(choices, key=merit)
