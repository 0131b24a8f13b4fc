"""Test-time augmentation: the network sees every tile in several ways, and the mean of its probabilities counts."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.compute.raster_rows import RasterRows
from road_extractor_plugin.compute.traced import MaskTaker, Traced
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import D4, FLIPS, Views
from road_extractor_plugin.contract.result import Device
from road_extractor_plugin.contract.trace_settings import TraceSettings

Float32 = npt.NDArray[np.float32]

_Symmetry = tuple[int, bool]
"""Quarter turns, and whether the turned tile is mirrored left to right."""

_SYMMETRIES: dict[str, tuple[_Symmetry, ...]] = {
    FLIPS: ((0, False), (0, True), (2, False), (2, True)),
    D4: tuple((turns, mirrored) for turns in range(4) for mirrored in (False, True)),
}


def averaged(compute: Compute, views: Views) -> Compute:
    """A compute that sees tiles in all these ways; the same one where there is only one way."""
    return compute if views == Views() else _AveragedCompute(compute, views)


class _AveragedCompute:
    """Predicts as the mean over views of what another compute predicts; all else is the other's."""

    def __init__(self, compute: Compute, views: Views) -> None:
        self._compute = compute
        self._symmetries = _SYMMETRIES.get(views.symmetries, ((0, False),))
        self._scales = views.scales

    @property
    def card(self) -> ModelCard:
        return self._compute.card

    @property
    def device(self) -> Device:
        return self._compute.device

    def predict(self, tiles: Float32) -> Float32:
        total = np.zeros((len(tiles), *tiles.shape[2:]), np.float32)
        for scale in self._scales:
            scaled = self._scaled(tiles, scale)
            for symmetry in self._symmetries:
                probability = _undone(self._compute.predict(_seen(scaled, symmetry)), symmetry)
                total += resized(probability, *tiles.shape[2:])
        total /= len(self._scales) * len(self._symmetries)
        return total

    def _scaled(self, tiles: Float32, scale: float) -> Float32:
        multiple = self.card.tiling.multiple_of
        height, width = (max(round(side * scale / multiple), 1) * multiple for side in tiles.shape[2:])
        return tiles if scale == 1 else resized(tiles, height, width)

    def trace(
        self,
        probability: RasterRows,
        settings: TraceSettings,
        pixel_size_m: tuple[float, float],
        feedback: Feedback,
        mask_made: MaskTaker | None = None,
    ) -> Traced:
        return self._compute.trace(probability, settings, pixel_size_m, feedback, mask_made)

    def close(self) -> None:
        self._compute.close()


def _seen(tiles: Float32, symmetry: _Symmetry) -> Float32:
    """Tiles (n, bands, height, width), turned and then mirrored."""
    turns, mirrored = symmetry
    turned = np.rot90(tiles, turns, axes=(2, 3))
    return np.ascontiguousarray(turned[..., ::-1] if mirrored else turned)


def _undone(probability: Float32, symmetry: _Symmetry) -> Float32:
    """Probabilities (n, height, width), mirrored and then turned back."""
    turns, mirrored = symmetry
    return np.rot90(probability[..., ::-1] if mirrored else probability, -turns, axes=(1, 2))


def resized(images: Float32, height: int, width: int) -> Float32:
    """Images (..., h, w) at another size: linear when they grow, weighted means without aliasing when they shrink."""
    if images.shape[-2:] == (height, width):
        return images
    rows, columns = _weights(images.shape[-2], height), _weights(images.shape[-1], width)
    result: Float32 = rows @ images @ columns.T
    return result


@lru_cache(maxsize=16)
def _weights(size: int, new_size: int) -> Float32:
    """How much each old pixel counts in each new one (new_size, size): triangles as wide as the coarser pixel."""
    step = size / new_size
    centres = (np.arange(new_size) + 0.5) * step
    distances = np.abs(np.arange(size) + 0.5 - centres[:, None])
    weights = np.maximum(1 - distances / max(step, 1.0), 0.0)
    normalised: Float32 = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalised
