"""Losses. Logits and targets are (n, 1, h, w); pixels with valid = 0 have no part in any of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from model_training.datasets.crops import Batch
from model_training.network.road_network import RoadOutputs
from model_training.training.orientation_loss import orientation_loss


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts."""

    road_weight: float = 2.0
    """Factor on road pixels in the cross entropy; roads are a few per cent of all pixels."""
    smoothing_px: float = 100.0
    """Added to both parts of the soft IoU, so that crops without roads have a gradient too."""
    coarse_heads: float = 0.4
    """Weight of each road head but the finest (deep supervision)."""
    orientation: float = 0.5
    """Weight of the orientation loss."""
    cl_dice: float = 0.0
    """Weight of the soft clDice of the finest head; 0 leaves it out."""
    cl_dice_iterations: int = 5
    """Erosions of the soft skeleton; roads up to twice as many pixels wide become thin."""


def total_loss(outputs: RoadOutputs, batch: Batch, config: LossConfig) -> dict[str, Tensor]:
    """All parts, already weighted, by name; the loss is their sum."""
    parts: dict[str, Tensor] = {}
    finest = functional.interpolate(outputs.roads[-1].float(), size=batch.road.shape[-2:], mode="bilinear")
    parts["road"] = road_loss(finest, batch.road, batch.valid, config)
    for index, logits in enumerate(outputs.roads[:-1]):
        road, valid = shrink(batch.road, batch.valid, logits)
        parts[f"road_coarse_{index}"] = config.coarse_heads * road_loss(logits.float(), road, valid, config)
    if config.cl_dice > 0:
        probability = torch.sigmoid(finest) * batch.valid
        parts["cl_dice"] = config.cl_dice * cl_dice_loss(
            probability, batch.road * batch.valid, config.cl_dice_iterations, config.smoothing_px
        )
    if outputs.orientation and config.orientation > 0:
        parts["orientation"] = config.orientation * orientation_loss(outputs.orientation, batch)
    return parts


def shrink(road: Tensor, valid: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Labels at a coarser head's size: the share of road, valid where every pixel is."""
    size = like.shape[2], like.shape[3]
    average = functional.adaptive_avg_pool2d(road, size)
    return average, (functional.adaptive_avg_pool2d(valid, size) == 1.0).to(road.dtype)


def road_loss(logits: Tensor, road: Tensor, valid: Tensor, config: LossConfig) -> Tensor:
    """Cross entropy plus soft IoU of one head."""
    entropy = weighted_cross_entropy(logits, road, valid, config.road_weight)
    return entropy + soft_iou_loss(torch.sigmoid(logits), road, valid, config.smoothing_px)


def weighted_cross_entropy(logits: Tensor, road: Tensor, valid: Tensor, road_weight: float) -> Tensor:
    """Binary cross entropy with roads counting `road_weight` times, averaged over the valid pixels."""
    weight = valid * (1.0 + (road_weight - 1.0) * road)
    loss = functional.binary_cross_entropy_with_logits(logits, road, weight=weight, reduction="sum")
    return loss / valid.sum().clamp(min=1.0)


def soft_iou_loss(probability: Tensor, road: Tensor, valid: Tensor, smoothing_px: float) -> Tensor:
    """1 - (sum p y + s) / (sum p + sum y - sum p y + s) per image, averaged (Mattyus et al. 2017)."""
    p, y = probability * valid, road * valid
    intersection = (p * y).sum(dim=(1, 2, 3))  # (n,)
    union = p.sum(dim=(1, 2, 3)) + y.sum(dim=(1, 2, 3)) - intersection  # (n,)
    return 1.0 - ((intersection + smoothing_px) / (union + smoothing_px)).mean()


def soft_skeleton(probability: Tensor, iterations: int) -> Tensor:
    """Differentiable thinning by repeated erosion; keeps what an opening would remove (Shit et al., CVPR 2021)."""

    def erode(x: Tensor) -> Tensor:
        rows = -functional.max_pool2d(-x, (3, 1), 1, (1, 0))
        columns = -functional.max_pool2d(-x, (1, 3), 1, (0, 1))
        return torch.minimum(rows, columns)

    def ridge(x: Tensor, eroded: Tensor) -> Tensor:
        return functional.relu(x - functional.max_pool2d(eroded, 3, 1, 1))

    eroded = erode(probability)
    skeleton = ridge(probability, eroded)
    for _ in range(iterations):
        probability, eroded = eroded, erode(eroded)
        fresh = ridge(probability, eroded)
        skeleton = skeleton + functional.relu(fresh - skeleton * fresh)
    return skeleton


def cl_dice_loss(probability: Tensor, road: Tensor, iterations: int, smoothing_px: float) -> Tensor:
    """1 - soft clDice: how much of each one's skeleton lies in the other (Shit et al., CVPR 2021)."""
    predicted_line, true_line = soft_skeleton(probability, iterations), soft_skeleton(road, iterations)
    precision = ((predicted_line * road).sum() + smoothing_px) / (predicted_line.sum() + smoothing_px)
    recall = ((true_line * probability).sum() + smoothing_px) / (true_line.sum() + smoothing_px)
    return 1.0 - 2.0 * precision * recall / (precision + recall)
