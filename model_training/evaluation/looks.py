"""Other looks of an image: what other light, air, cameras and compression would have made of the same place.

Imagery at hand comes from a few places and cameras, that of users does not. A threshold that suits these looks as well
is less of an accident of the data. Nothing here is random.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Optional

import numpy as np
from PIL import Image, ImageFilter

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
        picture = Image.fromarray(image)
        picture = Image.blend(picture.convert("L").convert("RGB"), picture, self.saturation)
        picture = picture.point(self._tones())
        if self.blur_radius_px:
            picture = picture.filter(ImageFilter.GaussianBlur(self.blur_radius_px))
        if self.jpeg_quality is not None:
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=self.jpeg_quality)
            picture = Image.open(file)
        return np.asarray(picture, dtype=np.uint8)

    def _tones(self) -> list[int]:
        """What each of the 256 values of each band becomes."""
        value = np.linspace(0.0, 1.0, 256) ** self.gamma * np.array(self.gains)[:, None]
        tones = (value - 0.5) * self.contrast + 0.5 + self.brightness
        return [int(tone) for tone in np.clip(tones * 255.0 + 0.5, 0, 255).ravel()]


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "dark and blue": Look(gamma=1.5, gains=(0.9, 1.0, 1.15)),
        "hazy": Look(gamma=0.8, gains=(1.0, 1.0, 1.05), contrast=0.55, brightness=0.1),
        "soft and compressed": Look(blur_radius_px=1.3, jpeg_quality=35),
        "grey and hard": Look(saturation=0.0, contrast=1.4),
    }
)
"""By name."""
