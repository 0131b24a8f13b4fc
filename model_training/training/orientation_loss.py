"""Losses of the orientation task, for the doubled-angle vector and for the paper's classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from model_training.datasets.orientation_classes import CLASS_COUNT, IGNORED


def orientation_losses(predictions: Sequence[Tensor], labels: Sequence[Tensor]) -> list[Tensor]:
    """The loss of each map of whichever head the network has, from coarse to fine.

    Args:
        predictions: One map of vectors (n, 2, h/4, w/4), or logits (n, 37, h/s, w/s) at several strides.
        labels: As `Batch.orientation` has them for that head.
    """
    if predictions[0].shape[1] == CLASS_COUNT:
        return [class_loss(logits.float(), classes) for logits, classes in zip(predictions, labels)]
    vector, weight = labels
    return [vector_loss(predictions[0].float(), vector, weight)]


def vector_loss(vector: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Squared distance between doubled-angle vectors, averaged over the cells of each image that have a direction.

    Args:
        vector: Predicted (n, 2, h, w).
        label: Unit vectors (n, 2, h, w).
        weight: (n, 1, h, w), 0 or 1.
    """
    distance = (vector - label).square().sum(dim=1, keepdim=True)  # (n, 1, h, w)
    sums = (distance * weight).sum(dim=(1, 2, 3)), weight.sum(dim=(1, 2, 3))
    return (sums[0] / sums[1].clamp(min=1.0)).mean()


def class_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross entropy over 37 classes, averaged over the pixels of each image that are not ignored.

    Args:
        logits: (n, 37, h, w).
        classes: uint8 (n, h, w).
    """
    each = functional.cross_entropy(logits, classes.long(), ignore_index=IGNORED, reduction="none")  # (n, h, w)
    counted = (classes != IGNORED).sum(dim=(1, 2)).clamp(min=1)
    return torch.mean(each.sum(dim=(1, 2)) / counted)
