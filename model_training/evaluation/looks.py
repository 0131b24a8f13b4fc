"""Other looks of an image: what other light, air, cameras and compression would have made of the same place.

Imagery at hand comes from a few places and cameras, that of users does not. A threshold that suits these looks as well
is less of an accident of the data. Nothing here is random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Optional

import numpy as np
from PIL import Image, ImageFilter

from model_training.datasets.augmentation import compressed, saturated, tone_table
from model_training.datasets.folders import Bytes


@dataclass(frozen=True)
class Look:
    """Changes in the order of the fields; the defaults change nothing."""

    saturation: float = 1.0
    gamma: float = 1.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Of red, green and blue."""
    contrast: float = 1.0
    brightness: float = 0.0
    """Added, as a share of full brightness."""
    blur_radius_px: float = 0.0
    jpeg_quality: Optional[int] = None

    def of(self, image: Bytes) -> Bytes:
        """(height, width, 3) as it would look."""
        picture = saturated(Image.fromarray(image), self.saturation)
        picture = picture.point(tone_table(self.gamma, self.gains, self.contrast, self.brightness))
        if self.blur_radius_px:
            picture = picture.filter(ImageFilter.GaussianBlur(self.blur_radius_px))
        if self.jpeg_quality is not None:
            picture = compressed(picture, self.jpeg_quality)
        return np.asarray(picture, dtype=np.uint8)


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "dark and blue": Look(gamma=1.5, gains=(0.9, 1.0, 1.15)),
        "hazy": Look(gamma=0.8, gains=(1.0, 1.0, 1.05), contrast=0.55, brightness=0.1),
        "soft and compressed": Look(blur_radius_px=1.3, jpeg_quality=35),
        "grey and hard": Look(saturation=0.0, contrast=1.4),
    }
)
"""By name."""
