"""Small parts that the blocks of the network share. Shapes are (n, channels, height, width)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvNormRelu(nn.Sequential):
    """Convolution without bias, batch normalisation, ReLU; the size stays."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


class UpsampleTwice(nn.Sequential):
    """Doubles the size with a transposed convolution inside a bottleneck of a quarter of the channels (D-LinkNet)."""

    def __init__(self, channels: int) -> None:
        narrow = channels // 4
        super().__init__(
            nn.Conv2d(channels, narrow, 1),
            nn.BatchNorm2d(narrow),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(narrow, narrow, 3, stride=2, padding=1, output_padding=1),
            nn.BatchNorm2d(narrow),
            nn.ReLU(inplace=True),
            nn.Conv2d(narrow, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )


def resize_to(x: Tensor, target: Tensor, *, align_corners: bool = False) -> Tensor:
    """Bilinear resize of `x` to the height and width of `target`."""
    return functional.interpolate(x, size=target.shape[-2:], mode="bilinear", align_corners=align_corners)


def bin_averages(length: int, bins: int, like: Tensor) -> Tensor:
    """Adaptive average pooling along one axis as a row-stochastic matrix (bins, length).

    Bin i covers the pixels from floor(i * length / bins) to ceil((i + 1) * length / bins), as PyTorch's adaptive
    pooling does. In whole numbers, pixel p is in bin i when
    i * length < (p + 1) * bins and p * bins < (i + 1) * length.
    Unlike `nn.AdaptiveAvgPool2d` this exports to ONNX and is right there at every size.
    """
    pixel = torch.arange(length, device=like.device).unsqueeze(0)
    index = torch.arange(bins, device=like.device).unsqueeze(1)
    inside = (index * length < (pixel + 1) * bins) & (pixel * bins < (index + 1) * length)
    weights = inside.to(like.dtype)
    return weights / weights.sum(dim=1, keepdim=True)


def adaptive_average(x: Tensor, bins: int) -> Tensor:
    """Average over a `bins` x `bins` grid of cells: rows @ x @ columns."""
    rows = bin_averages(x.shape[2], bins, x)  # (bins, h)
    columns = bin_averages(x.shape[3], bins, x)  # (bins, w)
    return torch.matmul(torch.matmul(rows, x), columns.t())  # (n, c, bins, bins)
