"""Pictures of a scene to look through: image, label, heat map and prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image, ImageDraw

from model_training.datasets.folders import Bytes
from model_training.evaluation.prediction import PredictedScene
from road_extractor_plugin.contract.raster_coding import CERTAIN
from road_extractor_plugin.contract.road_graph import RoadGraph

PANEL_PX, THUMBNAIL_PX = 700, 320
"""Longest side of one of the four panels, and of the small picture of all four."""
_GAP_PX = 6
_NO_DATA = (110, 110, 110)
_ROAD_TINT, _LINE, _CASING = (255, 120, 90), (255, 221, 0), (40, 20, 60)
_JPEG_QUALITY = 88


def four_panels(image: Bytes, scene: PredictedScene, mask: npt.NDArray[np.bool_], graph: RoadGraph) -> Image.Image:
    """Image and label above, prediction and heat map below: clockwise as in the paper.

    Args:
        image: (height, width, 3).
        scene: Prediction and label.
        mask: (height, width), what is predicted to be road.
        graph: Traced lines, in pixels.
    """
    label = np.repeat(scene.road[..., None] * np.uint8(255), 3, axis=2)
    heat = (colormaps["inferno"](np.minimum(scene.probability / CERTAIN, 1.0))[..., :3] * 255).astype(np.uint8)
    for panel in (label, heat):
        panel[~scene.valid] = _NO_DATA
    panels = [_shrunk(Image.fromarray(panel)) for panel in (image, label)]
    panels += [_prediction(image, mask, graph), _shrunk(Image.fromarray(heat))]
    width, height = panels[0].size
    picture = Image.new("RGB", (2 * width + _GAP_PX, 2 * height + _GAP_PX), "white")
    for number, panel in enumerate(panels):
        picture.paste(panel, (number % 2 * (width + _GAP_PX), number // 2 * (height + _GAP_PX)))
    return picture


def _prediction(image: Bytes, mask: npt.NDArray[np.bool_], graph: RoadGraph) -> Image.Image:
    """The image darkened, the mask tinted, the lines on it."""
    dark = image // 2
    dark[mask] = dark[mask] // 2 + np.array(_ROAD_TINT, dtype=np.uint8) // 2
    panel = _shrunk(Image.fromarray(dark))
    scale = panel.width / image.shape[1]
    draw = ImageDraw.Draw(panel)
    for colour, width in ((_CASING, 5), (_LINE, 2)):
        for edge in graph.edges:
            draw.line([tuple(point) for point in edge.points * scale], fill=colour, width=width, joint="curve")
    return panel


def _shrunk(picture: Image.Image) -> Image.Image:
    zoom = min(PANEL_PX / max(picture.size), 1.0)
    size = (max(round(picture.width * zoom), 1), max(round(picture.height * zoom), 1))
    return picture.resize(size, Image.Resampling.BOX)


def write_pictures(picture: Image.Image, path: Path, thumbnail: Path) -> None:
    """Write a picture and a small one as JPEG."""
    picture.save(path, quality=_JPEG_QUALITY)
    small = picture.copy()
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    small.save(thumbnail, quality=_JPEG_QUALITY)
