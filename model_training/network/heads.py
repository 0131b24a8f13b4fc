"""Heads: road logits at several strides, and the road's orientation.

A road head returns its logits from coarse to fine. `RoadHeadS2` is the fast one (strides 4 and 2); `RoadHeadF` is that
of the paper (strides 4, 2 and 1, graph reasoning at each).
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from model_training.network.blocks import ConvNormRelu, UpsampleTwice, resize_to

NewGraph = Callable[[int], nn.Module]
"""Makes what reasons over a map of so many channels."""


class SharedClassifier(nn.Sequential):
    """Two 1x1 convolutions, used at strides 4 and 2 with the same weights."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(nn.Conv2d(channels, channels, 1), nn.ReLU(inplace=True), nn.Conv2d(channels, classes, 1))


class RoadHeadS2(nn.Module):
    """Roads at strides 4 and 2; graph reasoning at stride 4, where it costs little."""

    strides = (4, 2)

    def __init__(self, channels_in: int, channels: int, classes: int, new_graph: NewGraph) -> None:
        super().__init__()
        self.reduce = ConvNormRelu(channels_in, channels, 3)
        self.graph = new_graph(channels)
        self.to_half = UpsampleTwice(channels)
        self.classify = SharedClassifier(channels, classes)

    def forward(self, stacked: Tensor) -> list[Tensor]:
        """(n, 4D, h/4, w/4) -> logits (n, classes, h/4, w/4), (n, classes, h/2, w/2)."""
        quarter = self.reduce(stacked)  # (n, C, h/4, w/4)
        reasoned = self.graph(quarter)  # (n, C, h/4, w/4)
        half = self.to_half(quarter)  # (n, C, h/2, w/2)
        half = half + resize_to(reasoned, half)
        return [self.classify(reasoned), self.classify(half)]


class RoadHeadF(nn.Module):
    """Roads at strides 4, 2 and 1, with three independent graphs: the paper's head."""

    strides = (4, 2, 1)

    def __init__(self, channels_in: int, channels: int, classes: int, new_graph: NewGraph) -> None:
        super().__init__()
        self.reduce = ConvNormRelu(channels_in, channels, 3)
        self.to_half = UpsampleTwice(channels)
        self.to_full = nn.Sequential(nn.ConvTranspose2d(channels, channels, 3, stride=2), nn.ReLU(inplace=True))
        self.graphs = nn.ModuleList(new_graph(channels) for _ in self.strides)
        self.classify = SharedClassifier(channels, classes)
        self.classify_full = nn.Sequential(
            nn.Conv2d(channels, channels, 3),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, classes, 2, padding=1),
        )

    def forward(self, stacked: Tensor) -> list[Tensor]:
        """(n, 4D, h/4, w/4) -> logits (n, classes, h/4, w/4), (n, classes, h/2, w/2), (n, classes, h, w)."""
        quarter = self.reduce(stacked)  # (n, C, h/4, w/4)
        half = self.to_half(quarter)  # (n, C, h/2, w/2)
        full = self.to_full(half)  # (n, C, h + 1, w + 1)
        reasoned = self.graphs[0](quarter)
        half = self.graphs[1](half) + resize_to(reasoned, half)
        full = self.graphs[2](full) + resize_to(half, full)
        return [self.classify(reasoned), self.classify(half), self.classify_full(full)]


class OrientationVectorHead(nn.Module):
    """The direction of the road as (cos 2t, sin 2t) at stride 4; t and t + 180 degrees are the same road."""

    strides = (4,)

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(ConvNormRelu(width, width, 3), nn.Conv2d(width, 2, 1))

    def forward(self, finest: Tensor) -> list[Tensor]:
        """(n, D, h/4, w/4) -> (n, 2, h/4, w/4), not normalised to length 1."""
        return [self.layers(finest)]


class OrientationClassesHead(nn.Module):
    """The paper's orientation task: 36 directions of 10 degrees and background, at strides 4, 2 and 1."""

    strides = (4, 2, 1)
    classes = 37

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.quarter = ConvNormRelu(width, width, 3)
        self.to_half = UpsampleTwice(width)
        self.to_full = nn.Sequential(nn.ConvTranspose2d(width, channels, 3, stride=2), nn.ReLU(inplace=True))
        self.trim = nn.Conv2d(channels, channels, 3)
        self.classify = nn.Conv2d(width, self.classes, 1)
        self.classify_full = nn.Conv2d(channels, self.classes, 2, padding=1)

    def forward(self, finest: Tensor) -> list[Tensor]:
        """(n, D, h/4, w/4) -> logits (n, 37, h/4, w/4), (n, 37, h/2, w/2), (n, 37, h, w)."""
        quarter = self.quarter(finest)  # (n, D, h/4, w/4)
        half = self.to_half(quarter)  # (n, D, h/2, w/2)
        full = self.trim(self.to_full(half))  # (n, C, h - 1, w - 1)
        full = self.classify_full(functional.relu(full))  # (n, 37, h, w)
        return [self.classify(quarter), self.classify(half), full]
