"""UPerNet's neck: pyramid pooling on the deepest stage, then a feature pyramid (Xiao et al., arXiv:1807.10221)."""

from __future__ import annotations

from torch import Tensor, cat, nn

from model_training.network.blocks import ConvNormRelu, adaptive_average, resize_to

POOL_BINS = (1, 2, 3, 6)


class PyramidPooling(nn.Module):
    """Adds the averages over 1, 4, 9 and 36 cells of the map to each pixel of it."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(ConvNormRelu(channels_in, channels_out, 1) for _ in POOL_BINS)
        self.join = ConvNormRelu(channels_in + len(POOL_BINS) * channels_out, channels_out, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, C4, h, w) -> (n, D, h, w)."""
        pooled = [branch(adaptive_average(x, bins)) for bins, branch in zip(POOL_BINS, self.branches)]
        wide = [resize_to(cells, x, align_corners=True) for cells in reversed(pooled)]
        return self.join(cat([x, *wide], dim=1))  # type: ignore[no-any-return]


class FeaturePyramid(nn.Module):
    """From the encoder's four stages to four maps of equal width at strides 4, 8, 16 and 32."""

    def __init__(self, stage_channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        *shallow, deepest = stage_channels
        self.pooling = PyramidPooling(deepest, width)
        self.laterals = nn.ModuleList(ConvNormRelu(channels, width, 1) for channels in shallow)
        self.smooth = nn.ModuleList(ConvNormRelu(width, width, 3) for _ in shallow)

    def forward(self, stages: list[Tensor]) -> list[Tensor]:
        """Stages (n, C_i, h_i, w_i) -> pyramid (n, D, h_i, w_i), finest first."""
        levels = [lateral(stage) for lateral, stage in zip(self.laterals, stages)]
        levels.append(self.pooling(stages[-1]))
        for fine in range(len(levels) - 2, -1, -1):
            levels[fine] = levels[fine] + resize_to(levels[fine + 1], levels[fine])
        return [*(conv(level) for conv, level in zip(self.smooth, levels)), levels[-1]]


def stack_pyramid(levels: list[Tensor]) -> Tensor:
    """All levels at the finest one's size: (n, 4D, h/4, w/4)."""
    return cat([levels[0], *(resize_to(level, levels[0]) for level in levels[1:])], dim=1)
