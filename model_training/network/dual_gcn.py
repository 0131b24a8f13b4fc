"""Dual graph convolution: reasoning over all pixels at once (Zhang et al., BMVC 2019, arXiv:1909.06121).

Two graphs are laid over the feature map x (n, C, h, w): one whose similarities come from a strided, smoothed copy of
the pixels, and one whose nodes are projections of the whole map. Both add what they found to x; a 1x1 convolution
joins them.

The sums over all pixels grow with the area of the image, so a network trained on small crops sees other magnitudes on
large tiles. `normalised=True` divides them by the number of pixels; the published form is `normalised=False`.
"""

from __future__ import annotations

from torch import Tensor, cat, nn, softmax
from torch.nn import functional

from model_training.network.blocks import resize_to


class SpatialGraph(nn.Module):
    """Long-range context between pixels, by the affinity of channels (linear in the number of pixels)."""

    def __init__(self, channels: int, *, normalised: bool) -> None:
        super().__init__()
        inner = channels // 2
        self.normalised = normalised
        self.key = nn.Conv2d(channels, inner, 1)
        self.value = nn.Conv2d(channels, inner, 1)
        self.query = nn.Conv2d(channels, inner, 1)
        self.graph_weight = nn.Conv1d(inner, inner, 1, bias=False)
        self.graph_norm = nn.BatchNorm1d(inner)
        self.expand = nn.Sequential(nn.Conv2d(inner, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, h, w) -> (n, C, h, w)."""
        key = self.key(x).flatten(2)  # (n, C/2, hw)
        value = self.value(x).flatten(2)  # (n, C/2, hw)
        query = self.query(x).flatten(2)  # (n, C/2, hw)
        affinity = query @ value.transpose(1, 2)  # (n, C/2, C/2)
        if self.normalised:
            affinity = affinity / (x.shape[2] * x.shape[3])
        nodes = softmax(affinity, dim=-1).transpose(1, 2) @ key  # (n, C/2, hw)
        nodes = self.graph_norm(self.graph_weight(nodes))  # (n, C/2, hw)
        grid = nodes.unflatten(2, (x.shape[2], x.shape[3]))  # (n, C/2, h, w)
        return functional.relu(self.expand(grid) + x)


class FeatureGraph(nn.Module):
    """Context between features: the map is projected onto a few nodes, which exchange messages and project back."""

    def __init__(self, channels: int, ratio: int, *, normalised: bool) -> None:
        super().__init__()
        nodes, states = channels // ratio, 2 * channels // ratio
        self.normalised = normalised
        self.state = nn.Sequential(nn.Conv2d(channels, states, 1, bias=False), nn.BatchNorm2d(states))
        self.assignment = nn.Sequential(nn.Conv2d(channels, nodes, 1, bias=False), nn.BatchNorm2d(nodes))
        self.adjacency = nn.Sequential(nn.Conv1d(nodes, nodes, 1, bias=False), nn.BatchNorm1d(nodes))
        self.update = nn.Sequential(nn.Conv1d(states, states, 1, bias=False), nn.BatchNorm1d(states))
        self.expand = nn.Sequential(nn.Conv2d(states, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, h, w) -> (n, C, h, w)."""
        states = self.state(x).flatten(2)  # (n, S, hw), S = 2C/r
        assignment = self.assignment(x).flatten(2)  # (n, N, hw), N = C/r
        nodes = states @ assignment.transpose(1, 2)  # (n, S, N)
        if self.normalised:
            nodes = nodes / (x.shape[2] * x.shape[3])
        messages = self.adjacency(nodes.transpose(1, 2)).transpose(1, 2)  # (n, S, N)
        nodes = self.update(nodes + messages)  # (n, S, N)
        grid = (nodes @ assignment).unflatten(2, (x.shape[2], x.shape[3]))  # (n, S, h, w)
        return functional.relu(x + self.expand(grid))


class DualGcn(nn.Module):
    """Both graphs over one feature map; the spatial one on an eighth of its size."""

    def __init__(self, channels: int, ratio: int = 2, *, normalised: bool = True) -> None:
        super().__init__()
        self.shrink = nn.Sequential(*[layer for _ in range(3) for layer in self._halve(channels)])
        self.spatial = SpatialGraph(channels, normalised=normalised)
        self.feature = FeatureGraph(channels, ratio, normalised=normalised)
        self.join = nn.Sequential(nn.Conv2d(2 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels))

    @staticmethod
    def _halve(channels: int) -> tuple[nn.Module, nn.Module]:
        depthwise = nn.Conv2d(channels, channels, 3, stride=2, padding=1, groups=channels, bias=False)
        return depthwise, nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, h, w) -> (n, C, h, w)."""
        gate = resize_to(self.spatial(self.shrink(x)), x, align_corners=True)  # (n, C, h, w)
        return self.join(cat([x * gate + x, self.feature(x)], dim=1))  # type: ignore[no-any-return]
