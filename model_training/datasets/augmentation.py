"""One affine warp per crop, then changes of colour, sharpness and compression. All on bytes, by Pillow."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from model_training.datasets.folders import Bytes, Scene

Range = tuple[float, float]


@dataclass(frozen=True)
class AugmentationConfig:
    """Ranges are drawn from uniformly; the scale uniformly in its logarithm."""

    scale: Range = (0.8, 1.25)
    """Factor on the ground resolution."""
    rotate: bool = True
    """Turned by an angle, and mirrored half of the time."""
    rotation_step_degrees: float = 0.0
    """Angles are multiples of this; 0 takes any angle."""
    gamma: Range = (0.75, 1.35)
    contrast: Range = (0.75, 1.3)
    brightness: Range = (-0.1, 0.1)
    """Added, as a share of full brightness."""
    channel_gain: Range = (0.92, 1.08)
    """Factor of each band by itself: colour casts of basemaps."""
    saturation: Range = (0.5, 1.3)
    blur_probability: float = 0.15
    blur_radius_px: Range = (0.4, 1.4)
    jpeg_probability: float = 0.3
    jpeg_quality: Range = (30.0, 90.0)


@dataclass(frozen=True)
class Warp:
    """From pixels of the crop to pixels of the scene: scene = centre + zoom * rotation * mirror * (crop - middle)."""

    centre_x: float
    centre_y: float
    zoom: float
    """Scene pixels per crop pixel."""
    angle: float
    """Radians."""
    mirrored: bool

    def matrix(self, crop_px: int) -> tuple[float, float, float, float, float, float]:
        """Coefficients (a, b, c, d, e, f): x = a u + b v + c, y = d u + e v + f, both in edge-based pixels."""
        cosine, sine = self.zoom * math.cos(self.angle), self.zoom * math.sin(self.angle)
        sign = -1.0 if self.mirrored else 1.0
        a, b, d, e = sign * cosine, -sine, sign * sine, cosine
        middle = crop_px / 2
        return a, b, self.centre_x - (a + b) * middle, d, e, self.centre_y - (d + e) * middle


@dataclass(frozen=True)
class Crop:
    """A square piece of a scene, as `Scene`; outside of the scene nothing is valid."""

    image: Bytes
    road: Bytes
    valid: Bytes


def cut(scene: Scene, warp: Warp, crop_px: int) -> Crop:
    """Warp a crop out of a scene: bilinear for the image, nearest for the masks."""
    a, b, c, d, e, f = warp.matrix(crop_px)
    reach = 0.5 * crop_px * (max(abs(a) + abs(b), abs(d) + abs(e))) + 2
    top, left = max(int(warp.centre_y - reach), 0), max(int(warp.centre_x - reach), 0)
    rows, columns = slice(top, int(warp.centre_y + reach) + 1), slice(left, int(warp.centre_x + reach) + 1)
    coefficients = (a, b, c - left, d, e, f - top)

    def transform(layer: Bytes, resample: Image.Resampling) -> Bytes:
        window = Image.fromarray(np.ascontiguousarray(layer[rows, columns]))
        return np.asarray(window.transform((crop_px, crop_px), Image.Transform.AFFINE, coefficients, resample))

    image = transform(scene.image, Image.Resampling.BILINEAR)
    road, valid = (transform(layer, Image.Resampling.NEAREST) for layer in (scene.road, scene.valid))
    return Crop(image, road, valid)


def recolour(image: Bytes, config: AugmentationConfig, rng: np.random.Generator) -> Bytes:
    """Change colour, sharpness and compression of (height, width, 3)."""
    gamma, gains = rng.uniform(*config.gamma), rng.uniform(*config.channel_gain, size=3)
    tones = tone_table(gamma, gains, rng.uniform(*config.contrast), rng.uniform(*config.brightness))
    picture = saturated(Image.fromarray(image).point(tones), rng.uniform(*config.saturation))
    if rng.random() < config.blur_probability:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(*config.blur_radius_px)))
    if rng.random() < config.jpeg_probability:
        picture = compressed(picture, int(rng.uniform(*config.jpeg_quality)))
    return np.asarray(picture, dtype=np.uint8)


def tone_table(gamma: float, gains: npt.ArrayLike, contrast: float, brightness: float) -> list[int]:
    """What each of the 256 values of each band becomes: gamma, a gain per band, contrast and brightness at once."""
    value = np.linspace(0.0, 1.0, 256) ** gamma
    tones: npt.NDArray[np.float64] = (value * np.asarray(gains)[:, None] - 0.5) * contrast + 0.5 + brightness
    return [int(tone) for tone in np.clip(tones * 255.0 + 0.5, 0, 255).ravel()]


def saturated(picture: Image.Image, saturation: float) -> Image.Image:
    """With stronger or weaker colours; 0 is grey."""
    return Image.blend(picture.convert("L").convert("RGB"), picture, saturation)


def compressed(picture: Image.Image, quality: int) -> Image.Image:
    """What is left of it after JPEG."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)
