"""Losses of the orientation task, for the doubled-angle vector and for the paper's classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from model_training.datasets.crops import Batch

BIN_DEGREES = 10.0
BACKGROUND_CLASS = 36
IGNORED = 255


def orientation_loss(predictions: list[Tensor], batch: Batch) -> Tensor:
    """The loss of whichever head the network has: one map of vectors, or class logits at several strides."""
    if predictions[0].shape[1] == batch.orientation.shape[1]:
        return vector_loss(predictions[0].float(), batch.orientation, batch.orientation_weight)
    target = orientation_classes(batch)  # (n, 1, h/4, w/4)
    return torch.stack([class_loss(logits.float(), target) for logits in predictions]).sum()


def vector_loss(vector: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Squared distance between doubled-angle vectors, averaged over the cells that have a direction.

    Args:
        vector: Predicted (n, 2, h, w).
        label: Unit vectors (n, 2, h, w).
        weight: (n, 1, h, w), 0 or 1.
    """
    distance = (vector - label).square().sum(dim=1, keepdim=True)  # (n, 1, h, w)
    return (distance * weight).sum() / weight.sum().clamp(min=1.0)


def class_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy over 37 classes, averaged over the pixels that are not ignored.

    Args:
        logits: (n, 37, h, w).
        target: (n, 1, h/4, w/4) at stride 4; repeated to the size of the logits.
    """
    classes = functional.interpolate(target, size=logits.shape[-2:], mode="nearest")[:, 0].long()  # (n, h, w)
    total = functional.cross_entropy(logits, classes, ignore_index=IGNORED, reduction="sum")
    return total / (classes != IGNORED).sum().clamp(min=1)


def orientation_classes(batch: Batch) -> Tensor:
    """The paper's classes at stride 4 from the doubled-angle labels.

    1. A road has the class of its angle in steps of 10 degrees, 0..35.
    2. Of its two directions it takes the one that leads towards the image's origin (top left).
    3. Cells without road are background.
    4. Invalid cells, and roads whose direction is not known (junctions), are ignored.

    Returns:
        float32 (n, 1, h/4, w/4).
    """
    size = batch.orientation.shape[-2], batch.orientation.shape[-1]
    angle = 0.5 * torch.atan2(batch.orientation[:, 1:], batch.orientation[:, :1])  # (n, 1, h/4, w/4), -pi/2..pi/2
    y = torch.arange(size[0], device=angle.device).unsqueeze(1)
    x = torch.arange(size[1], device=angle.device).unsqueeze(0)
    away = torch.cos(angle) * x + torch.sin(angle) * y > 0
    degrees = torch.rad2deg(angle + math.pi * away) % 360.0  # 2
    classes = torch.floor(degrees / BIN_DEGREES).clamp(max=BACKGROUND_CLASS - 1)  # 1
    cover = functional.adaptive_avg_pool2d(batch.road * batch.valid, size)
    classes = classes.masked_fill(batch.orientation_weight == 0, IGNORED)  # 4
    classes = classes.masked_fill(cover == 0, BACKGROUND_CLASS)  # 3
    return classes.masked_fill(functional.adaptive_avg_pool2d(batch.valid, size) < 1, IGNORED)  # 4
