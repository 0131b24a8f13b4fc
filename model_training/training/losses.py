"""Losses. Logits and targets are (n, 1, h, w); pixels with valid = 0 have no part in any of them.

Each is the mean over images of a figure that depends on one image alone. So the gradient of several batches, added up
by accumulation or over processes, is that of one large batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from model_training.datasets.crops import Batch
from model_training.network.road_network import RoadOutputs
from model_training.training.orientation_loss import orientation_losses
from road_extractor_plugin.contract.errors import RequestError

COARSE_LABELS = ("share", "nearest")
_TINY = 1e-8


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts; 0 leaves a part out."""

    cross_entropy: float = 1.0
    """Weight of the cross entropy of each road head."""
    road_weight: float = 2.0
    """Factor on road pixels in the cross entropy; roads are a few per cent of all pixels."""
    soft_iou: float = 1.0
    """Weight of the soft IoU of roads, smoothed, of each road head."""
    soft_iou_published: float = 0.0
    """Weight of the paper's soft IoU over both classes of each road head."""
    dice: float = 0.0
    """Weight of the soft Dice of roads, smoothed, of each road head."""
    smoothing_px: float = 100.0
    """Added to both parts of soft IoU, Dice and clDice, so that crops without roads have a gradient too."""
    coarse_heads: float = 0.4
    """Weight of each head but the finest (deep supervision)."""
    coarse_labels: str = "share"
    """Labels of coarse heads: "share" of road in each cell, or the "nearest" pixel's, as in the paper."""
    orientation: float = 0.5
    """Weight of the orientation loss."""
    cl_dice: float = 0.0
    """Weight of the soft clDice of the finest head."""
    cl_dice_start: float = 0.0
    """Part of the run before clDice is added; skeletons of first guesses teach little."""
    cl_dice_iterations: int = 5
    """Erosions of the soft skeleton; roads up to twice as many pixels wide become thin."""

    def __post_init__(self) -> None:
        """Refuse what teaches nothing.

        Raises:
            RequestError: A choice is unknown, a weight negative, or no road loss is left.
        """
        if self.coarse_labels not in COARSE_LABELS:
            raise RequestError("loss.coarse_labels", self.coarse_labels, f"one of {', '.join(COARSE_LABELS)}")
        of_roads = ("cross_entropy", "soft_iou", "soft_iou_published", "dice")
        for name in (*of_roads, "coarse_heads", "orientation", "cl_dice"):
            if getattr(self, name) < 0:
                raise RequestError(f"loss.{name}", getattr(self, name), "0 or more")
        if not any(getattr(self, name) for name in of_roads):
            raise RequestError("loss", ", ".join(of_roads) + " = 0", "such that one of these is above 0")


def total_loss(outputs: RoadOutputs, batch: Batch, config: LossConfig, fraction_done: float) -> dict[str, Tensor]:
    """All parts, already weighted, by name; the loss is their sum.

    Args:
        outputs: Of the network, for `batch`.
        batch: Images and labels.
        config: The weights.
        fraction_done: How far the run is, 0..1.
    """
    parts: dict[str, Tensor] = {}
    finest = functional.interpolate(outputs.roads[-1].float(), size=batch.road.shape[-2:], mode="bilinear")
    parts["road"] = road_loss(finest, batch.road, batch.valid, config)
    for index, logits in enumerate(outputs.roads[:-1]):
        road, valid = shrink(batch.road, batch.valid, logits, nearest=config.coarse_labels == "nearest")
        parts[f"road_coarse_{index}"] = config.coarse_heads * road_loss(logits.float(), road, valid, config)
    if config.cl_dice > 0 and fraction_done >= config.cl_dice_start:
        probability = torch.sigmoid(finest) * batch.valid
        parts["cl_dice"] = config.cl_dice * cl_dice_loss(
            probability, batch.road * batch.valid, config.cl_dice_iterations, config.smoothing_px
        )
    if outputs.orientation and config.orientation > 0:
        *coarse, fine = orientation_losses(outputs.orientation, batch.orientation)
        parts["orientation"] = config.orientation * (fine + config.coarse_heads * sum(coarse))
    return parts


def shrink(road: Tensor, valid: Tensor, like: Tensor, *, nearest: bool = False) -> tuple[Tensor, Tensor]:
    """Labels at a coarser head's size: the share of road or the cell's first pixel; valid where every pixel is."""
    size = like.shape[2], like.shape[3]
    known = (functional.adaptive_avg_pool2d(valid, size) == 1.0).to(road.dtype)
    if nearest:
        return functional.interpolate(road, size=size, mode="nearest"), known
    return functional.adaptive_avg_pool2d(road, size), known


def road_loss(logits: Tensor, road: Tensor, valid: Tensor, config: LossConfig) -> Tensor:
    """The weighted losses of one head."""
    probability = torch.sigmoid(logits)
    terms = []
    if config.cross_entropy:
        terms.append(config.cross_entropy * weighted_cross_entropy(logits, road, valid, config.road_weight))
    if config.soft_iou:
        terms.append(config.soft_iou * soft_iou_loss(probability, road, valid, config.smoothing_px))
    if config.soft_iou_published:
        terms.append(config.soft_iou_published * published_soft_iou_loss(probability, road, valid))
    if config.dice:
        terms.append(config.dice * dice_loss(probability, road, valid, config.smoothing_px))
    return torch.stack(terms).sum()


def weighted_cross_entropy(logits: Tensor, road: Tensor, valid: Tensor, road_weight: float) -> Tensor:
    """Binary cross entropy with roads counting `road_weight` times, averaged over the valid pixels of each image.

    For a network with two classes this is their cross entropy: its logit is the difference of theirs.
    """
    weight = valid * (1.0 + (road_weight - 1.0) * road)
    loss = functional.binary_cross_entropy_with_logits(logits, road, weight=weight, reduction="none")
    return (_sums(loss) / _sums(valid).clamp(min=1.0)).mean()


def soft_iou_loss(probability: Tensor, road: Tensor, valid: Tensor, smoothing_px: float) -> Tensor:
    """1 - (sum p y + s) / (sum p + sum y - sum p y + s) per image, averaged (Mattyus et al. 2017)."""
    p, y = probability * valid, road * valid
    intersection = _sums(p * y)
    union = _sums(p) + _sums(y) - intersection
    return 1.0 - ((intersection + smoothing_px) / (union + smoothing_px)).mean()


def published_soft_iou_loss(probability: Tensor, road: Tensor, valid: Tensor) -> Tensor:
    """-sum p y / (sum p + sum y - sum p y + 1e-8), averaged over images and both classes; from -1 to 0.

    As the paper trains, without smoothing: in a crop without roads only the background has a gradient.
    """
    p = torch.cat([1.0 - probability, probability], dim=1) * valid  # (n, 2, h, w)
    y = torch.cat([1.0 - road, road], dim=1) * valid  # (n, 2, h, w)
    intersection = (p * y).sum(dim=(2, 3))  # (n, 2)
    union = p.sum(dim=(2, 3)) + y.sum(dim=(2, 3)) - intersection  # (n, 2)
    return -(intersection / (union + _TINY)).mean()


def dice_loss(probability: Tensor, road: Tensor, valid: Tensor, smoothing_px: float) -> Tensor:
    """1 - (2 sum p y + s) / (sum p + sum y + s) per image, averaged (Milletari et al. 2016, arXiv:1606.04797)."""
    p, y = probability * valid, road * valid
    return 1.0 - ((2.0 * _sums(p * y) + smoothing_px) / (_sums(p) + _sums(y) + smoothing_px)).mean()


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
    """1 - soft clDice per image: how much of each one's skeleton lies in the other (Shit et al., CVPR 2021)."""
    predicted_line, true_line = soft_skeleton(probability, iterations), soft_skeleton(road, iterations)
    precision = (_sums(predicted_line * road) + smoothing_px) / (_sums(predicted_line) + smoothing_px)
    recall = (_sums(true_line * probability) + smoothing_px) / (_sums(true_line) + smoothing_px)
    return 1.0 - (2.0 * precision * recall / (precision + recall)).mean()


def _sums(x: Tensor) -> Tensor:
    """(n, 1, h, w) -> (n,)."""
    return x.sum(dim=(1, 2, 3))
