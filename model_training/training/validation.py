"""Accuracy during training: counts at many thresholds, per data set, added up over the validation crops."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.metrics.segmentation import EMPTY, MNIH_RADIUS_PX, SegmentationCounts, count_at

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(3, 18))


class ThresholdSweep:
    """Counts of one data set at each of a list of thresholds."""

    def __init__(self, thresholds: tuple[float, ...] = THRESHOLDS) -> None:
        self.counts: dict[float, SegmentationCounts] = dict.fromkeys(thresholds, EMPTY)

    def add(
        self, probability: npt.NDArray[np.float32], true: npt.NDArray[np.bool_], valid: npt.NDArray[np.bool_]
    ) -> None:
        """Add one image, all (height, width)."""
        found = count_at(probability, tuple(self.counts), true, valid, MNIH_RADIUS_PX)
        self.counts = {threshold: self.counts[threshold] + more for threshold, more in zip(self.counts, found)}

    def table(self) -> npt.NDArray[np.int64]:
        """(thresholds, 5) all counts, to be added up with those of other processes."""
        return np.array([dataclasses.astuple(counts) for counts in self.counts.values()], dtype=np.int64)

    @classmethod
    def of_table(cls, table: npt.NDArray[np.int64]) -> ThresholdSweep:
        """A sweep with the counts of such a table."""
        sweep = cls()
        sweep.counts = {t: SegmentationCounts(*row) for t, row in zip(sweep.counts, table.tolist())}
        return sweep

    def best_by_iou(self) -> tuple[float, SegmentationCounts]:
        """Threshold of the highest IoU, and its counts."""
        return max(self.counts.items(), key=lambda item: item[1].iou)

    def best_by_relaxed_f1(self) -> tuple[float, SegmentationCounts]:
        """Threshold of the highest relaxed F1, and its counts."""
        return max(self.counts.items(), key=lambda item: item[1].relaxed_f1)
