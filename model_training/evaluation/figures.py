"""Figures of predicted scenes under named protocols."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean

from model_training.evaluation.networks import NetworkProtocols
from model_training.evaluation.prediction import PredictedScene
from road_extractor_plugin.compute.metrics.segmentation import EMPTY, MNIH_RADIUS_PX, SegmentationCounts, count
from road_extractor_plugin.compute.metrics.skeletons import count_skeletons
from road_extractor_plugin.contract.model_card import Thresholds

_ON_SCENES = (
    "whole scenes at the model's ground resolution; mask by hysteresis at the card's thresholds; valid pixels only; "
    "counts summed over scenes (micro)"
)
PROTOCOL = f"{_ON_SCENES}; relaxed: Euclidean radius of {MNIH_RADIUS_PX:g} px, on masks"
"""Of the figures in model cards."""
SKELETON_REACH_PX = 4
_DECIMALS = 4


@dataclass(frozen=True)
class SceneMeasures:
    """What is measured on one scene."""

    stem: str
    masks: SegmentationCounts
    skeletons: SegmentationCounts
    networks: dict[str, float]
    """From `network_figures`."""

    def figures(self) -> dict[str, float]:
        """All figures of the scene by name."""
        return {**figures(self.masks), **skeleton_figures(self.skeletons), **_rounded(self.networks)}


def data_set_figures(scenes: Sequence[SceneMeasures]) -> dict[str, float]:
    """All figures of a data set: counts are summed over its scenes, network figures averaged."""
    masks = sum((scene.masks for scene in scenes), EMPTY)
    skeletons = sum((scene.skeletons for scene in scenes), EMPTY)
    networks = {name: mean(scene.networks[name] for scene in scenes) for name in scenes[0].networks}
    return SceneMeasures("", masks, skeletons, networks).figures()


def protocols_of(networks: NetworkProtocols) -> dict[str, str]:
    """The protocol of each figure by name, in words."""
    plain = dict.fromkeys(("iou", "precision", "recall", "f1"), f"pixels of the road class; {_ON_SCENES}")
    relaxed = f"relaxed on masks, Euclidean radius of {MNIH_RADIUS_PX:g} px (Mnih & Hinton 2010); {_ON_SCENES}"
    window = 2 * SKELETON_REACH_PX + 1
    skeleton = f"relaxed on skeletons, square window of {window} px (Batra et al. 2019); {_ON_SCENES}"
    return {
        **plain,
        **dict.fromkeys((name for name in figures(EMPTY) if name not in plain), relaxed),
        **dict.fromkeys(skeleton_figures(EMPTY), skeleton),
        **networks.in_words(),
    }


def count_scene(scene: PredictedScene, thresholds: Thresholds) -> SegmentationCounts:
    """Counts of one scene with the plugin's mask."""
    return count(scene.mask(thresholds), scene.road, scene.valid, MNIH_RADIUS_PX)


def count_scenes(scenes: Iterable[PredictedScene], thresholds: Thresholds) -> SegmentationCounts:
    """Counts of several scenes, added up."""
    return sum((count_scene(scene, thresholds) for scene in scenes), EMPTY)


def count_scene_skeletons(scene: PredictedScene, thresholds: Thresholds) -> SegmentationCounts:
    """Counts of one scene after both masks are thinned."""
    return count_skeletons(scene.mask(thresholds), scene.road, scene.valid, SKELETON_REACH_PX)


def figures(counts: SegmentationCounts) -> dict[str, float]:
    """Figures of masks by name, rounded to what is meaningful."""
    return _rounded(
        {
            "iou": counts.iou,
            "precision": counts.precision,
            "recall": counts.recall,
            "f1": counts.f1,
            "relaxed_precision": counts.relaxed_precision,
            "relaxed_recall": counts.relaxed_recall,
            "relaxed_f1": counts.relaxed_f1,
            "relaxed_iou": counts.relaxed_iou,
        }
    )


def skeleton_figures(counts: SegmentationCounts) -> dict[str, float]:
    """Figures of skeletons by name."""
    return _rounded(
        {
            "skeleton_precision": counts.relaxed_precision,
            "skeleton_recall": counts.relaxed_recall,
            "skeleton_f1": counts.relaxed_f1,
            "skeleton_iou": counts.relaxed_iou,
        }
    )


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, _DECIMALS) for name, value in values.items()}
