"""The choice of thresholds; for held-out scenes only, never for those that are reported on.

1. Of some pairs of thresholds, the relaxed F1 of the mask is counted for each data set, on its scenes as they are and
   in other looks (`looks.py`). The score of a pair is the mean over the data sets, half of it as they are, half in
   other looks: far from what it learnt, a network is less sure, and thresholds that are best at home lose roads there.
2. Around the best the score is flat, but a road network is not: a road that breaks costs a mask little. So of all pairs
   within `NEARLY_BEST` of the best score, that one is taken whose traced network has the highest APLS (mean of both
   protocols, over scenes by their length of road, then over the data sets).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from model_training.datasets.folders import Scene
from model_training.datasets.scenes import Scenes, evenly
from model_training.evaluation.figures import count_scene
from model_training.evaluation.looks import LOOKS
from model_training.evaluation.networks import (
    NetworkProtocols,
    TracedScene,
    network_figures,
    trace_label,
    trace_prediction,
)
from model_training.evaluation.prediction import PredictedScene, predict_scene
from road_extractor_plugin.compute.metrics.segmentation import EMPTY, SegmentationCounts
from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.model_card import Thresholds

LOW_CHOICES = tuple(round(0.05 * step, 2) for step in range(4, 14))
HIGH_ABOVE_LOW = (0.0, 0.1, 0.2, 0.3, 0.4)
CHOICES = tuple(Thresholds(high=round(low + above, 2), low=low) for low in LOW_CHOICES for above in HIGH_ABOVE_LOW)
NEARLY_BEST = 0.003
"""Of the score; below what another seed of the training changes."""
MOST_LOOKED_AT = 60
"""Scenes of a data set, spread over it, that are predicted in other looks and traced: each costs much more than one
prediction."""
CountsByThresholds = dict[Thresholds, SegmentationCounts]
"""Counts of a data set at each of `CHOICES`."""
CountsByData = Mapping[str, SegmentationCounts]
"""Counts on held-out scenes by data set."""


@dataclass(frozen=True)
class Choice:
    """What was chosen, and what it gives on the scenes as they are."""

    thresholds: Thresholds
    counts: CountsByData


def choose(compute: Compute, held_out: Mapping[str, Scenes]) -> Choice:
    """Choose by the rules above.

    Args:
        compute: The network.
        held_out: Scenes of each data set, at the network's ground resolution.

    Raises:
        DatasetError: A scene cannot be read.
        ComputeError: The network failed.
    """
    resolution = compute.card.input.ground_resolution_m

    plain, altered, scores = {}, [], []
    for name, scenes in held_out.items():
        plain[name] = count_choices(predict_scene(scene, resolution, compute) for scene in scenes)
        altered.append(count_choices(_in_other_looks(scenes, resolution, compute)))
    choices = nearly_best(plain.values(), altered)  # 1
    for scenes in held_out.values():
        predicted = [predict_scene(scene, resolution, compute) for scene in _some_of(scenes)]
        scores.append(network_scores(predicted, choices, resolution))
    best = max(choices, key=lambda choice: mean(each[choice] for each in scores))  # 2
    return Choice(best, {name: counts[best] for name, counts in plain.items()})


def _in_other_looks(scenes: Scenes, resolution_m: float, compute: Compute) -> Iterator[PredictedScene]:
    for scene in _some_of(scenes):
        for look in LOOKS.values():
            yield predict_scene(replace(scene, image=look.of(scene.image)), resolution_m, compute)


def _some_of(scenes: Scenes) -> Iterator[Scene]:
    return (scenes[index] for index in evenly(len(scenes), MOST_LOOKED_AT))


def count_choices(scenes: Iterable[PredictedScene]) -> CountsByThresholds:
    """Counts of several scenes, added up, at all thresholds that can be chosen; each scene is taken once."""
    counts = dict.fromkeys(CHOICES, EMPTY)
    for scene in scenes:
        for choice in CHOICES:
            counts[choice] += count_scene(scene, choice)
    return counts


def nearly_best(
    plain: Collection[CountsByThresholds], altered: Collection[CountsByThresholds], within: float = NEARLY_BEST
) -> list[Thresholds]:
    """Rule 1: all whose score is at most `within` below the best, the best one first."""
    scores = {choice: 0.5 * (_mean_f1(plain, choice) + _mean_f1(altered, choice)) for choice in CHOICES}
    ranked = sorted(CHOICES, key=lambda choice: -scores[choice])
    return [choice for choice in ranked if scores[choice] >= scores[ranked[0]] - within]


def _mean_f1(data_sets: Collection[CountsByThresholds], choice: Thresholds) -> float:
    return mean(counts[choice].relaxed_f1 for counts in data_sets)


def network_scores(
    scenes: Sequence[PredictedScene], choices: Collection[Thresholds], pixel_m: float
) -> dict[Thresholds, float]:
    """Mean APLS of the networks of some scenes at several thresholds, weighted by the length of road in each scene.

    Args:
        scenes: At `pixel_m` metres per pixel; those without a road have no weight.
        choices: Thresholds.
        pixel_m: Ground resolution.

    Returns:
        The mean of both protocols, 0..1; 0 where no scene has a road.
    """
    protocols = NetworkProtocols.for_side(max((max(scene.road.shape) for scene in scenes), default=0) * pixel_m)
    sums, total_px = dict.fromkeys(choices, 0.0), 0.0
    for scene in scenes:
        reference = trace_label(scene, pixel_m)
        length_px = float(Polylines.of([edge.points for edge in reference.edges]).lengths().sum())
        if not length_px:
            continue
        total_px += length_px
        height, width = scene.road.shape
        for choice in choices:
            both = TracedScene(trace_prediction(scene, choice, pixel_m), reference)
            found = network_figures(both, (height, width), pixel_m, protocols)
            sums[choice] += length_px * 0.5 * (found["apls_cosmiq"] + found["apls_sat2graph"])
    return {choice: total / total_px if total_px else 0.0 for choice, total in sums.items()}
