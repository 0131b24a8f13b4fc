"""Pixel accuracy of a road mask, by counts that can be added over images.

Two protocols, named in every report:

* plain: a pixel is right or wrong.
* relaxed (Mnih & Hinton 2010): a predicted pixel is right when a true one lies within `radius_px` (Euclidean), a true
  pixel is found when a predicted one does. Applied to masks, not to skeletons.

Pixels outside the valid area count nowhere. Within the relaxed protocol a valid pixel may be matched by an invalid one
no more than by a missing one: invalid pixels are removed from both masks first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
_Value = TypeVar("_Value", np.bool_, np.uint8)


@dataclass(frozen=True)
class SegmentationCounts:
    """Counts of pixels; `a + b` pools two images (micro average)."""

    predicted: int
    """Pixels predicted to be road."""
    true: int
    """Pixels that are road."""
    both: int
    """Pixels that are both."""
    predicted_near: int
    """Predicted pixels with a true one within the radius."""
    true_near: int
    """True pixels with a predicted one within the radius."""

    def __add__(self, other: SegmentationCounts) -> SegmentationCounts:
        """Pool."""
        return SegmentationCounts(
            self.predicted + other.predicted,
            self.true + other.true,
            self.both + other.both,
            self.predicted_near + other.predicted_near,
            self.true_near + other.true_near,
        )

    @property
    def iou(self) -> float:
        """Intersection over union; 1 when both are empty."""
        return _ratio(self.both, self.predicted + self.true - self.both)

    @property
    def precision(self) -> float:
        """Share of the predicted pixels that is right; 1 when nothing is predicted."""
        return _ratio(self.both, self.predicted)

    @property
    def recall(self) -> float:
        """Share of the true pixels that is found; 1 when there is none."""
        return _ratio(self.both, self.true)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return harmonic_mean(self.precision, self.recall)

    @property
    def relaxed_precision(self) -> float:
        """Share of the predicted pixels near a true one; 1 when nothing is predicted."""
        return _ratio(self.predicted_near, self.predicted)

    @property
    def relaxed_recall(self) -> float:
        """Share of the true pixels near a predicted one; 1 when there is none."""
        return _ratio(self.true_near, self.true)

    @property
    def relaxed_f1(self) -> float:
        """Harmonic mean of the relaxed precision and recall."""
        return harmonic_mean(self.relaxed_precision, self.relaxed_recall)

    @property
    def relaxed_iou(self) -> float:
        """Wiedemann's quality from the relaxed precision P and recall R, PR / (P + R - PR); 0 when both are 0."""
        precision, recall = self.relaxed_precision, self.relaxed_recall
        union = precision + recall - precision * recall
        return precision * recall / union if union else 0.0


MNIH_RADIUS_PX = 3.0
"""Radius of the relaxed protocol as published, for imagery of about 1 m per pixel."""

EMPTY = SegmentationCounts(0, 0, 0, 0, 0)
"""Start of a sum."""


def harmonic_mean(first: float, second: float) -> float:
    """2ab / (a + b); 0 when both are 0."""
    return 2 * first * second / (first + second) if first + second > 0 else 0.0


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def within(values: npt.NDArray[_Value], radius_px: float) -> npt.NDArray[_Value]:
    """The largest value at Euclidean distance <= `radius_px` of each pixel: a dilation by a disc.

    Args:
        values: (height, width); of a mask, True spreads.
        radius_px: Distance between pixel centres.
    """
    reach = math.floor(radius_px)
    height, width = values.shape
    padded = np.pad(values, reach)
    largest = np.zeros_like(values)
    for down in range(-reach, reach + 1):
        half = math.floor(math.sqrt(radius_px**2 - down**2))
        rows = padded[reach + down : reach + down + height]
        for right in range(-half, half + 1):
            np.maximum(largest, rows[:, reach + right : reach + right + width], out=largest)
    return largest


def count(predicted: Mask, true: Mask, valid: Mask | None, radius_px: float) -> SegmentationCounts:
    """Count one image.

    Args:
        predicted: (height, width), True where road is predicted.
        true: (height, width), True where road is.
        valid: (height, width), True where both are known; None when everywhere.
        radius_px: Radius of the relaxed protocol.
    """
    if valid is not None:
        predicted, true = predicted & valid, true & valid
    return SegmentationCounts(
        predicted=int(np.count_nonzero(predicted)),
        true=int(np.count_nonzero(true)),
        both=int(np.count_nonzero(predicted & true)),
        predicted_near=int(np.count_nonzero(predicted & within(true, radius_px))),
        true_near=int(np.count_nonzero(true & within(predicted, radius_px))),
    )


def count_at(
    probability: npt.NDArray[np.floating[Any]],
    thresholds: Sequence[float],
    true: Mask,
    valid: Mask,
    radius_px: float,
) -> tuple[SegmentationCounts, ...]:
    """Count one image at each of several thresholds, as `count(probability >= threshold, ...)` does at one.

    1. The level of a pixel is how many thresholds it reaches; 0 where it is not valid.
    2. A true pixel is found at a threshold when the highest level within the radius reaches it.
    3. Each count at all thresholds is a histogram of levels, added up from the highest level down.

    Args:
        probability: (height, width).
        thresholds: At most 255, ascending.
        true: (height, width), True where road is.
        valid: (height, width), True where both are known.
        radius_px: Radius of the relaxed protocol.
    """
    levels = np.zeros(probability.shape, dtype=np.uint8)
    for threshold in thresholds:
        levels += (probability >= threshold) & valid  # 1
    true = true & valid
    selections = (levels, levels[true], levels[within(true, radius_px)], within(levels, radius_px)[true])  # 2
    predicted, both, predicted_near, true_near = (_reaching(chosen, len(thresholds)) for chosen in selections)
    all_true = int(np.count_nonzero(true))
    return tuple(
        SegmentationCounts(predicted[i], all_true, both[i], predicted_near[i], true_near[i])
        for i in range(len(thresholds))
    )


def _reaching(levels: npt.NDArray[np.uint8], highest: int) -> list[int]:
    """How many of the levels are at least 1, 2, ... `highest`: rule 3 of `count_at`."""
    histogram = np.bincount(levels.ravel(), minlength=highest + 1)
    reaching: list[int] = histogram[::-1].cumsum()[::-1][1:].tolist()
    return reaching
