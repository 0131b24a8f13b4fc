"""Measuring a model on all scenes of a folder."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from model_training.datasets.folders import Scene, read_scene
from model_training.evaluation.curves import Curve, added, count_at_thresholds
from model_training.evaluation.figures import (
    SceneMeasures,
    count_scene,
    count_scene_skeletons,
    data_set_figures,
    protocols_of,
)
from model_training.evaluation.labelled_folder import LabelledFolder
from model_training.evaluation.networks import NetworkProtocols, TracedScene, network_figures, trace_scene
from model_training.evaluation.pictures import four_panels, write_pictures
from model_training.evaluation.prediction import predict_scene, resample
from road_extractor_plugin.compute.metrics.segmentation import EMPTY, SegmentationCounts
from road_extractor_plugin.compute.protocol import Compute

LOG = logging.getLogger(__name__)
THUMBNAILS = "small"
"""Folder of the thumbnails beside the pictures."""


@dataclass(frozen=True)
class FolderReport:
    """All that was measured on a folder."""

    name: str
    scenes: tuple[SceneMeasures, ...]
    curve: Curve
    protocols: dict[str, str]
    """Of each figure by name."""

    @property
    def figures(self) -> dict[str, float]:
        """Of all scenes together."""
        return data_set_figures(self.scenes)

    @property
    def masks(self) -> SegmentationCounts:
        """At the card's thresholds, of all scenes together."""
        return sum((scene.masks for scene in self.scenes), EMPTY)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is kept of a scene until it is known how large the largest is."""

    stem: str
    shape: tuple[int, int]
    masks: SegmentationCounts
    skeletons: SegmentationCounts
    curve: Curve
    traced: TracedScene


def measure_folder(folder: LabelledFolder, compute: Compute, pictures: Path) -> FolderReport:
    """Measure a model and write the pictures of each scene.

    Args:
        folder: Where the scenes are.
        compute: The model.
        pictures: Folder to make for `<stem>.jpg` and `small/<stem>.jpg`.

    Raises:
        DatasetError: A scene cannot be read.
        ComputeError: The network failed.
        OSError: A picture cannot be written.
    """
    (pictures / THUMBNAILS).mkdir(parents=True)
    target_m = compute.card.input.ground_resolution_m
    seen = []
    for paths in tqdm(folder.scenes(), desc=folder.name, unit="scene", disable=None):
        scene = resample(read_scene(paths), folder.ground_resolution_m, target_m)
        seen.append(_measure_scene(scene, compute, pictures))
    protocols = NetworkProtocols.for_side(max(max(scene.shape) for scene in seen) * target_m)
    measures = tuple(
        SceneMeasures(
            scene.stem, scene.masks, scene.skeletons, network_figures(scene.traced, scene.shape, target_m, protocols)
        )
        for scene in seen
    )
    report = FolderReport(folder.name, measures, added([scene.curve for scene in seen]), protocols_of(protocols))
    found = report.figures
    LOG.info(
        "%s: IoU %.3f, relaxed F1 %.3f, APLS %.3f (CosmiQ), TOPO %.3f (%d scenes)",
        *(folder.name, found["iou"], found["relaxed_f1"], found["apls_cosmiq"], found["topo_f1"], len(measures)),
    )
    return report


def _measure_scene(scene: Scene, compute: Compute, pictures: Path) -> _Seen:
    resolution, thresholds = compute.card.input.ground_resolution_m, compute.card.thresholds
    found = predict_scene(scene, resolution, compute)
    traced = trace_scene(found, thresholds, resolution)
    mask = found.mask(thresholds)
    name = f"{scene.stem}.jpg"
    write_pictures(
        four_panels(scene.image, found, mask, traced.predicted), pictures / name, pictures / THUMBNAILS / name
    )
    height, width = mask.shape
    return _Seen(
        stem=scene.stem,
        shape=(height, width),
        masks=count_scene(found, thresholds),
        skeletons=count_scene_skeletons(found, thresholds),
        curve=count_at_thresholds(found),
        traced=traced,
    )
