"""What a user should know about a raster before its roads are believed."""

from __future__ import annotations

from typing import Any

import numpy as np

from road_extractor_plugin.compute.normalise import Stretch
from road_extractor_plugin.contract.model_card import InputSpec


def resolution_warnings(native_m: float, spec: InputSpec) -> tuple[str, ...]:
    """Where the raster's ground resolution in m/px is not one that the model is made for."""
    finest, coarsest = spec.ground_resolution_range_m
    if finest <= native_m <= coarsest:
        return ()
    effect = "detail finer than that is averaged away" if native_m < finest else "roads may be missed"
    sentence = (
        f"The raster has {native_m:.3g} m per pixel on the ground, the model is made for {finest:g} to {coarsest:g} m. "
        f"It is resampled to {spec.ground_resolution_m:g} m; {effect}."
    )
    return (sentence,)


def stretch_sentence(dtype: np.dtype[Any], stretch: Stretch) -> str:
    """How pixels that are not 8-bit become so."""
    ranges = ", ".join(f"{low:.4g} to {high:.4g}" for low, high in zip(stretch.low, stretch.high))
    return (
        f"Pixels are {dtype}, not 8-bit: each band is stretched from its 2nd to 98th percentile ({ranges}), once for "
        "the whole image."
    )
