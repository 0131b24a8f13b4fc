"""From pixels to the network's input. Training and inference both use this, so the two cannot differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.model_card import InputSpec

STRETCH_PERCENTILES = (2.0, 98.0)
"""Of the valid pixels of each band: the usual display stretch, and that of SpaceNet's 8-bit imagery."""


@dataclass(frozen=True)
class Stretch:
    """A linear map of each band's [low, high] onto the network's value range, for imagery that is not 8-bit."""

    low: tuple[float, ...]
    high: tuple[float, ...]


def normalise(
    pixels: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_] | None,
    spec: InputSpec,
    out: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Normalise pixels as the model card says.

    Args:
        pixels: (bands, height, width) in the card's value range, any dtype.
        valid: (height, width), True where there is imagery; None when all of it is.
        spec: The card's input specification.
        out: (bands, height, width) Takes the result; None makes a new array.

    Returns:
        float32 (bands, height, width); invalid pixels are 0, which is the mean.
    """
    std = np.asarray(spec.std)[:, None, None]
    factor, shift = np.float32(spec.scale / std), np.float32(np.asarray(spec.mean)[:, None, None] / std)
    # (pixels * scale - mean) / std in few passes and in place, for new arrays take seven times as long as arithmetic.
    image: npt.NDArray[np.float32] = np.multiply(pixels, factor, out=out, dtype=np.float32)
    image -= shift
    if valid is not None and not valid.all():
        image[:, ~valid] = 0.0
    return image


def percentile_stretch(sample: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> Stretch:
    """The 2nd and 98th percentile of each band over the valid pixels of a sample (bands, height, width).

    A band of one value only is widened by 1, so that it maps to the lower end and not to nan.
    """
    low, high = [], []
    for band in sample:
        values = band[valid & np.isfinite(band)]
        first, last = np.percentile(values, STRETCH_PERCENTILES) if values.size else (0.0, 1.0)
        low.append(float(first))
        high.append(float(last) if last > first else float(first) + 1.0)
    return Stretch(tuple(low), tuple(high))


def apply_stretch(pixels: npt.NDArray[Any], stretch: Stretch, spec: InputSpec) -> npt.NDArray[np.float32]:
    """Map pixels (bands, height, width) linearly into the card's value range, clipped to it."""
    low = np.asarray(stretch.low, dtype=np.float32)[:, None, None]
    high = np.asarray(stretch.high, dtype=np.float32)[:, None, None]
    smallest, largest = spec.value_range
    share = np.clip((pixels.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    stretched: npt.NDArray[np.float32] = smallest + share * np.float32(largest - smallest)
    return stretched
