"""Distillation: a network learns what a trained one says about the same crops, with or without their labels.

Where weights for the encoder cannot be had, its own labels teach it slowly; a teacher's probabilities say more per
pixel than a mask (Hinton et al. 2015, arXiv:1503.02531), and its features say what each stage of the encoder is for
(Romero et al. 2015, arXiv:1412.6550).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Optional

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_training.network.road_network import RoadNetwork, RoadOutputs
from road_extractor_plugin.contract.errors import RequestError

VIEWS = (1, 2, 4, 8)
_TINY = 1e-5


@dataclass(frozen=True)
class DistilConfig:
    """Learning from another network beside the labels."""

    teacher: Optional[str] = None
    """A checkpoint of `train` in its run's folder; its held-out scenes are kept out here too. None: labels only."""
    probabilities: float = 2.0
    """Weight of the cross entropy to the teacher's probabilities, of each road head."""
    features: float = 1.0
    """Weight of the distance between the encoders' features, the sum over the four stages."""
    views: int = 1
    """Flips and quarter turns over which the teacher's probabilities are averaged: 1, 2, 4 or 8."""
    take_decoder: bool = True
    """Start from the teacher's weights wherever a part but the encoder has the same shape."""

    def __post_init__(self) -> None:
        """Refuse what teaches nothing.

        Raises:
            RequestError: A weight is negative, both are 0, or the number of views is no group of flips and turns.
        """
        for name in ("probabilities", "features"):
            if getattr(self, name) < 0:
                raise RequestError(f"distil.{name}", getattr(self, name), "0 or more")
        if not self.probabilities and not self.features:
            raise RequestError("distil", "probabilities, features = 0", "such that one of these is above 0")
        if self.views not in VIEWS:
            raise RequestError("distil.views", self.views, f"one of {', '.join(map(str, VIEWS))}")


class Teacher:
    """A trained network that only answers. It is no module, so that no checkpoint and no optimiser holds it."""

    def __init__(self, network: RoadNetwork, views: int) -> None:
        self.network = network.eval().requires_grad_(False)  # noqa: FBT003  (torch's signature)
        self._views = views

    def __deepcopy__(self, memo: dict[int, object]) -> Teacher:
        """Itself: the average of a student's weights needs no second teacher."""
        return self

    @torch.no_grad()
    def answer(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """What it says about a batch.

        Args:
            image: (n, 3, h, w), normalised; h = w when there are more than two views.

        Returns:
            Features (n, C_i, h / s, w / s) of the four stages, and road probabilities (n, 1, h / s, w / s), 0 to 1, of
            each head from coarse to fine.
        """
        self.network.to(image.device)
        stages = self.network.encoder(image)
        sums = [torch.sigmoid(logits.float()) for logits in self.network.decode(stages).roads]
        for view in range(1, self._views):
            for index, logits in enumerate(self.network(turned(image, view)).roads):
                sums[index] += turned_back(torch.sigmoid(logits.float()), view)
        return stages, [total / self._views for total in sums]


def turned(image: Tensor, view: int) -> Tensor:
    """(n, c, h, w) in one of eight views: 1 mirrored, + 2 upside down, + 4 transposed."""
    axes = [axis for bit, axis in ((1, 3), (2, 2)) if view & bit]
    flipped = image.flip(axes)
    return flipped.transpose(2, 3) if view & 4 else flipped


def turned_back(image: Tensor, view: int) -> Tensor:
    """The inverse of `turned`."""
    upright = image.transpose(2, 3) if view & 4 else image
    return upright.flip([axis for bit, axis in ((1, 3), (2, 2)) if view & bit])


class Distillation(nn.Module):
    """The losses between a student and its teacher, with what they need learnt: a 1x1 convolution per stage."""

    def __init__(self, student: RoadNetwork, teacher: Teacher, config: DistilConfig) -> None:
        """Compare the two.

        Raises:
            RequestError: Their road heads have different strides.
        """
        super().__init__()
        mine, theirs = student.config.heads, teacher.network.config.heads
        if mine != theirs:
            raise RequestError("network.heads", mine, f"{theirs}, as the teacher (distil.teacher) has")
        self._config = config
        self._teacher = teacher
        widths = zip(student.encoder.channels, teacher.network.encoder.channels)
        self.projections = nn.ModuleList(nn.Conv2d(own, wanted, 1) for own, wanted in widths)

    def forward(self, image: Tensor, stages: list[Tensor], outputs: RoadOutputs) -> dict[str, Tensor]:
        """Both parts, already weighted, by name.

        Args:
            image: (n, 3, h, w), as the student saw it.
            stages: The student's features (n, C_i, h / s, w / s).
            outputs: Its logits.
        """
        wanted_stages, probabilities = self._teacher.answer(image)
        parts: dict[str, Tensor] = {}
        if self._config.probabilities:
            each = [probability_loss(mine.float(), theirs) for mine, theirs in zip(outputs.roads, probabilities)]
            parts["teacher_probabilities"] = self._config.probabilities * torch.stack(each).sum()
        if self._config.features:
            projected = [projection(stage) for projection, stage in zip(self.projections, stages)]
            each = [feature_loss(mine.float(), theirs.float()) for mine, theirs in zip(projected, wanted_stages)]
            parts["teacher_features"] = self._config.features * torch.stack(each).sum()
        return parts


def probability_loss(logits: Tensor, probability: Tensor) -> Tensor:
    """Binary cross entropy of logits (n, 1, h, w) to probabilities of the same shape, averaged over all pixels."""
    return functional.binary_cross_entropy_with_logits(logits, probability)


def feature_loss(mine: Tensor, theirs: Tensor) -> Tensor:
    """Mean squared distance of two (n, c, h, w), each channel of each image first brought to mean 0 and deviation 1."""
    return functional.mse_loss(_standardised(mine), _standardised(theirs))


def _standardised(x: Tensor) -> Tensor:
    deviation, mean = torch.var_mean(x, dim=(2, 3), correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(deviation + _TINY)


def take_decoder(student: RoadNetwork, teacher: RoadNetwork) -> int:
    """Give the student the teacher's weights of all parts but the encoder where names and shapes agree.

    A student that starts from a trained decoder has only features to learn (Chen et al., CVPR 2022, arXiv:2203.14001).

    Returns:
        How many arrays were taken.
    """
    own, given = student.state_dict(), teacher.state_dict()
    taken = {
        key: copy.deepcopy(given[key])
        for key, old in own.items()
        if not key.startswith("encoder.") and key in given and given[key].shape == old.shape
    }
    student.load_state_dict({**own, **taken})
    return len(taken)
